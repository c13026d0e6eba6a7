//! How a stack gets more partitions: by a new topic of events, in steps of which each may be done again. What is written
//! down after each step says where to go on, whatever was interrupted.

use schemas::topic::EventTopic;
use serde::{Deserialize, Serialize};

/// More partitions would only cost memory on one machine.
pub const MOST_PARTITIONS: i32 = 96;

/// The log of events, as a stack remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLog {
    /// Edges write this topic.
    pub written: EventTopic,
    /// Processors fold this one; those before it are folded to their end.
    pub folded: EventTopic,
    /// Under way.
    pub growth: Option<Growth>,
}

/// A growth under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Partitions of the new topic.
    pub partitions: i32,
    /// What comes next.
    pub step: Step,
}

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The new topic is made.
    Create,
    /// One edge after the other writes it.
    SwitchEdges,
    /// The old topic takes no more records.
    Close,
    /// Everything in the old topic is folded and archived.
    Drain,
    /// The processors fold the new topic.
    SwitchProcessors,
}

impl Step {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Step::Create => "the new topic is made",
            Step::SwitchEdges => "the edges change over",
            Step::Close => "the old topic is closed",
            Step::Drain => "the old topic is drained",
            Step::SwitchProcessors => "the processors change over",
        }
    }
}

/// Why there is nothing to grow to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fewer partitions would move schools just the same, and gain nothing.
    #[error("{topic} has {present} partitions: give more than that, at most {MOST_PARTITIONS}")]
    NotMore {
        /// The present topic.
        topic: EventTopic,
        /// Its partitions.
        present: i32,
    },
    /// One thing after the other.
    #[error("growing to {0} partitions is under way: go on with --partitions {0} first")]
    Other(i32),
}

impl Default for EventLog {
    fn default() -> EventLog {
        EventLog { written: EventTopic::FIRST, folded: EventTopic::FIRST, growth: None }
    }
}

impl EventLog {
    /// The topic of a growth.
    #[must_use]
    pub const fn new_topic(&self) -> EventTopic {
        self.folded.next()
    }

    /// Begins to grow, or goes on; false: that many are there already. `present`: partitions that are written now.
    ///
    /// # Errors
    /// Another growth is under way, or the number makes no sense.
    pub fn begin(&mut self, partitions: i32, present: i32) -> Result<bool, Refusal> {
        match self.growth {
            Some(growth) if growth.partitions == partitions => Ok(true),
            Some(growth) => Err(Refusal::Other(growth.partitions)),
            None if partitions == present => Ok(false),
            None if partitions < present || partitions > MOST_PARTITIONS => {
                Err(Refusal::NotMore { topic: self.written, present })
            }
            None => {
                self.growth = Some(Growth { partitions, step: Step::Create });
                Ok(true)
            }
        }
    }

    /// A step is done.
    pub fn done(&mut self, step: Step) {
        let next = match step {
            Step::Create => {
                self.written = self.new_topic();
                Some(Step::SwitchEdges)
            }
            Step::SwitchEdges => Some(Step::Close),
            Step::Close => Some(Step::Drain),
            Step::Drain => {
                self.folded = self.written;
                Some(Step::SwitchProcessors)
            }
            Step::SwitchProcessors => None,
        };
        self.growth = self.growth.and_then(|growth| Some(Growth { step: next?, ..growth }));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn edges_change_over_before_the_old_topic_is_drained_and_processors_after_that() {
        let (mut log, second) = (EventLog::default(), EventTopic::FIRST.next());
        assert_eq!(log.begin(6, 4), Ok(true));
        let mut steps = Vec::new();
        while let Some(Growth { step, .. }) = log.growth {
            steps.push((step, log.written == second, log.folded == second));
            // What is written down in between is all that an interrupted growth needs.
            log = serde_json::from_str(&serde_json::to_string(&log).unwrap()).unwrap();
            assert_eq!(log.begin(6, 4), Ok(true), "the same command goes on");
            log.done(step);
        }
        let expected = [
            (Step::Create, false, false),
            (Step::SwitchEdges, true, false),
            (Step::Close, true, false),
            (Step::Drain, true, false),
            (Step::SwitchProcessors, true, true),
        ];
        assert_eq!(steps, expected);
        assert_eq!(log, EventLog { written: second, folded: second, growth: None });
    }

    #[test]
    fn only_more_partitions_are_a_growth_and_one_at_a_time() {
        let mut log = EventLog::default();
        assert_eq!(log.begin(4, 4), Ok(false));
        for partitions in [0, 3, 97] {
            assert!(matches!(log.begin(partitions, 4), Err(Refusal::NotMore { present: 4, .. })), "{partitions}");
        }
        assert_eq!((log.begin(6, 4), log.begin(8, 4)), (Ok(true), Err(Refusal::Other(6))));
    }
}
