//! How the types of the records map to Avro.

use super::{CodecError, Reader, Writer};
use crate::time::Day;
use compact_str::CompactString;
use uuid::Uuid;

/// A type with one Avro schema.
pub(super) trait Wire: Sized {
    /// The fewest bytes a value takes; at least 1, so that a claimed count is bounded by the bytes that are there.
    const MIN_BYTES: usize = 1;

    fn write(&self, writer: &mut Writer<'_>);
    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError>;

    /// Passes over a value without building it.
    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError>;
}

/// `long` for integers; those that do not fit are [`CodecError::Range`].
macro_rules! integers {
    ($($type:ty),+) => {$(
        impl Wire for $type {
            #[inline]
            fn write(&self, writer: &mut Writer<'_>) {
                writer.long(i64::from(*self));
            }

            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                <$type>::try_from(reader.long()?).map_err(|_| CodecError::Range)
            }

            #[inline]
            fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
                reader.long().map(drop)
            }
        }
    )+};
}
integers!(i32, u32, i64);

/// `long` in two's complement: Avro has no unsigned 64 bits.
impl Wire for u64 {
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.long(self.cast_signed());
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.long().map(i64::cast_unsigned)
    }

    #[inline]
    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        reader.long().map(drop)
    }
}

impl Wire for bool {
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.boolean(*self);
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.boolean()
    }

    #[inline]
    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        reader.boolean().map(drop)
    }
}

/// `int` of logical type `date`.
impl Wire for Day {
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.long(i64::from(self.0));
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.int().map(Day)
    }

    #[inline]
    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        reader.long().map(drop)
    }
}

/// `string`.
macro_rules! strings {
    ($($type:ty),+) => {$(
        impl Wire for $type {
            #[inline]
            fn write(&self, writer: &mut Writer<'_>) {
                writer.string(self);
            }

            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                reader.string().map(Self::from)
            }

            #[inline]
            fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
                reader.bytes().map(drop)
            }
        }
    )+};
}
strings!(String, CompactString);

/// `string`, hyphenated, lower case.
impl Wire for Uuid {
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Uuid::try_parse_ascii(reader.bytes()?).map_err(|_| CodecError::Uuid)
    }

    #[inline]
    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        reader.bytes().map(drop)
    }
}

/// `bytes`.
impl Wire for Vec<u8> {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.bytes(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.bytes().map(<[u8]>::to_vec)
    }

    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        reader.bytes().map(drop)
    }
}

/// `["null", T]`.
impl<T: Wire> Wire for Option<T> {
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.long(i64::from(self.is_some()));
        if let Some(value) = self {
            value.write(writer);
        }
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(if reader.is_some()? { Some(T::read(reader)?) } else { None })
    }

    #[inline]
    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        if reader.is_some()? { T::skip(reader) } else { Ok(()) }
    }
}

/// `array`.
impl<T: Wire> Wire for Vec<T> {
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.array(self.len(), self.iter(), |writer, element| element.write(writer));
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut elements = Vec::new();
        while let Some(block) = reader.block()? {
            let fits = reader.rest().len() / T::MIN_BYTES;
            elements.reserve(usize::try_from(block.count).map_or(fits, |count| count.min(fits)));
            for _ in 0..block.count {
                elements.push(T::read(reader)?);
            }
            block.check(reader)?;
        }
        Ok(elements)
    }

    #[inline]
    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        reader.skip_array(T::skip)
    }
}

/// Passes over a field whose type is that of what `field` returns.
#[inline]
pub(super) fn skip_field<S, T: Wire>(_field: impl Fn(&S) -> &T, reader: &mut Reader<'_>) -> Result<(), CodecError> {
    T::skip(reader)
}

/// `record`: the fields in the order of the schema. A nested record whose schema is flat is written the same way.
macro_rules! record {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::avro::wire::Wire for $type {
            const MIN_BYTES: usize = [$(stringify!($field)),+].len();

            #[inline]
            fn write(&self, writer: &mut $crate::avro::Writer<'_>) {
                $(self.$field.write(writer);)+
            }

            #[inline]
            fn read(reader: &mut $crate::avro::Reader<'_>) -> Result<Self, $crate::avro::CodecError> {
                $(let $field = $crate::avro::wire::Wire::read(reader)?;)+
                Ok($type { $($field),+ })
            }

            #[inline]
            fn skip(reader: &mut $crate::avro::Reader<'_>) -> Result<(), $crate::avro::CodecError> {
                $($crate::avro::wire::skip_field(|value: &Self| &value.$field, reader)?;)+
                Ok(())
            }
        }
    };
}

/// `enum` by the index of the symbol.
macro_rules! symbols {
    ($($type:ident),+ $(,)?) => {$(
        impl $crate::avro::wire::Wire for $type {
            #[inline]
            fn write(&self, writer: &mut $crate::avro::Writer<'_>) {
                writer.long(*self as i64);
            }

            #[inline]
            fn read(reader: &mut $crate::avro::Reader<'_>) -> Result<Self, $crate::avro::CodecError> {
                reader.symbol($type::ALL)
            }

            #[inline]
            fn skip(reader: &mut $crate::avro::Reader<'_>) -> Result<(), $crate::avro::CodecError> {
                reader.symbol($type::ALL).map(drop)
            }
        }
    )+};
}
pub(super) use {record, symbols};
