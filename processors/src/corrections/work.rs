//! The steps of one correction.

use crate::config::Config;
use crate::logic::archive::record_of;
use crate::logic::corrections::{archived, copy, day_rows, join, markers, moves, row};
use crate::logic::rebuild::progress::Offsets;
use crate::logic::roll as statements;
use crate::logic::roll::Days;
use crate::logic::sets::State;
use crate::roll::Roller;
use crate::sets::book::SetBook;
use crate::source::offsets::GroupOffsets;
use crate::store::events::EventLog;
use crate::tables;
use anyhow::Context;
use clickhouse::Client;
use runtime::clock::Clock;
use schemas::record::EventRecord;
use schemas::registry::{CorrectionRecord, Shift};
use schemas::rows::{CorrectedDaysRow, EventRawRow};
use schemas::topic::EventTopic;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Shifts whose events are read together.
const SHIFTS: usize = 200;
/// Copies that are sent together.
const COPIES: usize = 2_000;
/// How often groups are asked where they are.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// How long the denominators are waited for: those of days that a later correction changed never become what this one says.
const ROSTER: Duration = Duration::from_secs(30);

/// What the steps need.
pub(super) struct Work {
    config: Arc<Config>,
    clock: Clock,
    client: Client,
    log: EventLog,
    book: SetBook,
    roller: Roller,
}

impl Work {
    pub(super) fn new(config: Arc<Config>, clock: Clock) -> anyhow::Result<Work> {
        let client = tables::client(&config.clickhouse);
        let log = EventLog::new(&config.kafka, config.events.topic).context("make a producer")?;
        let (book, roller) = (SetBook::new(&config.clickhouse), Roller::new(&config.clickhouse)?);
        Ok(Work { config, clock, client, log, book, roller })
    }

    /// Carries a correction out; false: it was before.
    pub(super) async fn apply(&self, record: &CorrectionRecord) -> anyhow::Result<bool> {
        if self.is_applied(record.no).await? {
            return Ok(false);
        }
        let began = Instant::now();
        self.write_down(record).await.context("write the correction down")?;
        // What late events changed until now is told apart from what the correction changes.
        self.for_each_set(
            |set, days, now_ms| async move { self.roller.restate(&set, days, now_ms).await.map(drop) },
            record,
        )
        .await
        .context("write the restatements before")?;
        self.tell(record).await?;
        let copies = self.copy(record).await?;
        self.wait_for_ledgers().await?;
        self.wait_for_roster(record).await?;
        self.sum(record).await.context("sum the areas and write the restatements")?;
        tables::insert(&self.client, "corrections", &[row(record, self.clock.now_ms())]).await?;
        tracing::info!(
            correction = record.no,
            record.object,
            record.reason,
            shifts = record.shifts.len(),
            copies,
            seconds = began.elapsed().as_secs_f64(),
            "correction carried out"
        );
        Ok(true)
    }

    async fn is_applied(&self, no: u32) -> anyhow::Result<bool> {
        let query = "SELECT count() FROM corrections WHERE correction_no = ? AND ver > 0";
        let applied = self.client.query(query).bind(no).fetch_one::<u64>().await.context("read the corrections")?;
        Ok(applied > 0)
    }

    async fn write_down(&self, record: &CorrectionRecord) -> Result<(), clickhouse::error::Error> {
        tables::insert_each::<CorrectedDaysRow, _>(&self.client, "corrected_days", day_rows(record)).await?;
        tables::insert(&self.client, "corrections", &[row(record, 0)]).await
    }

    /// Tells the logs where the days belong from here on.
    async fn tell(&self, record: &CorrectionRecord) -> anyhow::Result<()> {
        let markers = record.shifts.iter().flat_map(|shift| markers(record.seq, record.approved_at_ms, shift));
        // One after the other: the right place is told before the other one sends anything on to it.
        let (right, other): (Vec<_>, Vec<_>) = markers.partition(is_for_right_place);
        self.log.send(right.iter()).await.context("tell the logs")?;
        self.log.send(other.iter()).await.context("tell the logs")
    }

    /// Copies the events of days that move; gives the number of records.
    async fn copy(&self, record: &CorrectionRecord) -> anyhow::Result<usize> {
        let moving: Vec<&Shift> = record.shifts.iter().filter(|shift| moves(shift)).collect();
        if moving.is_empty() {
            return Ok(0);
        }
        // What comes after the markers with a former stamp is sent on by the workers; what came before is in the archive
        // once its group has passed them.
        self.wait_for_groups(std::slice::from_ref(&self.config.archive.group_id))
            .await
            .context("wait for the archive")?;
        let mut copied = 0;
        for shifts in moving.chunks(SHIFTS) {
            copied += self.copy_some(record.seq, shifts).await.context("copy events")?;
        }
        Ok(copied)
    }

    async fn copy_some(&self, seq: u32, shifts: &[&Shift]) -> anyhow::Result<usize> {
        let mut rows = self.client.query(&archived(shifts)).fetch::<EventRawRow>()?;
        let (mut copies, mut copied): (Vec<EventRecord>, usize) = (Vec::new(), 0);
        while let Some(row) = rows.next().await? {
            let archived = record_of(row)?;
            for shift in shifts.iter().filter(|shift| shift.device_no == archived.device_no) {
                join(&mut copies, copy(seq, shift, archived.clone()));
            }
            if copies.len() > COPIES {
                copied += self.send(&mut copies).await?;
            }
        }
        Ok(copied + self.send(&mut copies).await?)
    }

    async fn send(&self, copies: &mut Vec<EventRecord>) -> anyhow::Result<usize> {
        self.log.send(copies.iter()).await?;
        Ok(std::mem::take(copies).len())
    }

    /// Until the live set and all that are kept have folded what is in the log now.
    async fn wait_for_ledgers(&self) -> anyhow::Result<()> {
        let kept = self.book.sets().await.context("read the ledger sets")?.into_iter();
        let kept = kept.filter(|set| set.state == State::Kept).map(|set| set.group_id);
        let groups: Vec<String> = std::iter::once(self.config.worker.group_id.clone()).chain(kept).collect();
        self.wait_for_groups(&groups).await.context("wait for the ledgers")
    }

    /// Until groups have committed what is in the log now. While partitions are added there are two topics.
    async fn wait_for_groups(&self, groups: &[String]) -> anyhow::Result<()> {
        let topic = self.config.events.topic;
        for topic in [topic, topic.next()] {
            let mut ends = None;
            for group in groups {
                self.wait_for(group, topic, &mut ends).await?;
            }
        }
        Ok(())
    }

    async fn wait_for(&self, group: &str, topic: EventTopic, ends: &mut Option<Offsets>) -> anyhow::Result<()> {
        let offsets = GroupOffsets::of(&self.config.kafka, group, topic)?;
        loop {
            let standing = offsets.standing().await?;
            let ends = ends.get_or_insert_with(|| standing.ends.clone());
            if standing.has_reached(ends) {
                return Ok(());
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Until `roster_day` says what the registry says: the areas' sums need both.
    async fn wait_for_roster(&self, record: &CorrectionRecord) -> anyhow::Result<()> {
        let (began, query) = (Instant::now(), statements::roster_behind(record));
        while began.elapsed() < ROSTER {
            if self.client.query_raw(&query).fetch_one::<u64>().await.context("read the denominators")? == 0 {
                return Ok(());
            }
            sleep(ASK_EVERY).await;
        }
        tracing::warn!(correction = record.no, "the denominators say otherwise: was there a later correction?");
        Ok(())
    }

    async fn sum(&self, record: &CorrectionRecord) -> anyhow::Result<()> {
        let by = format!("{}, {}", record.proposed_by, record.approved_by);
        let all = (record.from_day, record.until_day);
        let (by, client) = (&by, &self.client);
        let sum = |set: schemas::sets::SetName, days: Days, now_ms: i64| async move {
            client.query_raw(&statements::county_days(&set, all)).execute().await?;
            let restate = statements::restate_corrected(&set, days, now_ms, record);
            client.query(&restate).bind(by).bind(&record.reason).execute().await?;
            client.query_raw(&statements::next_editions(&set, days)).execute().await
        };
        self.for_each_set(sum, record).await
    }

    /// For each set, with the corrected days that have ended.
    async fn for_each_set<F>(
        &self,
        act: impl Fn(schemas::sets::SetName, Days, i64) -> F,
        record: &CorrectionRecord,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = Result<(), clickhouse::error::Error>>,
    {
        let now_ms = self.clock.now_ms();
        let today = schemas::time::Day::of_ms(now_ms);
        let ended = (record.from_day, record.until_day.min(today).max(record.from_day));
        for set in self.roller.sets().await? {
            act(set.name, ended, now_ms).await?;
        }
        Ok(())
    }
}

fn is_for_right_place(marker: &EventRecord) -> bool {
    let (at, to) = (marker.belonging, marker.correction);
    to.is_some_and(|to| (to.division, to.school_no) == (at.division, at.school_no))
}
