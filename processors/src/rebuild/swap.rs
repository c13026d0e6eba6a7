//! Swaps readers to a set, and removes sets.
//!
//! A set that readers read must be whole and live: what a partial rebuild left out is folded first, then the processors
//! take the group over, and only when they have reached the end of the log are the readers swapped.

use super::compare::days_of;
use super::fold::Fold;
use super::run::missing_days;
use super::{Workshop, wall_ms};
use crate::console;
use crate::logic::sets::{MadeSet, State, swapped};
use crate::roll;
use crate::source::offsets::GroupOffsets;
use anyhow::{Context, bail};
use schemas::definitions::{CURRENT_TOML, Definitions};
use schemas::sets::SetName;
use schemas::time::Day;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the processors may take to take a set over or to let go of it: a session that nobody ended, and some.
const TAKE_OVER: Duration = Duration::from_secs(60);
const LET_GO: Duration = Duration::from_secs(15);
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Lets readers read a set.
pub(super) async fn swap(workshop: &Workshop, name: &SetName) -> anyhow::Result<()> {
    let reading = workshop.reading().await?;
    let (definitions, text) = if name.is_live() {
        (Definitions::parse(CURRENT_TOML)?, CURRENT_TOML.to_owned())
    } else {
        let set = make_whole(workshop, workshop.set(name).await?).await?;
        must_hold_all_days(workshop, &set, &reading.name).await?;
        keep_live(workshop, &set).await?;
        (set.definitions, set.text)
    };
    roll::roll_all(&workshop.config.clickhouse, name).await.context("sum the set's days by area")?;
    let row = swapped(reading.row.as_ref(), name, (&definitions.version, &text), wall_ms());
    workshop.book.swap(name, &row).await.context("swap the readers")?;
    console::tell(&format!("readers read {name} now, definitions {}; before: {}", definitions.version, reading.name));
    Ok(())
}

/// Folds the days that a partial rebuild left out.
async fn make_whole(workshop: &Workshop, set: MadeSet) -> anyhow::Result<MadeSet> {
    if set.state == State::Building || set.state == State::Dropped {
        bail!("set {} is {}: it cannot be read", set.name, set.state.word());
    }
    if set.is_whole() {
        return Ok(set);
    }
    console::tell(&format!(
        "set {} holds {}..{} only; folding the other days",
        set.name,
        set.days.0,
        set.days.1.plus(-1)
    ));
    let whole = MadeSet { days: (Day::FIRST, Day::OPEN), ..set.becoming(State::Ready) };
    for topic in workshop.config.events.topic.up_to() {
        let offsets = GroupOffsets::of(&workshop.config.kafka, &set.group_id, topic)?;
        let begins = offsets.standing().await.context("ask for offsets")?.begins;
        offsets.set(begins).await.context("begin the log again")?;
    }
    let mut fold = Fold::begin(workshop, &whole, 1, 1024).await?;
    let folded = fold.catch_up().await;
    fold.end().await?;
    folded?;
    workshop.book.save(&whole, wall_ms()).await?;
    Ok(whole)
}

async fn must_hold_all_days(workshop: &Workshop, set: &MadeSet, readers: &SetName) -> anyhow::Result<()> {
    let missing = missing_days(&days_of(workshop, readers).await?, &days_of(workshop, &set.name).await?);
    if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
        bail!(
            "set {} lacks {} days that readers have now, {first} to {last}: Kafka does not hold them any more; \
             rebuild with --from archive",
            set.name,
            missing.len()
        );
    }
    Ok(())
}

/// Hands the group over to the processors and waits until they have reached the end of the log.
async fn keep_live(workshop: &Workshop, set: &MadeSet) -> anyhow::Result<()> {
    if set.state != State::Kept {
        workshop.book.save(&set.becoming(State::Kept), wall_ms()).await?;
    }
    let offsets = GroupOffsets::of(&workshop.config.kafka, &set.group_id, workshop.config.events.topic)?;
    let first = offsets.standing().await.context("ask for offsets")?;
    let (mut done, mut moved) = (first.done(), Instant::now());
    loop {
        let now = offsets.standing().await.context("ask for offsets")?;
        if now.has_reached(&first.ends) && offsets.has_members().await? {
            return Ok(());
        }
        if now.done() > done {
            (done, moved) = (now.done(), Instant::now());
        }
        if moved.elapsed() > TAKE_OVER {
            bail!("no processors fold set {}: do they run? Readers read what they read before", set.name);
        }
        sleep(ASK_EVERY).await;
    }
}

/// Removes a set and its tables.
pub(super) async fn drop_set(workshop: &Workshop, name: &SetName) -> anyhow::Result<()> {
    anyhow::ensure!(!name.is_live(), "`live` cannot be dropped");
    let (set, reading) = (workshop.set(name).await?, workshop.reading().await?);
    if reading.name == *name {
        bail!("readers read set {name}: swap them first, e.g. ./classpulse rebuild swap live");
    }
    workshop.book.save(&set.becoming(State::Dropped), wall_ms()).await?;
    let (offsets, began) =
        (GroupOffsets::of(&workshop.config.kafka, &set.group_id, workshop.config.events.topic)?, Instant::now());
    while offsets.has_members().await? && began.elapsed() < LET_GO {
        sleep(ASK_EVERY).await;
    }
    workshop.book.drop_tables(name).await.context("drop the tables")?;
    if let Err(error) = offsets.forget().await {
        tracing::warn!(%error, group = set.group_id, "the group's offsets stay until they expire");
    }
    console::tell(&format!("set {name} is gone"));
    Ok(())
}
