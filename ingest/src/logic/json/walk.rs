//! Arrays, objects, and what is skipped.

use super::{Cursor, Stop};

/// Something that holds a cursor: gives it arrays, objects and skipping.
pub trait Walk<'a>: Sized {
    /// Its cursor.
    fn cursor(&mut self) -> &mut Cursor<'a>;

    /// Counts a field that nobody asked for.
    fn unknown_field(&mut self);

    /// The elements of the array that begins here; returns their number.
    fn elements(&mut self, mut each: impl FnMut(&mut Self, usize) -> Result<(), Stop>) -> Result<usize, Stop> {
        self.cursor().enter()?;
        let mut count = 0;
        if self.cursor().peek()? != b']' {
            loop {
                each(self, count)?;
                count += 1;
                match self.cursor().peek()? {
                    b',' => self.cursor().pos += 1,
                    b']' => break,
                    _ => return self.cursor().syntax("`,` or `]` was due"),
                }
            }
        }
        self.cursor().leave();
        Ok(count)
    }

    /// The members of the object that begins here: `each` reads the value of a known name by its index; others are
    /// skipped. Returns the bits of the names met.
    fn members(
        &mut self,
        names: &'static [&'static str],
        mut each: impl FnMut(&mut Self, usize) -> Result<(), Stop>,
    ) -> Result<u32, Stop> {
        self.cursor().enter()?;
        let base = self.cursor().keys.len();
        let (mut met, mut expected) = (0_u32, 0);
        if self.cursor().peek()? != b'}' {
            loop {
                match self.cursor().name(names, expected)? {
                    Some(known) if met & (1 << known) != 0 => return self.cursor().syntax("a duplicate key"),
                    Some(known) => {
                        met |= 1 << known;
                        expected = known + 1;
                        each(self, known)?;
                    }
                    None => {
                        self.unknown_field();
                        self.skip()?;
                    }
                }
                match self.cursor().peek()? {
                    b',' => self.cursor().pos += 1,
                    b'}' => break,
                    _ => return self.cursor().syntax("`,` or `}` was due"),
                }
            }
        }
        self.cursor().no_duplicates(base)?;
        self.cursor().leave();
        Ok(met)
    }

    /// Passes any value, validating it.
    fn skip(&mut self) -> Result<(), Stop> {
        match self.cursor().peek()? {
            b'{' => skip_object(self.cursor()),
            b'[' => skip_array(self.cursor()),
            b'"' => self.cursor().scan_string().map(drop),
            b't' => self.cursor().literal("true"),
            b'f' => self.cursor().literal("false"),
            b'n' => self.cursor().literal("null"),
            _ => match self.cursor().number()? {
                Some(_) => Ok(()),
                None => self.cursor().syntax("not a JSON value"),
            },
        }
    }
}

/// Fields below a skipped value are not counted one by one.
impl<'a> Walk<'a> for Cursor<'a> {
    fn cursor(&mut self) -> &mut Cursor<'a> {
        self
    }

    fn unknown_field(&mut self) {}
}

fn skip_object(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    cursor.members(&[], |cursor, _| cursor.skip()).map(drop)
}

fn skip_array(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    cursor.elements(|cursor, _| cursor.skip()).map(drop)
}
