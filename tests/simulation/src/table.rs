//! A table with the semantics of `ReplacingMergeTree(ver)`.
//!
//! An insert is a part. A merge of neighbouring parts keeps of each key the row of the highest version, and of equal
//! versions the one inserted last; so does a reader. Merges never change what a reader sees, and a part that is lost
//! takes a merge with it: its sources come back, as the engine keeps them until the merged part is durable.

use schemas::rows::{DeviceDayRow, NetworkDayRow, SchoolDayRow, SchoolNetworkDayRow};
use serde::Serialize;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Sort key of a row: division, school, day, device (0 in the schools' tables).
pub type Key = (u32, u32, u16, u32);

/// A row of one of the tables.
pub trait Row: Clone + PartialEq + Serialize {
    /// Its sort key.
    fn key(&self) -> Key;
    /// Its column `ver`.
    fn ver(&self) -> u32;
}

macro_rules! rows {
    ($($row:ty, $device:expr);+) => {$(
        impl Row for $row {
            fn key(&self) -> Key {
                let device: fn(&$row) -> u32 = $device;
                (self.division, self.school_no, self.day, device(self))
            }

            fn ver(&self) -> u32 {
                self.ver
            }
        }
    )+};
}
rows!(DeviceDayRow, |row| row.device_no; NetworkDayRow, |row| row.device_no;
      SchoolDayRow, |_| 0; SchoolNetworkDayRow, |_| 0);

/// A row and what the table takes for its version: column `ver`, but in a negative control.
pub type Versioned<R> = (u64, Rc<R>);

#[derive(Debug)]
struct Insert<R> {
    at_ms: i64,
    rows: Vec<Versioned<R>>,
    lost: bool,
}

#[derive(Debug)]
struct Part<R> {
    inserts: Vec<usize>,
    rows: Vec<Versioned<R>>,
}

/// See the module.
#[derive(Debug)]
pub struct Table<R> {
    inserts: Vec<Insert<R>>,
    parts: Vec<Part<R>>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Table { inserts: Vec::new(), parts: Vec::new() }
    }
}

impl<R: Row> Table<R> {
    /// Adds a part.
    pub fn insert(&mut self, at_ms: i64, rows: Vec<Versioned<R>>) {
        if !rows.is_empty() {
            self.parts.push(Part { inserts: vec![self.inserts.len()], rows: rows.clone() });
            self.inserts.push(Insert { at_ms, rows, lost: false });
        }
    }

    /// The same block was inserted before.
    #[must_use]
    pub fn knows(&self, rows: &[Versioned<R>]) -> bool {
        self.inserts.iter().any(|insert| insert.rows == rows)
    }

    /// Merges `count` neighbouring parts; returns how many rows it did away with.
    pub fn merge(&mut self, first: usize, count: usize) -> usize {
        let (first, end) = (first.min(self.parts.len()), (first + count).min(self.parts.len()));
        if end - first < 2 {
            return 0;
        }
        let sources: Vec<Part<R>> = self.parts.drain(first..end).collect();
        let before: usize = sources.iter().map(|part| part.rows.len()).sum();
        let rows: Vec<_> = newest(sources.iter().flat_map(|part| &part.rows)).into_values().collect();
        let done_away = before - rows.len();
        let inserts = sources.into_iter().flat_map(|part| part.inserts).collect();
        self.parts.insert(first, Part { inserts, rows });
        done_away
    }

    /// Loses the newest `count` inserts that came at or after `since_ms`; returns how many those were.
    pub fn lose(&mut self, count: usize, since_ms: i64) -> usize {
        let fresh =
            self.inserts.iter().enumerate().rev().filter(|(_, insert)| !insert.lost && insert.at_ms >= since_ms);
        let lost: Vec<usize> = fresh.map(|(index, _)| index).take(count).collect();
        for index in &lost {
            self.inserts[*index].lost = true;
        }
        let parts = std::mem::take(&mut self.parts);
        for part in parts {
            if part.inserts.iter().any(|index| lost.contains(index)) {
                self.restore(part.inserts);
            } else {
                self.parts.push(part);
            }
        }
        lost.len()
    }

    fn restore(&mut self, inserts: Vec<usize>) {
        for index in inserts {
            if !self.inserts[index].lost {
                self.parts.push(Part { inserts: vec![index], rows: self.inserts[index].rows.clone() });
            }
        }
    }

    /// Every row of every part.
    pub fn rows(&self) -> impl Iterator<Item = &Versioned<R>> {
        self.parts.iter().flat_map(|part| &part.rows)
    }

    /// Every row that a replica shows which has only what came until then.
    pub fn rows_until(&self, at_ms: i64) -> impl Iterator<Item = &Versioned<R>> {
        self.inserts.iter().filter(move |insert| !insert.lost && insert.at_ms <= at_ms).flat_map(|insert| &insert.rows)
    }

    /// What a reader sees: view `T_final`.
    #[must_use]
    pub fn finals(&self) -> BTreeMap<Key, Versioned<R>> {
        newest(self.rows())
    }
}

/// Of each key the row of the highest version, and of equal versions the last one.
pub fn newest<'a, R: Row + 'a>(rows: impl Iterator<Item = &'a Versioned<R>>) -> BTreeMap<Key, Versioned<R>> {
    let mut newest: BTreeMap<Key, Versioned<R>> = BTreeMap::new();
    for (version, row) in rows {
        let key = row.key();
        if newest.get(&key).is_none_or(|(former, _)| former <= version) {
            newest.insert(key, (*version, row.clone()));
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: u16, ver: u32, pass: u32) -> Versioned<SchoolNetworkDayRow> {
        let (latency_hist, jitter_hist) = (vec![], vec![]);
        let row = SchoolNetworkDayRow {
            division: 1,
            school_no: 1,
            day,
            ver,
            hidden_ver: 0,
            pass,
            fail: 0,
            unknown: 0,
            bursts: 0,
            busy: 0,
            outage: 0,
            partial: 0,
            valid: 0,
            probes_sent: 0,
            probes_lost: 0,
            probes_invalid: 0,
            latency_hist,
            jitter_hist,
        };
        (u64::from(ver), Rc::new(row))
    }

    fn shown(table: &Table<SchoolNetworkDayRow>) -> Vec<(u16, u32, u32)> {
        table.finals().values().map(|(_, row)| (row.day, row.ver, row.pass)).collect()
    }

    #[test]
    fn the_highest_version_stays_and_of_equal_ones_the_last_whatever_is_merged() {
        for merges in [vec![], vec![(0, 2)], vec![(1, 2)], vec![(0, 3)], vec![(1, 3), (0, 2)]] {
            let mut table = Table::default();
            for rows in [vec![row(1, 5, 1), row(2, 1, 1)], vec![row(1, 4, 2)], vec![row(1, 5, 3)], vec![row(2, 1, 9)]] {
                table.insert(0, rows);
            }
            for (first, count) in &merges {
                table.merge(*first, *count);
            }
            assert_eq!(shown(&table), [(1, 5, 3), (2, 1, 9)], "{merges:?}");
        }
    }

    #[test]
    fn a_part_that_is_lost_takes_a_merge_with_it_but_not_its_other_sources() {
        let mut table = Table::default();
        table.insert(10, vec![row(1, 1, 1)]);
        table.insert(20, vec![row(1, 2, 2)]);
        assert_eq!(table.merge(0, 2), 1);
        assert_eq!((table.lose(9, 20), shown(&table)), (1, vec![(1, 1, 1)]));
        assert_eq!((table.lose(9, 20), table.rows_until(15).count(), table.rows_until(5).count()), (0, 1, 0));
    }
}
