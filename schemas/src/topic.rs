//! The topics of the events. A topic never gets more partitions, for a school's records must stay in one log
//! (precondition P1): growing means a new topic, written when the old one is closed, read when that one is drained.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What comes before the number.
const STEM: &str = "telemetry.events.v";

/// `telemetry.events.v1`, and one more each time that partitions are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventTopic(u16);

/// A name that no topic of events has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no topic of events; expected e.g. telemetry.events.v1")]
pub struct NoEventTopic(String);

impl EventTopic {
    /// The topic that a new installation begins with.
    pub const FIRST: EventTopic = EventTopic(1);

    /// Topics before it.
    #[must_use]
    pub const fn generation(self) -> u16 {
        self.0 - 1
    }

    /// The one that follows.
    #[must_use]
    pub const fn next(self) -> EventTopic {
        EventTopic(self.0.saturating_add(1))
    }

    /// The static member id of an instance that reads this topic. Each topic has members of its own, for a member that
    /// comes back under its id is given what it had, whatever it subscribes to now.
    #[must_use]
    pub fn member(self, instance: &str) -> String {
        if self == EventTopic::FIRST || instance.is_empty() {
            return instance.to_owned();
        }
        format!("{instance}-v{}", self.0)
    }

    /// Those before it, oldest first.
    pub fn earlier(self) -> impl Iterator<Item = EventTopic> {
        (1..self.0).map(EventTopic)
    }

    /// All up to this one, oldest first: together they are the log.
    pub fn up_to(self) -> impl Iterator<Item = EventTopic> {
        (1..=self.0).map(EventTopic)
    }
}

impl fmt::Display for EventTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STEM}{}", self.0)
    }
}

impl FromStr for EventTopic {
    type Err = NoEventTopic;

    fn from_str(name: &str) -> Result<EventTopic, NoEventTopic> {
        let number = name.strip_prefix(STEM).and_then(|number| number.parse().ok());
        // Not `v01` or `v+1`: a name is written in one way.
        let topic = number.filter(|number| *number > 0).map(EventTopic).filter(|topic| topic.to_string() == name);
        topic.ok_or_else(|| NoEventTopic(name.to_owned()))
    }
}

impl TryFrom<String> for EventTopic {
    type Error = NoEventTopic;

    fn try_from(name: String) -> Result<EventTopic, NoEventTopic> {
        name.parse()
    }
}

impl From<EventTopic> for String {
    fn from(topic: EventTopic) -> String {
        topic.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_its_name() {
        assert_eq!(EventTopic::FIRST.to_string(), "telemetry.events.v1");
        assert_eq!("telemetry.events.v12".parse(), Ok(EventTopic(12)));
        for none in ["telemetry.events.v0", "telemetry.events.v01", "telemetry.events.v", "telemetry.dead.v1", "v1"] {
            assert!(none.parse::<EventTopic>().is_err(), "{none}");
        }
    }

    #[test]
    fn each_topic_has_members_of_its_own() {
        let second = EventTopic::FIRST.next();
        assert_eq!([EventTopic::FIRST, second].map(|topic| topic.member("a-1")), ["a-1", "a-1-v2"]);
        assert_eq!(second.member(""), "", "one that is forgotten when it leaves");
    }

    #[test]
    fn the_log_is_all_of_them_in_order() {
        let third = EventTopic::FIRST.next().next();
        assert_eq!((third.generation(), EventTopic::FIRST.generation()), (2, 0));
        assert_eq!(third.earlier().collect::<Vec<_>>(), [EventTopic(1), EventTopic(2)]);
        assert_eq!(third.up_to().last(), Some(third));
    }
}
