//! The audit log's hash chain: each row's hash covers the row and the hash before it.

use sha2::{Digest, Sha256};

/// A row of the log, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Place in the log, from 1, without gaps.
    pub seq: i64,
    /// When, ms.
    pub at_ms: i64,
    /// Who: account, display name, address.
    pub who: [String; 3],
    /// The request, for the logs.
    pub request_id: String,
    /// What was done to what.
    pub what: [String; 2],
    /// Area and school (0: none) in whose scope it lies.
    pub place: (u32, u32),
    /// Before, after (JSON, `null`: nothing), and the reason that was given.
    pub content: [String; 3],
}

/// The hash of a row that follows one with `before` (empty: the first row).
#[must_use]
pub fn hash(before: &str, row: &Row) -> String {
    let mut hash = Sha256::new();
    let (division, school_no) = row.place;
    let numbers = [row.seq, row.at_ms, i64::from(division), i64::from(school_no)].map(|number| number.to_string());
    let texts = row.who.iter().chain([&row.request_id]).chain(&row.what).chain(&row.content);
    for text in [before].into_iter().chain(numbers.iter().map(String::as_str)).chain(texts.map(String::as_str)) {
        // The length in front keeps neighbours apart: ("ab", "c") is not ("a", "bc").
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a log stops being the one that was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A row is missing, or one was slipped in.
    #[error("row {0} is missing")]
    Gap(i64),
    /// A row, or one before it, is not as it was written.
    #[error("row {0} is not as it was written")]
    Altered(i64),
    /// Rows at the end are missing, or were added past the log.
    #[error("the log ends at row {found}, its head says {head}")]
    End {
        /// Last row that is there.
        found: i64,
        /// Last row that was written.
        head: i64,
    },
}

/// Walks a log from its begin.
#[derive(Debug, Default)]
pub struct Walk {
    seq: i64,
    hash: String,
}

impl Walk {
    /// The next row with the hash that is kept with it.
    ///
    /// # Errors
    /// It does not follow.
    pub fn step(&mut self, row: &Row, kept: &str) -> Result<(), Broken> {
        if row.seq != self.seq + 1 {
            return Err(Broken::Gap(self.seq + 1));
        }
        let hash = hash(&self.hash, row);
        if hash != kept {
            return Err(Broken::Altered(row.seq));
        }
        (self.seq, self.hash) = (row.seq, hash);
        Ok(())
    }

    /// The end, by the head that is kept apart. Gives the number of rows.
    ///
    /// # Errors
    /// It is another one.
    pub fn end(self, head: i64, kept: &str) -> Result<i64, Broken> {
        if self.seq != head {
            return Err(Broken::End { found: self.seq, head });
        }
        if self.hash == kept { Ok(self.seq) } else { Err(Broken::Altered(self.seq)) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn rows() -> Vec<(Row, String)> {
        let mut before = String::new();
        let row = |seq| {
            let text = |text: &str| format!("{text}{seq}");
            let row = Row {
                seq,
                at_ms: 1_000 + seq,
                who: ["a", "b", "c"].map(text),
                request_id: text("r"),
                what: ["edit", "s1"].map(text),
                place: (440_106, 1),
                content: ["null", "{}", ""].map(text),
            };
            before = hash(&before, &row);
            (row, before.clone())
        };
        (1..=5).map(row).collect()
    }

    fn check(rows: &[(Row, String)], head: &(Row, String)) -> Result<i64, Broken> {
        let mut walk = Walk::default();
        for (row, hash) in rows {
            walk.step(row, hash)?;
        }
        walk.end(head.0.seq, &head.1)
    }

    #[test]
    fn an_untouched_log_holds_and_every_alteration_is_found() {
        let good = rows();
        let head = good[4].clone();
        assert_eq!(check(&good, &head), Ok(5));
        let alterations: [fn(&mut Row); 5] = [
            |row| row.at_ms += 1,
            |row| row.who[0] = "other".into(),
            |row| row.content[1] = "[]".into(),
            |row| row.place.1 = 2,
            |row| (row.what[0], row.what[1]) = ("edit3s".into(), "13".into()),
        ];
        for alter in alterations {
            let mut bad = good.clone();
            alter(&mut bad[2].0);
            assert_eq!(check(&bad, &head), Err(Broken::Altered(3)));
            let before = bad[1].1.clone();
            bad[2].1 = hash(&before, &bad[2].0);
            assert_eq!(check(&bad, &head), Err(Broken::Altered(4)), "a hash made anew breaks the next row");
        }
    }

    #[test]
    fn rows_that_are_gone_are_missed() {
        let good = rows();
        let head = good[4].clone();
        let without = |i: usize| good.iter().enumerate().filter(|(n, _)| *n != i).map(|(_, row)| row.clone()).collect();
        let middle: Vec<_> = without(2);
        assert_eq!(check(&middle, &head), Err(Broken::Gap(3)));
        let last: Vec<_> = without(4);
        assert_eq!(check(&last, &head), Err(Broken::End { found: 4, head: 5 }));
    }
}
