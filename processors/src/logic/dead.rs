//! Dead letters: their names, which were put back, and what may be put back.

use schemas::avro::{CodecError, decode_event_record};
use schemas::record::DeadRecord;
use schemas::topic::EventTopic;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Topic of the dead letters.
pub const DEAD: &str = "telemetry.dead.v1";
/// Topic of the rejected events.
pub const REJECTED: &str = "telemetry.rejected.v1";
/// Reason of a mark: the letter that it names was put back.
pub const REDRIVEN: &str = "redriven";

/// Which topic a letter is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A record that a processor could not fold.
    Dead,
    /// An event that the edge refused.
    Rejected,
}

/// A letter's name: `dead/0/17` is offset 17 of partition 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterId {
    /// Its topic.
    pub kind: Kind,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Dead => "dead",
            Kind::Rejected => "rejected",
        };
        write!(f, "{kind}/{}/{}", self.partition, self.offset)
    }
}

impl FromStr for LetterId {
    type Err = String;

    fn from_str(text: &str) -> Result<LetterId, String> {
        let parsed = || {
            let mut parts = text.split('/');
            let kind = match parts.next()? {
                "dead" => Kind::Dead,
                "rejected" => Kind::Rejected,
                _ => return None,
            };
            let (partition, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(LetterId { kind, partition, offset })
        };
        parsed().ok_or_else(|| format!("{text:?} is no letter; expected e.g. dead/0/17, as `dead list` prints it"))
    }
}

/// A mark that a letter was put back: it goes into the topic of the letters, so it lives as long as they do.
#[must_use]
pub fn mark(id: LetterId, letter: &DeadRecord, to: (EventTopic, i32, i64), at_ms: i64) -> DeadRecord {
    DeadRecord {
        topic: DEAD.to_owned(),
        partition: id.partition,
        offset: id.offset,
        group: letter.group.clone(),
        reason: REDRIVEN.to_owned(),
        detail: format!("{}/{}/{}", to.0, to.1, to.2),
        at_ms,
        key: Vec::new(),
        value: Vec::new(),
    }
}

/// When and to where a record was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redriven {
    /// When, ms.
    pub at_ms: i64,
    /// Topic, partition and offset of the new copy.
    pub to: String,
}

/// Which records were put back. A letter may be there twice (a worker died before its commit): both name one record.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    sources: BTreeMap<LetterId, (String, i32, i64)>,
    redriven: BTreeMap<LetterId, Redriven>,
}

impl Marks {
    /// Takes a record of the topic in; true if it is a letter and not a mark.
    pub fn take(&mut self, id: LetterId, record: &DeadRecord) -> bool {
        if record.topic == DEAD && record.reason == REDRIVEN {
            let letter = LetterId { kind: Kind::Dead, partition: record.partition, offset: record.offset };
            self.redriven.insert(letter, Redriven { at_ms: record.at_ms, to: record.detail.clone() });
            return false;
        }
        self.sources.insert(id, source(record));
        true
    }

    /// Whether the record of a letter was put back.
    #[must_use]
    pub fn of(&self, record: &DeadRecord) -> Option<&Redriven> {
        let source = source(record);
        self.redriven.iter().find(|(letter, _)| self.sources.get(letter) == Some(&source)).map(|(_, redriven)| redriven)
    }
}

fn source(record: &DeadRecord) -> (String, i32, i64) {
    (record.topic.clone(), record.partition, record.offset)
}

/// Why a letter is not put back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It would come back at once.
    #[error(
        "this build still cannot decode it ({0}): it would come back as a new letter; --force puts it back all the same"
    )]
    Undecodable(CodecError),
    /// It was put back before.
    #[error("it was put back already, {at}, as {to}; --again puts it back once more (its events still count once)")]
    Already {
        /// When.
        at: String,
        /// Where to.
        to: String,
    },
    /// Its topic is not one that is folded.
    #[error("it came from {0}, which is not the topic of the events")]
    OtherTopic(String),
    /// Rejected events were never accepted.
    #[error("a rejected event was refused to its agent, which was told so: there is no record to put back")]
    Rejected,
}

/// What the caller insists on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Insist {
    /// Though it was put back before.
    pub again: bool,
    /// Though it cannot be decoded.
    pub force: bool,
}

/// Whether a letter may be put back: it must come from `events`, the topic written now, or from one before it.
///
/// # Errors
/// Why not.
pub fn may_redrive(
    letter: &DeadRecord,
    events: EventTopic,
    redriven: Option<&Redriven>,
    insist: Insist,
) -> Result<(), Refusal> {
    if !letter.topic.parse::<EventTopic>().is_ok_and(|topic| topic <= events) {
        return Err(Refusal::OtherTopic(letter.topic.clone()));
    }
    if let Some(Redriven { at_ms, to }) = redriven.filter(|_| !insist.again) {
        let at = schemas::time::format_rfc3339_ms(*at_ms);
        return Err(Refusal::Already { at, to: to.clone() });
    }
    match decode_event_record(&letter.value) {
        Err(error) if !insist.force => Err(Refusal::Undecodable(error)),
        _ => Ok(()),
    }
}

/// Letters of which another one with the same source comes first: they are not put back twice.
#[must_use]
pub fn repeated(letters: &[(LetterId, DeadRecord)]) -> BTreeSet<LetterId> {
    let mut seen = BTreeSet::new();
    letters.iter().filter(|(_, letter)| !seen.insert(source(letter))).map(|(id, _)| *id).collect()
}

/// Bytes in hex, in groups of four, 32 to a line.
#[must_use]
pub fn hex_lines(bytes: &[u8]) -> String {
    let word = |chunk: &[u8]| chunk.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let line = |line: &[u8]| line.chunks(4).map(word).collect::<Vec<_>>().join(" ");
    bytes.chunks(32).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    const EVENTS: EventTopic = EventTopic::FIRST;

    fn id(offset: i64) -> LetterId {
        LetterId { kind: Kind::Dead, partition: 0, offset }
    }

    fn letter(offset: i64) -> DeadRecord {
        DeadRecord {
            topic: EVENTS.to_string(),
            partition: 2,
            offset,
            group: "ledgers".into(),
            reason: "undecodable".into(),
            detail: "no Confluent framing".into(),
            at_ms: 5,
            key: b"10".to_vec(),
            value: b"poison".to_vec(),
        }
    }

    #[test]
    fn names_are_read_as_they_are_printed() {
        for text in ["dead/0/17", "rejected/11/0"] {
            assert_eq!(text.parse::<LetterId>().unwrap().to_string(), text);
        }
        for text in ["", "dead", "dead/0", "dead/0/x", "dead/0/1/2", "other/0/1"] {
            assert!(text.parse::<LetterId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_mark_speaks_for_every_copy_of_a_letter() {
        let mut marks = Marks::default();
        assert!(marks.take(id(0), &letter(9)) && marks.take(id(1), &letter(9)) && marks.take(id(2), &letter(10)));
        assert!(!marks.take(id(3), &mark(id(0), &letter(9), (EVENTS, 2, 77), 6)));
        let redriven = Redriven { at_ms: 6, to: "telemetry.events.v1/2/77".into() };
        assert_eq!((marks.of(&letter(9)), marks.of(&letter(10))), (Some(&redriven), None));
        assert_eq!(repeated(&[(id(0), letter(9)), (id(1), letter(9)), (id(2), letter(10))]), BTreeSet::from([id(1)]));
    }

    #[test]
    fn what_would_come_back_or_went_already_is_refused_once() {
        let (yes, no) = (Insist { again: true, force: true }, Insist::default());
        let undecodable = may_redrive(&letter(9), EVENTS, None, no).unwrap_err();
        assert_eq!(undecodable, Refusal::Undecodable(CodecError::Framing));
        assert_eq!(may_redrive(&letter(9), EVENTS, None, yes), Ok(()));
        let redriven = Redriven { at_ms: 6, to: "x".into() };
        assert!(matches!(may_redrive(&letter(9), EVENTS, Some(&redriven), no), Err(Refusal::Already { .. })));
        assert_eq!(may_redrive(&letter(9), EVENTS, Some(&redriven), yes), Ok(()));
        // Those of an earlier topic go into the one that is written now; nothing is folded that is not yet.
        assert_eq!(may_redrive(&letter(9), EVENTS.next(), None, yes), Ok(()));
        for topic in ["other", "telemetry.events.v2"] {
            let letter = DeadRecord { topic: topic.into(), ..letter(9) };
            assert!(matches!(may_redrive(&letter, EVENTS, None, yes), Err(Refusal::OtherTopic(_))), "{topic}");
        }
    }

    #[test]
    fn bytes_are_shown_in_words() {
        assert_eq!(hex_lines(b"poison"), "706f6973 6f6e");
        assert_eq!(hex_lines(&[0; 33]).lines().count(), 2);
    }
}
