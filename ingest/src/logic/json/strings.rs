//! Strings: passed as they are scanned, and read without their escapes.

use super::{Cursor, Stop};
use std::borrow::Cow;

impl<'a> Cursor<'a> {
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
    pub(super) fn scan_string(&mut self) -> Result<(usize, bool), Stop> {
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
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

/// Resolves the escapes of a scanned string.
pub(super) fn unescape(raw: &str) -> String {
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
