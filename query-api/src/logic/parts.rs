//! Which rows of a table may have changed since it was last looked at, told by its parts.
//!
//! A part of a MergeTree never changes: an insert adds parts, a merge replaces some by one that holds the same rows
//! (but for older versions of them), a mutation replaces a part by another one. So what was not active before may hold
//! new rows, and what was active and is not contained in any active part may have taken rows away. Row counts and sums
//! of `ver` do not tell as much: a merge and an insert at one time can leave both as they were.

use std::collections::HashMap;

/// An active part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Unique in its table's directory.
    pub name: String,
    /// Hash of its table's directory: another table under the same name has another one.
    pub home: u64,
    /// Its partition; block numbers are compared inside one only.
    pub partition: String,
    /// First and last block number of the inserts that it holds.
    pub blocks: (i64, i64),
    /// Made by a mutation, which may have removed rows.
    pub mutated: bool,
}

impl Part {
    fn contains(&self, other: &Part) -> bool {
        !self.mutated
            && self.home == other.home
            && self.partition == other.partition
            && self.blocks.0 <= other.blocks.0
            && other.blocks.1 <= self.blocks.1
    }
}

/// What may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// Only rows with the keys of rows in these parts, by name.
    In(Vec<String>),
    /// Rows may be gone, and nothing tells which.
    Anything,
}

/// The parts of one table as they were last seen.
#[derive(Clone, Debug, Default)]
pub struct Seen(HashMap<String, Part>);

impl Seen {
    /// What may have changed between what was seen and `now`.
    #[must_use]
    pub fn change(&self, now: &[Part]) -> Change {
        let active: HashMap<&str, &Part> = now.iter().map(|part| (part.name.as_str(), part)).collect();
        let fresh: Vec<&Part> = now.iter().filter(|part| self.0.get(&part.name) != Some(*part)).collect();
        let mut lost = self.0.values().filter(|old| active.get(old.name.as_str()) != Some(old));
        if lost.any(|old| !fresh.iter().any(|part| part.contains(old))) {
            return Change::Anything;
        }
        if fresh.is_empty() { Change::None } else { Change::In(fresh.iter().map(|part| part.name.clone()).collect()) }
    }

    /// Remembers what was seen.
    pub fn note(&mut self, now: Vec<Part>) {
        self.0 = now.into_iter().map(|part| (part.name.clone(), part)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str) -> Part {
        let fields: Vec<i64> = name.split('_').filter_map(|field| field.parse().ok()).collect();
        Part {
            name: name.into(),
            home: 1,
            partition: fields[0].to_string(),
            blocks: (fields[1], fields[2]),
            mutated: fields.len() > 4,
        }
    }

    fn parts(names: &[&str]) -> Vec<Part> {
        names.iter().map(|name| part(name)).collect()
    }

    fn change(before: &[&str], now: &[&str]) -> Change {
        let mut seen = Seen::default();
        seen.note(parts(before));
        seen.change(&parts(now))
    }

    fn within(names: &[&str]) -> Change {
        Change::In(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn equal_parts_are_equal_rows() {
        assert_eq!(change(&["7_1_3_1", "7_4_4_0"], &["7_4_4_0", "7_1_3_1"]), Change::None);
        assert_eq!(change(&[], &[]), Change::None);
    }

    #[test]
    fn an_insert_shows_as_a_new_part_even_if_its_number_is_lower_than_one_already_seen() {
        assert_eq!(change(&["7_1_3_1", "7_5_5_0"], &["7_1_3_1", "7_4_4_0", "7_5_5_0"]), within(&["7_4_4_0"]));
    }

    #[test]
    fn a_merge_may_hold_an_insert_that_was_never_seen_by_itself() {
        assert_eq!(change(&["7_1_3_1", "7_5_5_0"], &["7_1_5_2"]), within(&["7_1_5_2"]));
    }

    #[test]
    fn parts_that_vanish_took_their_rows_along() {
        assert_eq!(change(&["7_1_3_1", "7_4_4_0"], &["7_1_3_1"]), Change::Anything);
        assert_eq!(change(&["7_2_2_0"], &["8_1_3_1"]), Change::Anything, "block numbers of another partition");
    }

    #[test]
    fn a_mutation_may_have_removed_rows() {
        assert_eq!(change(&["7_1_3_1"], &["7_1_3_1_4"]), Change::Anything);
    }

    #[test]
    fn another_table_under_the_same_name_is_told_by_its_directory() {
        let mut seen = Seen::default();
        seen.note(parts(&["7_1_1_0"]));
        let exchanged = Part { home: 2, ..part("7_1_1_0") };
        assert_eq!(seen.change(&[exchanged]), Change::Anything);
    }
}
