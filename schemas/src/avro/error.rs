//! Why bytes could not be decoded.

/// A structural fault of an Avro value; what it says of the values' ranges is only that they fit their Rust types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The first byte is not `0x00`, or the five bytes of the framing are not all there.
    #[error("no Confluent framing")]
    Framing,
    /// The frame names another schema.
    #[error("schema id {found}, expected {expected}")]
    SchemaId {
        /// The id in the frame.
        found: u32,
        /// The id of the schema asked for.
        expected: u32,
    },
    /// The value goes on where the bytes end.
    #[error("truncated")]
    Truncated,
    /// A number has more than ten bytes or more than 64 bits.
    #[error("malformed number")]
    Varint,
    /// A negative length of a string or bytes.
    #[error("negative length")]
    Length,
    /// A block of an array has a size that is not that of its elements.
    #[error("size of an array block does not match its elements")]
    BlockSize,
    /// A string is not UTF-8.
    #[error("string is not UTF-8")]
    Utf8,
    /// A boolean is neither 0 nor 1.
    #[error("boolean is neither 0 nor 1")]
    Bool,
    /// The branch of a union is not in the schema.
    #[error("no such branch of a union")]
    Union,
    /// The symbol of an enum is not in the schema, or a name is none of the contract's.
    #[error("no such symbol of an enum")]
    Symbol,
    /// A number does not fit its field.
    #[error("number does not fit its field")]
    Range,
    /// A string that should be a UUID is not one.
    #[error("string is not a UUID")]
    Uuid,
    /// Bytes follow the value.
    #[error("bytes after the value")]
    Trailing,
}
