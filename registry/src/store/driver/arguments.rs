//! Values on their way in. They are kept plainly until the connection says whose encoding is needed.

use super::{Driver, Kind, TypeInfo};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Encode, Type};

/// A value, or none of a type.
#[derive(Debug)]
pub enum Argument {
    /// A truth.
    Bool(Option<bool>),
    /// A number of 32 bits.
    Int(Option<i32>),
    /// A number of 64 bits.
    Long(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

impl Argument {
    /// PostgreSQL wants to know of what type a value is that is not there.
    fn none(kind: Kind) -> Argument {
        match kind {
            Kind::Bool => Argument::Bool(None),
            Kind::Int => Argument::Int(None),
            Kind::Long => Argument::Long(None),
            Kind::Text => Argument::Text(None),
            Kind::Bytes => Argument::Bytes(None),
        }
    }
}

/// A text that PostgreSQL cannot keep. SQLite could; it is refused for both, so that both answer alike.
#[derive(Debug, thiserror::Error)]
#[error("a text holds the character U+0000")]
pub struct NulInText;

/// The values of a statement.
#[derive(Debug, Default)]
pub struct Arguments(Vec<Argument>);

impl Arguments {
    /// As a database's own driver takes them.
    ///
    /// # Errors
    /// The driver refuses a value.
    pub fn encoded<A: sqlx::Arguments>(self) -> Result<A, BoxDynError>
    where
        Option<bool>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Option<i32>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Option<i64>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Option<String>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Option<Vec<u8>>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    {
        let mut encoded = A::default();
        encoded.reserve(self.0.len(), 0);
        for argument in self.0 {
            match argument {
                Argument::Bool(value) => encoded.add(value),
                Argument::Int(value) => encoded.add(value),
                Argument::Long(value) => encoded.add(value),
                Argument::Text(Some(text)) if text.contains('\0') => Err(NulInText.into()),
                Argument::Text(value) => encoded.add(value),
                Argument::Bytes(value) => encoded.add(value),
            }?;
        }
        Ok(encoded)
    }
}

impl sqlx::Arguments for Arguments {
    type Database = Driver;

    fn reserve(&mut self, additional: usize, _size: usize) {
        self.0.reserve(additional);
    }

    fn add<'t, T: Encode<'t, Driver> + Type<Driver>>(&mut self, value: T) -> Result<(), BoxDynError> {
        value.encode(&mut self.0).map(|_null| ())
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

sqlx_core::impl_into_arguments_for_arguments!(Arguments);

fn push(buffer: &mut Vec<Argument>, argument: Argument) -> Result<IsNull, BoxDynError> {
    buffer.push(argument);
    Ok(IsNull::No)
}

/// Values that are copied.
macro_rules! encode_copy {
    ($($given:ty => $kind:ident;)*) => {$(
        impl Encode<'_, Driver> for $given {
            fn encode_by_ref(&self, buffer: &mut Vec<Argument>) -> Result<IsNull, BoxDynError> {
                push(buffer, Argument::$kind(Some((*self).into())))
            }
        }
    )*};
}

encode_copy! {
    bool => Bool;
    i32 => Int;
    i64 => Long;
    u32 => Long;
    &str => Text;
}

/// Values that are moved where they can be.
macro_rules! encode_owned {
    ($($given:ty => $kind:ident;)*) => {$(
        impl Encode<'_, Driver> for $given {
            fn encode(self, buffer: &mut Vec<Argument>) -> Result<IsNull, BoxDynError> {
                push(buffer, Argument::$kind(Some(self)))
            }

            fn encode_by_ref(&self, buffer: &mut Vec<Argument>) -> Result<IsNull, BoxDynError> {
                push(buffer, Argument::$kind(Some(self.clone())))
            }
        }
    )*};
}

encode_owned! {
    String => Text;
    Vec<u8> => Bytes;
}

impl<'q, T: Encode<'q, Driver> + Type<Driver>> Encode<'q, Driver> for Option<T> {
    fn encode(self, buffer: &mut Vec<Argument>) -> Result<IsNull, BoxDynError> {
        match self {
            Some(value) => value.encode(buffer),
            None => none::<T>(buffer),
        }
    }

    fn encode_by_ref(&self, buffer: &mut Vec<Argument>) -> Result<IsNull, BoxDynError> {
        match self {
            Some(value) => value.encode_by_ref(buffer),
            None => none::<T>(buffer),
        }
    }
}

fn none<T: Type<Driver>>(buffer: &mut Vec<Argument>) -> Result<IsNull, BoxDynError> {
    let TypeInfo::Asked(kind) = T::type_info() else { return Err("a type of one database only".into()) };
    buffer.push(Argument::none(kind));
    Ok(IsNull::Yes)
}
