//! Avro primitives from bytes.

use super::CodecError;

/// Reads Avro primitives off a slice. No method panics, and none allocates.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the begin of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The bytes not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Asserts that everything was read.
    ///
    /// # Errors
    /// [`CodecError::Trailing`].
    pub const fn finish(&self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CodecError::Trailing) }
    }

    /// A `long`, or an `int` whose range the caller checks.
    ///
    /// # Errors
    /// [`CodecError::Truncated`], [`CodecError::Varint`].
    #[inline(always)]
    pub fn long(&mut self) -> Result<i64, CodecError> {
        let z = match self.rest {
            [first, rest @ ..] if *first < 0x80 => {
                self.rest = rest;
                u64::from(*first)
            }
            [a, b, rest @ ..] if *b < 0x80 => {
                self.rest = rest;
                u64::from(*a & 0x7f) | u64::from(*b) << 7
            }
            [a, b, c, rest @ ..] if *c < 0x80 => {
                self.rest = rest;
                u64::from(*a & 0x7f) | u64::from(*b & 0x7f) << 7 | u64::from(*c) << 14
            }
            rest => {
                let (z, rest) = wide_varint(rest)?;
                self.rest = rest;
                z
            }
        };
        Ok((z >> 1) as i64 ^ -((z & 1) as i64))
    }

    /// An `int`.
    ///
    /// # Errors
    /// Those of [`Reader::long`]; [`CodecError::Range`].
    #[inline]
    pub fn int(&mut self) -> Result<i32, CodecError> {
        i32::try_from(self.long()?).map_err(|_| CodecError::Range)
    }

    /// A `boolean`.
    ///
    /// # Errors
    /// [`CodecError::Truncated`], [`CodecError::Bool`].
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, CodecError> {
        match self.fixed(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(CodecError::Bool),
        }
    }

    /// `bytes`, borrowed.
    ///
    /// # Errors
    /// Those of [`Reader::long`]; [`CodecError::Length`].
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let len = u64::try_from(self.long()?).map_err(|_| CodecError::Length)?;
        self.fixed(len)
    }

    /// A `string`, borrowed.
    ///
    /// # Errors
    /// Those of [`Reader::bytes`]; [`CodecError::Utf8`].
    #[inline]
    pub fn string(&mut self) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| CodecError::Utf8)
    }

    /// The branch of a union `["null", T]`: is it `T`?
    ///
    /// # Errors
    /// Those of [`Reader::long`]; [`CodecError::Union`].
    #[inline]
    pub fn is_some(&mut self) -> Result<bool, CodecError> {
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CodecError::Union),
        }
    }

    /// The symbol of an `enum` out of all in the order of the schema.
    ///
    /// # Errors
    /// Those of [`Reader::long`]; [`CodecError::Symbol`].
    #[inline]
    pub fn symbol<T: Copy>(&mut self, all: &[T]) -> Result<T, CodecError> {
        let index = usize::try_from(self.long()?).map_err(|_| CodecError::Symbol)?;
        all.get(index).copied().ok_or(CodecError::Symbol)
    }

    /// Reads an `array` element by element; every element must take at least one byte.
    ///
    /// # Errors
    /// Those of [`Reader::block`] and of `element`; [`CodecError::BlockSize`].
    #[inline]
    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<(), CodecError>) -> Result<(), CodecError> {
        while let Some(block) = self.block()? {
            for _ in 0..block.count {
                element(self)?;
            }
            block.check(self)?;
        }
        Ok(())
    }

    /// Passes over an `array`: sized blocks at once, others with `element`.
    ///
    /// # Errors
    /// Those of [`Reader::block`] and of `element`.
    pub fn skip_array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        while let Some(block) = self.block()? {
            match block.after {
                Some(after) => self.rest = &self.rest[self.rest.len() - after..],
                None => (0..block.count).try_for_each(|_| element(self))?,
            }
        }
        Ok(())
    }

    /// The head of the next block of an array; `None`: the array ends.
    ///
    /// # Errors
    /// Those of [`Reader::long`]; a size beyond the bytes: [`CodecError::Truncated`].
    #[inline]
    pub fn block(&mut self) -> Result<Option<Block>, CodecError> {
        let count = self.long()?;
        if count >= 0 {
            return Ok((count > 0).then_some(Block { count: count.unsigned_abs(), after: None }));
        }
        let size = usize::try_from(self.long()?).map_err(|_| CodecError::BlockSize)?;
        let after = self.rest.len().checked_sub(size).ok_or(CodecError::Truncated)?;
        Ok(Some(Block { count: count.unsigned_abs(), after: Some(after) }))
    }

    #[inline]
    fn fixed(&mut self, len: u64) -> Result<&'a [u8], CodecError> {
        let len = usize::try_from(len).map_err(|_| CodecError::Truncated)?;
        let (head, rest) = self.rest.split_at_checked(len).ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }
}

/// A varint of any length; apart from the short ones, which are read in line.
fn wide_varint(bytes: &[u8]) -> Result<(u64, &[u8]), CodecError> {
    if let Some((z, len)) = bytes.first_chunk().and_then(|word| short_varint(u64::from_le_bytes(*word))) {
        return Ok((z, &bytes[len..]));
    }
    let mut z = 0;
    for (i, &byte) in bytes.iter().take(10).enumerate() {
        z |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return if i == 9 && byte > 1 { Err(CodecError::Varint) } else { Ok((z, &bytes[i + 1..])) };
        }
    }
    Err(if bytes.len() < 10 { CodecError::Truncated } else { CodecError::Varint })
}

/// The varint in the low bytes of `word` and its length, if it ends within the eight; without a branch a byte, because
/// the lengths of round trips cannot be predicted.
#[inline]
const fn short_varint(word: u64) -> Option<(u64, usize)> {
    let last = !word & 0x8080_8080_8080_8080;
    if last == 0 {
        return None;
    }
    let x = word & (last ^ (last - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
    let x = x & 0x007f_007f_007f_007f | (x & 0x7f00_7f00_7f00_7f00) >> 1;
    let x = x & 0x0000_3fff_0000_3fff | (x & 0x3fff_0000_3fff_0000) >> 2;
    let x = x & 0x0fff_ffff | (x & 0x0fff_ffff_0000_0000) >> 4;
    Some((x, last.trailing_zeros() as usize / 8 + 1))
}

/// Head of a block of an array.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Elements that the block claims to have.
    pub count: u64,
    /// Bytes that must be left when its elements are read, if the block says so.
    after: Option<usize>,
}

impl Block {
    /// Asserts that the elements ended where the block said.
    ///
    /// # Errors
    /// [`CodecError::BlockSize`].
    #[inline]
    pub fn check(&self, reader: &Reader<'_>) -> Result<(), CodecError> {
        match self.after {
            Some(after) if after != reader.rest.len() => Err(CodecError::BlockSize),
            _ => Ok(()),
        }
    }
}
