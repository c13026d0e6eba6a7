//! The agents' Avro post, decoded only as far as its structure: what the events say is for the edge to judge, one by
//! one, so values out of range, malformed spans and unknown names all survive.
//!
//! Nothing is copied: arrays stay in the body, checked once, and are read again when they are walked. So memory does
//! not grow with hostile bodies (an array of empty arrays is one byte an element).

use super::{CodecError, Reader};
use std::fmt;
use std::marker::PhantomData;

/// What can be read lazily out of a body.
pub trait Raw<'a>: Sized {
    /// Reads one value.
    ///
    /// # Errors
    /// A structural fault.
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError>;
}

impl<'a> Raw<'a> for i64 {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        reader.long()
    }
}

impl<'a> Raw<'a> for bool {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        reader.boolean()
    }
}

impl<'a> Raw<'a> for &'a str {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        reader.string()
    }
}

impl<'a, T: Raw<'a>> Raw<'a> for Option<T> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        Ok(if reader.is_some()? { Some(T::read(reader)?) } else { None })
    }
}

/// An array inside a body, structurally sound.
pub struct RawArray<'a, T> {
    body: &'a [u8],
    len: usize,
    elements: PhantomData<fn() -> T>,
}

impl<'a, T: Raw<'a>> RawArray<'a, T> {
    /// Number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// There is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements, read as they are asked for.
    #[must_use]
    pub const fn iter(&self) -> RawIter<'a, T> {
        RawIter { reader: Reader::new(self.body), in_block: 0, left: self.len, elements: PhantomData }
    }

    /// The bytes of the array as sent, e.g. to keep what was refused.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.body
    }
}

impl<'a, T: Raw<'a>> Raw<'a> for RawArray<'a, T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        let before = reader.rest();
        let mut len = 0;
        reader.array(|reader| {
            len += 1;
            T::read(reader).map(drop)
        })?;
        let body = &before[..before.len() - reader.rest().len()];
        Ok(RawArray { body, len, elements: PhantomData })
    }
}

impl<T> Clone for RawArray<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RawArray<'_, T> {}

impl<T> fmt::Debug for RawArray<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawArray").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<'a, T: Raw<'a>> IntoIterator for &RawArray<'a, T> {
    type Item = T;
    type IntoIter = RawIter<'a, T>;

    fn into_iter(self) -> RawIter<'a, T> {
        self.iter()
    }
}

/// The elements of a [`RawArray`].
pub struct RawIter<'a, T> {
    reader: Reader<'a>,
    in_block: u64,
    left: usize,
    elements: PhantomData<fn() -> T>,
}

impl<'a, T: Raw<'a>> RawIter<'a, T> {
    /// The next element and its bytes as sent.
    pub fn next_with_bytes(&mut self) -> Option<(T, &'a [u8])> {
        // `ok()?` never ends early: the array was read to its end before.
        while self.in_block == 0 {
            self.in_block = self.reader.block().ok()??.count;
        }
        self.in_block -= 1;
        self.left = self.left.saturating_sub(1);
        let before = self.reader.rest();
        let element = T::read(&mut self.reader).ok()?;
        Some((element, &before[..before.len() - self.reader.rest().len()]))
    }
}

impl<'a, T: Raw<'a>> Iterator for RawIter<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.next_with_bytes().map(|(element, _)| element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, T: Raw<'a>> ExactSizeIterator for RawIter<'a, T> {}

/// A span as sent: an array of any number of longs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawSpan {
    /// Number of longs; 2 in a well-formed span.
    pub len: usize,
    first: i64,
    second: i64,
}

impl RawSpan {
    /// `(from_ms_ago, to_ms_ago)` if there are exactly two numbers; their order and range are not checked.
    #[must_use]
    pub const fn pair(self) -> Option<(i64, i64)> {
        if self.len == 2 { Some((self.first, self.second)) } else { None }
    }
}

impl<'a> Raw<'a> for RawSpan {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        let mut span = RawSpan { len: 0, first: 0, second: 0 };
        reader.array(|reader| {
            (span.first, span.second) = match span.len {
                0 => (reader.long()?, 0),
                1 => (span.first, reader.long()?),
                _ => (span.first, reader.long().map(|_| span.second)?),
            };
            span.len += 1;
            Ok(())
        })?;
        Ok(span)
    }
}

/// A record whose fields are read in the order of `device_post.avsc`.
macro_rules! raw_record {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? { $($(#[$fdoc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name $(<$life>)? { $($(#[$fdoc])* pub $field: $type),+ }

        impl<'a> Raw<'a> for $name $(<$life>)? {
            #[inline]
            fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
                $(let $field = Raw::read(reader)?;)+
                Ok($name { $($field),+ })
            }
        }
    };
}
pub(super) use raw_record;
