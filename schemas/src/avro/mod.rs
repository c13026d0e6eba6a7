//! Avro codec of every record that ClassPulse puts into Kafka, and of the agents' Avro post, by hand.
//!
//! Bytes go straight between the types and the wire, with no intermediate value: a post costs about half a
//! microsecond. All values carry Confluent framing (`0x00`, the schema's id as four bytes, the Avro binary), so any
//! client reads them with the published schemas of `schemas/avro`.
//!
//! Decoding is safe on any input: it never panics, its depth is that of the schema, a claimed count allocates no more
//! than the bytes that are there could fill, and bytes after the record are an error.
//!
//! ```
//! use schemas::avro::{decode_dead_record, encode_dead_record};
//! use schemas::record::DeadRecord;
//!
//! let dead = DeadRecord {
//!     topic: "telemetry.events.v1".into(), partition: 3, offset: 42, group: "ledgers".into(),
//!     reason: "undecodable".into(), detail: "truncated".into(), at_ms: 1_763_600_000_000, key: vec![], value: vec![1],
//! };
//! let mut bytes = Vec::new();
//! encode_dead_record(&dead, &mut bytes);
//! assert_eq!(decode_dead_record(&bytes), Ok(dead));
//! ```

mod error;
mod events;
mod frame;
pub mod ids;
mod partial;
mod post;
mod raw;
mod raw_post;
mod reader;
mod records;
mod registry;
mod wire;
mod writer;

pub use error::CodecError;
pub use events::Streams;
pub use frame::{MAGIC, frame_id};
pub use ids::SCHEMAS;
pub use partial::{Partial, explain_event_record};
pub use post::{device_post_order, encode_device_post};
pub use raw::{RawArray, RawIter, RawSpan};
pub use raw_post::{
    RawApp, RawBandwidth, RawBurst, RawCamera, RawCpu, RawDisk, RawFault, RawGraphics, RawHeartbeat, RawInventory,
    RawNic, RawOs, RawPorts, RawPost, RawPower, RawResource, RawScreen, RawSoftware, decode_device_post,
};
pub use reader::Reader;
pub use records::{
    decode_dead_record, decode_event_record, decode_event_record_for, decode_rejected_record, encode_dead_record,
    encode_event_record, encode_rejected_record,
};
pub use registry::{
    decode_correction_record, decode_device_record, decode_org_record, encode_correction_record, encode_device_record,
    encode_org_record,
};
pub use writer::Writer;
