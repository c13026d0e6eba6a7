//! A body to events: the entry that both formats share.

use super::check::{Fault, Window};
use super::{avro_post, json_post};
use compact_str::CompactString;
use schemas::avro::CodecError;
use schemas::codes::Slug;
use schemas::event::Events;
use uuid::Uuid;

/// Most events of a post.
pub const MAX_EVENTS: usize = 500;
/// Longest agent version, characters.
const MAX_AGENT: usize = 256;

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`
    Json,
    /// `application/avro`
    Avro,
}

/// What a post says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Random at each agent start.
    pub boot_id: Uuid,
    /// When the request left, by the agent's corrected clock, ms.
    pub sent_at_ms: i64,
    /// What the agent adds to its wall clock, ms.
    pub clock_offset_ms: i64,
    /// Agent version.
    pub agent: CompactString,
}

/// An invalid event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection<'a> {
    /// Index in the post.
    pub index: u32,
    /// First fault.
    pub fault: Fault,
    /// Its bytes as posted.
    pub raw: &'a [u8],
}

/// A decoded post; `received` = `events` + `rejections`.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// Envelope.
    pub envelope: Envelope,
    /// Number of events in the post.
    pub received: u32,
    /// The valid events.
    pub events: Events,
    /// The invalid ones, by index.
    pub rejections: Vec<Rejection<'a>>,
    /// Fields that the contract does not name.
    pub unknown_fields: u64,
}

/// Why a body is refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More than [`MAX_EVENTS`].
    #[error("more than 500 events")]
    TooManyEvents,
    /// Not JSON.
    #[error("byte {at}: {what}")]
    Json {
        /// Byte offset.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Not an Avro post.
    #[error(transparent)]
    Avro(#[from] CodecError),
    /// A field of the envelope.
    #[error("{0}")]
    Envelope(&'static str),
    /// No event.
    #[error("no events")]
    NoEvents,
}

impl DecodeError {
    /// The refusal's name.
    #[must_use]
    pub const fn slug(&self) -> Slug {
        match self {
            DecodeError::TooManyEvents => Slug::TooManyEvents,
            DecodeError::Json { .. } => Slug::BadJson,
            DecodeError::Avro(_) => Slug::BadAvro,
            DecodeError::Envelope(_) => Slug::BadEnvelope,
            DecodeError::NoEvents => Slug::NoEvents,
        }
    }
}

/// Reads a post; every event in it is valid or has its fault. Safe and bounded on any input.
///
/// # Errors
/// The whole body is refused.
pub fn decode(body: &[u8], format: Format, window: Window) -> Result<Decoded<'_>, DecodeError> {
    match format {
        Format::Json => match std::str::from_utf8(body) {
            Ok(text) => json_post::read(text, window),
            Err(error) => Err(DecodeError::Json { at: error.valid_up_to(), what: "not UTF-8" }),
        },
        Format::Avro => avro_post::read(body, window),
    }
}

/// An envelope while it is read; `None`: missing or malformed.
#[derive(Debug)]
pub(super) struct EnvelopeDraft {
    pub boot_id: Option<Uuid>,
    pub sent_at_ms: Option<i64>,
    pub clock_offset_ms: Option<i64>,
    pub agent: Option<CompactString>,
}

impl Default for EnvelopeDraft {
    fn default() -> EnvelopeDraft {
        EnvelopeDraft { boot_id: None, sent_at_ms: None, clock_offset_ms: Some(0), agent: None }
    }
}

impl EnvelopeDraft {
    /// The envelope, if all of it is sound and there are events (`None`: `events` is no array).
    pub(super) fn finish(self, events: Option<u32>) -> Result<Envelope, DecodeError> {
        let agent = self.agent.filter(|agent| agent.len() <= MAX_AGENT || agent.chars().count() <= MAX_AGENT);
        let envelope = Envelope {
            boot_id: self.boot_id.ok_or(DecodeError::Envelope("boot_id: a UUID v4 was due"))?,
            sent_at_ms: self.sent_at_ms.ok_or(DecodeError::Envelope("sent_at: an RFC 3339 instant was due"))?,
            clock_offset_ms: self.clock_offset_ms.ok_or(DecodeError::Envelope("clock_offset_ms: not an integer"))?,
            agent: agent.ok_or(DecodeError::Envelope("agent: a string of at most 256 characters was due"))?,
        };
        match events {
            None => Err(DecodeError::Envelope("events: an array was due")),
            Some(0) => Err(DecodeError::NoEvents),
            Some(_) => Ok(envelope),
        }
    }
}
