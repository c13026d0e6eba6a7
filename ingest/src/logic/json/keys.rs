//! Keys: known ones by their index, others kept to find duplicates.

use super::strings::unescape;
use super::{Cursor, Stop};
use std::borrow::Cow;

/// A key that was not asked for, kept until its object ends to find duplicates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    hash: u32,
    start: u32,
    len: u32,
    escaped: bool,
}

impl Cursor<'_> {
    /// Passes a key and its colon: the index of its name, or `None` for one that is not in the list, which is kept.
    #[inline]
    pub(super) fn name(&mut self, names: &'static [&'static str], expected: usize) -> Result<Option<usize>, Stop> {
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
    pub(super) fn no_duplicates(&mut self, base: usize) -> Result<(), Stop> {
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
