//! A validating cursor over a JSON text (RFC 8259), as strict as the contract asks: no duplicate key at any level, no
//! NaN, no lone surrogate, a bounded depth. Nothing is built that the caller did not ask for.
//!
//! tidy: long because the steps of one strict cursor share its state and its bounds, and are read together.

use std::borrow::Cow;

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

/// A key that was not asked for, kept until its object ends to find duplicates.
#[derive(Clone, Copy, Debug)]
struct Key {
    hash: u32,
    start: u32,
    len: u32,
    escaped: bool,
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

    /// A string without its escapes, if the next value is one.
    #[inline]
    pub fn string(&mut self) -> Result<Option<Cow<'a, str>>, Stop> {
        if self.peek()? != b'"' {
            return Ok(None);
        }
        let (start, escaped) = self.scan_string()?;
        let raw = &self.text[start..self.pos - 1];
        Ok(Some(if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }))
    }

    /// Passes a string: where its content starts, and whether it has escapes.
    #[inline]
    fn scan_string(&mut self) -> Result<(usize, bool), Stop> {
        self.pos += 1;
        let (start, mut escaped) = (self.pos, false);
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.scan_escape()?;
                }
                Some(0..=0x1f) => return self.syntax("a control character in a string"),
                Some(_) => self.pos += 1,
                None => return self.syntax("the text ends in a string"),
            }
        }
        self.pos += 1;
        Ok((start, escaped))
    }

    fn scan_escape(&mut self) -> Result<(), Stop> {
        self.pos += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 1;
                Ok(())
            }
            Some(b'u') => self.scan_unicode(),
            _ => self.syntax("no such escape"),
        }
    }

    fn scan_unicode(&mut self) -> Result<(), Stop> {
        match self.unit()? {
            0xd800..=0xdbff => {
                if self.byte() != Some(b'\\') {
                    return self.syntax("a lone surrogate");
                }
                self.pos += 1;
                if self.byte() == Some(b'u') && matches!(self.unit()?, 0xdc00..=0xdfff) {
                    return Ok(());
                }
                self.syntax("a lone surrogate")
            }
            0xdc00..=0xdfff => self.syntax("a lone surrogate"),
            _ => Ok(()),
        }
    }

    /// Passes `uXXXX`.
    fn unit(&mut self) -> Result<u32, Stop> {
        self.pos += 1;
        match self.text.as_bytes().get(self.pos..self.pos + 4).and_then(hex) {
            Some(unit) => {
                self.pos += 4;
                Ok(unit)
            }
            None => self.syntax("four hexadecimal digits were due"),
        }
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

impl Cursor<'_> {
    /// Passes a key and its colon: the index of its name, or `None` for one that is not in the list, which is kept.
    #[inline]
    fn name(&mut self, names: &'static [&'static str], expected: usize) -> Result<Option<usize>, Stop> {
        if self.peek()? != b'"' {
            return self.syntax("a key was due");
        }
        let (start, escaped) = self.scan_string()?;
        let raw = &self.text[start..self.pos - 1];
        if self.peek()? != b':' {
            return self.syntax("`:` was due");
        }
        self.pos += 1;
        // Keys mostly come in the order of the list.
        if names.get(expected) == Some(&raw) {
            return Ok(Some(expected));
        }
        let plain = if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) };
        let known = names.iter().position(|name| *name == plain);
        if known.is_none() {
            self.keep(start, &plain, escaped);
        }
        Ok(known)
    }

    fn keep(&mut self, start: usize, plain: &str, escaped: bool) {
        let start = if escaped { self.unescaped.len() } else { start };
        if escaped {
            self.unescaped.push_str(plain);
        }
        self.keys.push(Key { hash: hash(plain), start: start as u32, len: plain.len() as u32, escaped });
    }

    /// Forgets the keys kept since `base`, unless two are equal.
    fn no_duplicates(&mut self, base: usize) -> Result<(), Stop> {
        if self.keys.len() == base {
            return Ok(());
        }
        let (text, unescaped) = (self.text, &self.unescaped);
        let plain = |key: &Key| {
            let source = if key.escaped { unescaped.as_str() } else { text };
            &source[key.start as usize..(key.start + key.len) as usize]
        };
        let keys = &mut self.keys[base..];
        keys.sort_unstable_by(|a, b| a.hash.cmp(&b.hash).then_with(|| plain(a).cmp(plain(b))));
        let twice = keys.windows(2).any(|pair| pair[0].hash == pair[1].hash && plain(&pair[0]) == plain(&pair[1]));
        self.keys.truncate(base);
        if base == 0 {
            self.unescaped.clear();
        }
        if twice { self.syntax("a duplicate key") } else { Ok(()) }
    }
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

/// Resolves the escapes of a scanned string.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (character, len) = escape(&rest.as_bytes()[at..]);
        text.push(character);
        rest = &rest[at + len..];
    }
    text.push_str(rest);
    text
}

/// The character of a scanned escape and the length of the escape.
fn escape(bytes: &[u8]) -> (char, usize) {
    match bytes[1] {
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'n' => ('\n', 2),
        b'r' => ('\r', 2),
        b't' => ('\t', 2),
        b'u' => unicode_escape(bytes),
        other => (char::from(other), 2),
    }
}

fn unicode_escape(bytes: &[u8]) -> (char, usize) {
    let unit = |at: usize| bytes.get(at..at + 4).and_then(hex).unwrap_or(0);
    let high = unit(2);
    if !(0xd800..0xdc00).contains(&high) {
        return (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6);
    }
    let code = 0x10000 + ((high - 0xd800) << 10) + (unit(8).wrapping_sub(0xdc00) & 0x3ff);
    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
}

#[cfg(test)]
mod tests;
