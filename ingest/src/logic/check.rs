//! The rules of the fields (CONTRACT section 1), shared by the JSON and the Avro reader.
//!
//! A checker keeps the first fault of an event: of several, the one whose code stands first in [`EventCode`]
//! (shape, then values, then time), and of equal codes the first met. A faulty value is replaced by a default, so that
//! readers need no second path: an event with a fault is thrown away.

use compact_str::CompactString;
use schemas::codes::EventCode;
use schemas::event::Span;
use std::fmt;
use std::ops::RangeInclusive;
use uuid::Uuid;

/// Longest look back of a span, ms.
const SPAN_MAX_MS: i128 = 86_400_000;
/// Longest id, bytes.
const ID_MAX: usize = 64;

/// The instants that an event may speak of, ms since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Before: `too_old`.
    pub oldest_ms: i64,
    /// After: `in_future`.
    pub newest_ms: i64,
}

/// A place in an event: a field, and the index in it where it is an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    name: &'static str,
    index: Option<usize>,
}

impl At {
    /// The same field at an index.
    #[must_use]
    pub const fn item(self, index: usize) -> At {
        At { name: self.name, index: Some(index) }
    }
}

impl From<&'static str> for At {
    fn from(name: &'static str) -> At {
        At { name, index: None }
    }
}

/// Why an event is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The contract's code.
    pub code: EventCode,
    at: At,
    what: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.index {
            Some(index) => write!(f, "{}[{index}]: {}", self.at.name, self.what),
            None => write!(f, "{}: {}", self.at.name, self.what),
        }
    }
}

/// Checks values and remembers the first fault of the event at hand.
#[derive(Debug)]
pub struct Checker {
    window: Window,
    first: Option<Fault>,
}

impl Checker {
    /// A checker for events of that window.
    #[must_use]
    pub const fn new(window: Window) -> Checker {
        Checker { window, first: None }
    }

    /// The fault of the event at hand; the next event starts without one.
    pub const fn take(&mut self) -> Option<Fault> {
        self.first.take()
    }

    /// Notes a fault.
    #[cold]
    pub fn fault(&mut self, code: EventCode, at: impl Into<At>, what: &'static str) {
        if self.first.is_none_or(|first| code < first.code) {
            self.first = Some(Fault { code, at: at.into(), what });
        }
    }

    /// An integer within a range of its type.
    #[inline]
    pub fn integer<T>(&mut self, at: At, value: i128, range: &RangeInclusive<T>) -> T
    where
        T: TryFrom<i128> + PartialOrd + Copy,
    {
        match T::try_from(value) {
            Ok(value) if range.contains(&value) => value,
            _ => {
                self.fault(EventCode::OutOfRange, at, "outside the range");
                *range.start()
            }
        }
    }

    /// The number of elements of an array.
    pub fn length(&mut self, at: At, len: usize, range: &RangeInclusive<usize>) {
        if !range.contains(&len) {
            self.fault(EventCode::OutOfRange, at, "number of elements outside the range");
        }
    }

    /// A text of at most so many characters.
    pub fn text(&mut self, at: At, text: &str, max_chars: usize) -> CompactString {
        // A character takes at least a byte, so short texts need no count.
        if text.len() > max_chars && text.chars().count() > max_chars {
            self.fault(EventCode::OutOfRange, at, "too many characters");
            return CompactString::default();
        }
        CompactString::from(text)
    }

    /// An app or anchor id, `[a-z0-9._-]{1,64}`.
    pub fn id(&mut self, at: At, text: &str) -> CompactString {
        let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        if (1..=ID_MAX).contains(&text.len()) && text.bytes().all(valid) {
            return CompactString::from(text);
        }
        self.fault(EventCode::OutOfRange, at, "not an id of [a-z0-9._-]{1,64}");
        CompactString::default()
    }

    /// A name of a closed list.
    pub fn symbol<T: Copy>(&mut self, at: At, value: Option<T>, all: &[T]) -> T {
        value.unwrap_or_else(|| {
            self.fault(EventCode::OutOfRange, at, "none of the names allowed");
            all[0]
        })
    }

    /// A UUID in its hyphenated form.
    pub fn uuid(&mut self, at: At, text: &str) -> Uuid {
        hyphenated(text).unwrap_or_else(|| {
            self.fault(EventCode::OutOfRange, at, "not a UUID");
            Uuid::nil()
        })
    }

    /// A span; `None` if it is malformed in any way, which is noted.
    #[inline]
    pub fn span(&mut self, at: At, pair: Option<(i128, i128)>) -> Span {
        match pair {
            Some((from, to)) if SPAN_MAX_MS >= from && from > to && to >= 0 => {
                Span { from_ms_ago: from as u32, to_ms_ago: to as u32 }
            }
            _ => {
                self.fault(EventCode::BadSpan, at, "not [from_ms_ago, to_ms_ago] with 86400000 >= from > to >= 0");
                Span { from_ms_ago: 1, to_ms_ago: 0 }
            }
        }
    }

    /// The moment that the event speaks of; `None`: it could not be read.
    pub fn instant(&mut self, at: At, ms: Option<i64>) -> i64 {
        match ms {
            None => self.fault(EventCode::BadTime, at, "not an RFC 3339 instant"),
            Some(ms) if ms < self.window.oldest_ms => self.fault(EventCode::TooOld, at, "older than accept_days"),
            Some(ms) if ms > self.window.newest_ms => self.fault(EventCode::InFuture, at, "more than 2 min ahead"),
            Some(ms) => return ms,
        }
        0
    }
}

/// Parses the canonical form only: 36 characters with hyphens, any case.
#[must_use]
pub fn hyphenated(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

/// Parses a UUID that must be random (RFC 9562 version 4).
#[must_use]
pub fn random_uuid(text: &str) -> Option<Uuid> {
    hyphenated(text).filter(|uuid| uuid.get_version_num() == 4 && uuid.get_variant() == uuid::Variant::RFC4122)
}
