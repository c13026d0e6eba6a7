//! A validating cursor over a JSON text (RFC 8259), as strict as the contract asks: no duplicate key at any level, no
//! NaN, no lone surrogate, a bounded depth. Nothing is built that the caller did not ask for.

mod keys;
mod strings;
mod walk;

use keys::Key;
pub use walk::Walk;

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: u32 = 127;

/// Where and why a text is not JSON, or why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Not JSON: byte offset and reason.
    Syntax(usize, &'static str),
    /// More events than a post may hold.
    TooManyEvents,
}

/// A number as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// No fraction, no exponent; saturated far outside of 64 bits.
    Integer(i128),
    /// With a fraction or an exponent.
    Real,
}

/// Reads a text from its beginning.
#[derive(Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    pos: usize,
    depth: u32,
    keys: Vec<Key>,
    unescaped: String,
}

impl<'a> Cursor<'a> {
    /// A cursor before the first byte; texts are at most 4 GiB.
    pub const fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, pos: 0, depth: 0, keys: Vec::new(), unescaped: String::new() }
    }

    /// Byte offset.
    pub const fn pos(&self) -> usize {
        self.pos
    }

    /// Goes back to an offset that [`Cursor::pos`] gave at the same depth.
    pub const fn rewind(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// The value of `type` where an event begins with it, as they mostly do: `{"type":"` and a plain string.
    pub fn first_type(&self) -> Option<&'a str> {
        let rest = self.text[self.pos..].strip_prefix(r#"{"type":""#)?;
        let end = rest.find(['"', '\\'])?;
        if rest.as_bytes()[end] == b'"' { Some(&rest[..end]) } else { None }
    }

    /// The text from an offset up to here.
    pub fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.pos]
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    #[cold]
    fn syntax<T>(&self, what: &'static str) -> Result<T, Stop> {
        Err(Stop::Syntax(self.pos, what))
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.pos += 1;
        }
    }

    /// The first byte of the next token.
    #[inline]
    pub fn peek(&mut self) -> Result<u8, Stop> {
        self.space();
        match self.byte() {
            Some(byte) => Ok(byte),
            None => self.syntax("the text ends too early"),
        }
    }

    /// Nothing but white space is left.
    pub fn end(&mut self) -> Result<(), Stop> {
        self.space();
        if self.byte().is_none() { Ok(()) } else { self.syntax("bytes after the value") }
    }

    /// Takes an exact piece of text if it is next.
    #[inline]
    fn take(&mut self, piece: &str) -> bool {
        let next = self.text.as_bytes()[self.pos..].starts_with(piece.as_bytes());
        self.pos += if next { piece.len() } else { 0 };
        next
    }

    /// `true` or `false`, if the next value is one.
    pub fn boolean(&mut self) -> Result<Option<bool>, Stop> {
        match self.peek()? {
            b't' => self.literal("true").map(|()| Some(true)),
            b'f' => self.literal("false").map(|()| Some(false)),
            _ => Ok(None),
        }
    }

    /// `null`, if it is next.
    pub fn null(&mut self) -> Result<bool, Stop> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        self.literal("null").map(|()| true)
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), Stop> {
        if self.take(literal) { Ok(()) } else { self.syntax("not a JSON value") }
    }

    /// A number, if the next value is one.
    #[inline]
    pub fn number(&mut self) -> Result<Option<Number>, Stop> {
        if !matches!(self.peek()?, b'-' | b'0'..=b'9') {
            return Ok(None);
        }
        let negative = self.take("-");
        let start = self.pos;
        let magnitude = self.integer_digits();
        let digits = self.pos - start;
        if digits == 0 || (digits > 1 && self.text.as_bytes()[start] == b'0') {
            return self.syntax("malformed number");
        }
        if self.fraction()? | self.exponent()? {
            return Ok(Some(Number::Real));
        }
        Ok(Some(Number::Integer(if negative { -magnitude } else { magnitude })))
    }

    #[inline]
    fn integer_digits(&mut self) -> i128 {
        let start = self.pos;
        let mut magnitude = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.pos += 1;
        }
        // 19 digits always fit 64 bits; longer ones are read again, wider.
        if self.pos - start <= 19 { i128::from(magnitude) } else { self.wide_digits(start) }
    }

    #[cold]
    fn wide_digits(&self, start: usize) -> i128 {
        let digits = self.text.as_bytes()[start..self.pos].iter();
        digits.fold(0_i128, |sum, digit| sum.saturating_mul(10).saturating_add(i128::from(digit - b'0')))
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.byte() {
            self.pos += 1;
        }
        if self.pos == start { self.syntax("a digit was due") } else { Ok(()) }
    }

    fn fraction(&mut self) -> Result<bool, Stop> {
        if !self.take(".") {
            return Ok(false);
        }
        self.digits().map(|()| true)
    }

    fn exponent(&mut self) -> Result<bool, Stop> {
        if !matches!(self.byte(), Some(b'e' | b'E')) {
            return Ok(false);
        }
        self.pos += 1;
        if matches!(self.byte(), Some(b'+' | b'-')) {
            self.pos += 1;
        }
        self.digits().map(|()| true)
    }

    fn enter(&mut self) -> Result<(), Stop> {
        self.pos += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.syntax("nested too deeply") } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.pos += 1;
        self.depth -= 1;
    }
}

#[cfg(test)]
mod tests;
