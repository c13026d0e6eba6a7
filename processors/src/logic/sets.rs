//! Ledger sets as the tables remember them.

use schemas::definitions::{Definitions, DefinitionsError};
use schemas::rows::{LedgerSetRow, ReadersRow};
use schemas::sets::SetName;
use schemas::time::Day;

/// What becomes of a set; the index is the table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A rebuild is folding it, or was cut off.
    Building,
    /// The rebuild is complete; nobody folds on.
    Ready,
    /// The processors go on folding it.
    Kept,
    /// Its tables are gone.
    Dropped,
}

impl State {
    const ALL: [State; 4] = [State::Building, State::Ready, State::Kept, State::Dropped];

    /// The word of the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            State::Building => "building",
            State::Ready => "ready",
            State::Kept => "kept",
            State::Dropped => "dropped",
        }
    }
}

/// Where a rebuild begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Origin {
    /// Offset 0 of the topic.
    Kafka,
    /// `events_raw`, then the topic from where the archive ends.
    Archive,
}

/// A set made by a rebuild.
#[derive(Clone, Debug, PartialEq)]
pub struct MadeSet {
    /// Its name.
    pub name: SetName,
    /// Its consumer group.
    pub group_id: String,
    /// Its parameters.
    pub definitions: Definitions,
    /// The same as they were given, TOML.
    pub text: String,
    /// Where it began.
    pub origin: Origin,
    /// First day that it holds, and day after the last.
    pub days: (Day, Day),
    /// What becomes of it.
    pub state: State,
    /// States so far.
    pub ver: u64,
}

/// A row that no rebuild wrote.
#[derive(Debug, thiserror::Error)]
pub enum SetFault {
    /// Its name cannot be part of a table's.
    #[error("ledger set {0:?} has an impossible name")]
    Name(String),
    /// Its definitions cannot be used.
    #[error("definitions of ledger set {0}: {1}")]
    Definitions(String, #[source] DefinitionsError),
    /// An enum of the table is ahead of this build.
    #[error("ledger set {0} is in a state that this build does not know")]
    State(String),
}

impl MadeSet {
    /// Reads a set back.
    ///
    /// # Errors
    /// No rebuild wrote the row.
    pub fn from_row(row: LedgerSetRow) -> Result<MadeSet, SetFault> {
        let name = SetName::parse(&row.name).ok_or_else(|| SetFault::Name(row.name.clone()))?;
        let definitions = Definitions::parse(&row.definitions);
        let state = usize::try_from(row.state).ok().and_then(|index| State::ALL.get(index).copied());
        Ok(MadeSet {
            definitions: definitions.map_err(|error| SetFault::Definitions(row.name.clone(), error))?,
            state: state.ok_or_else(|| SetFault::State(row.name.clone()))?,
            origin: if row.source == 0 { Origin::Kafka } else { Origin::Archive },
            days: (Day(i32::from(row.from_day)), Day(i32::from(row.until_day))),
            name,
            group_id: row.group_id,
            text: row.definitions,
            ver: row.ver,
        })
    }

    /// The row of a state that begins now.
    #[must_use]
    pub fn row(&self, now_ms: i64) -> LedgerSetRow {
        let date = |day: Day| u16::try_from(day.0.clamp(Day::FIRST.0, Day::OPEN.0)).unwrap_or(u16::MAX);
        LedgerSetRow {
            name: self.name.to_string(),
            group_id: self.group_id.clone(),
            definition_version: self.definitions.version.clone(),
            definitions: self.text.clone(),
            source: self.origin as i8,
            from_day: date(self.days.0),
            until_day: date(self.days.1),
            state: self.state as i8,
            changed_at: now_ms,
            ver: self.ver,
        }
    }

    /// The next state.
    #[must_use]
    pub fn becoming(&self, state: State) -> MadeSet {
        MadeSet { state, ver: self.ver + 1, ..self.clone() }
    }

    /// It holds every day.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.days == (Day::FIRST, Day::OPEN)
    }
}

/// The consumer group of a set.
#[must_use]
pub fn group_of(live_group: &str, name: &SetName) -> String {
    format!("{live_group}-{name}")
}

/// The first free of r1, r2, …: names of dropped sets are not used again, for their groups may still have offsets.
#[must_use]
pub fn next_name(taken: &[String]) -> Option<SetName> {
    let free = (1_u32..).map(|number| format!("r{number}")).find(|name| !taken.contains(name));
    free.and_then(|name| SetName::parse(&name))
}

/// What readers read from now on.
#[must_use]
pub fn swapped(before: Option<&ReadersRow>, name: &SetName, definitions: (&str, &str), now_ms: i64) -> ReadersRow {
    ReadersRow {
        what: "ledgers".to_owned(),
        set_name: name.to_string(),
        definition_version: definitions.0.to_owned(),
        definitions: definitions.1.to_owned(),
        since: now_ms,
        ver: before.map_or(0, |row| row.ver) + 1,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::definitions::CURRENT_TOML;

    fn set() -> MadeSet {
        MadeSet {
            name: SetName::parse("r3").unwrap(),
            group_id: "ledgers-r3".into(),
            definitions: Definitions::parse(CURRENT_TOML).unwrap(),
            text: CURRENT_TOML.into(),
            origin: Origin::Archive,
            days: (Day(20_000), Day::OPEN),
            state: State::Building,
            ver: 1,
        }
    }

    #[test]
    fn a_set_is_read_back_as_it_was_written() {
        for state in State::ALL {
            let set = set().becoming(state);
            assert_eq!(MadeSet::from_row(set.row(5)).unwrap(), set);
            assert_eq!(set.ver, 2);
        }
    }

    #[test]
    fn rows_that_nobody_wrote_are_refused() {
        let row = set().row(5);
        let name = LedgerSetRow { name: "r 3".into(), ..row.clone() };
        assert!(matches!(MadeSet::from_row(name), Err(SetFault::Name(_))));
        let definitions = LedgerSetRow { definitions: "x".into(), ..row.clone() };
        assert!(matches!(MadeSet::from_row(definitions), Err(SetFault::Definitions(..))));
        assert!(matches!(MadeSet::from_row(LedgerSetRow { state: 9, ..row }), Err(SetFault::State(_))));
    }

    #[test]
    fn names_are_not_used_again() {
        assert_eq!(next_name(&[]).unwrap().as_str(), "r1");
        assert_eq!(next_name(&["r1".into(), "r3".into()]).unwrap().as_str(), "r2");
    }

    #[test]
    fn each_swap_is_newer_than_the_one_before() {
        let first = swapped(None, &SetName::live(), ("1", "a"), 5);
        let second = swapped(Some(&first), &set().name, ("2", "b"), 6);
        assert_eq!((first.ver, second.ver, second.set_name.as_str()), (1, 2, "r3"));
    }
}
