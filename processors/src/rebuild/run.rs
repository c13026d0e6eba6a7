//! The rebuild itself: make or find the set, fold, compare, tell, swap.

use super::compare::{self, Compared};
use super::fold::{Cost, Fold};
use super::{Options, Workshop, archive, report, set_name, swap, wall_ms};
use crate::console;
use crate::logic::cli::{DayRange, grouped};
use crate::logic::sets::{MadeSet, Origin, State, group_of, next_name};
use crate::source::bells;
use crate::source::offsets::GroupOffsets;
use anyhow::{Context, bail};
use schemas::definitions::over;
use schemas::time::Day;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// Rebuilds, compares, and swaps if asked to; false if tables differ though the definitions do not.
pub(super) async fn run(workshop: &Workshop, options: Options) -> anyhow::Result<bool> {
    let set = prepare(workshop, &options).await?;
    if options.from == Origin::Archive {
        read_archive(workshop, &set).await?;
    }
    let mut fold = Fold::begin(workshop, &set, options.threads, options.memory_mb).await?;
    let cost = fold.catch_up().await?;
    tell_cost(&cost);
    // The set goes on being folded while it is compared, as the live one is.
    let compared = compare::compare(workshop, &set).await;
    fold.end().await?;
    let compared = compared?;
    workshop.book.save(&set.becoming(State::Ready), wall_ms()).await?;
    report::result(&set, Some(&cost), &compared, options.json);
    if options.swap {
        swap::swap(workshop, &set.name).await?;
    } else if !options.json {
        console::print(&format!(
            "readers read what they read before; to swap them: ./classpulse rebuild swap {}",
            set.name
        ));
    }
    Ok(compared.is_as_it_should_be())
}

/// Compares a set that is there; folds it up to now first, unless the processors keep it live.
pub(super) async fn compare(
    workshop: &Workshop,
    name: &schemas::sets::SetName,
    days: Option<DayRange>,
    json: bool,
) -> anyhow::Result<bool> {
    let mut set = workshop.set(name).await?;
    anyhow::ensure!(set.state != State::Dropped, "set {name} was dropped");
    let fold = if set.state == State::Kept {
        None
    } else {
        let mut fold = Fold::begin(workshop, &set, 1, 512).await?;
        fold.catch_up().await?;
        Some(fold)
    };
    if let Some(days) = days {
        set.days = days.half_open();
    }
    let compared = compare::compare(workshop, &set).await;
    if let Some(fold) = fold {
        fold.end().await?;
    }
    let compared = compared?;
    report::result(&set, None, &compared, json);
    Ok(compared.is_as_it_should_be())
}

/// Finds the set to go on with, or makes one with its tables.
async fn prepare(workshop: &Workshop, options: &Options) -> anyhow::Result<MadeSet> {
    let sets = workshop.book.sets().await.context("read the ledger sets")?;
    let reading = workshop.reading().await?;
    let given = options
        .definitions
        .as_ref()
        .map(|file| std::fs::read_to_string(file).with_context(|| format!("read {}", file.display())));
    let (definitions, text) = over(&reading.text, given.transpose()?.as_deref().unwrap_or(&reading.text))?;
    for other in sets.iter().filter(|set| set.definitions.version == definitions.version) {
        if other.definitions != definitions {
            bail!(
                "version {} names other definitions in set {}: give these a version of their own",
                definitions.version,
                other.name
            );
        }
    }
    let taken: Vec<String> = sets.iter().map(|set| set.name.to_string()).collect();
    let name = match &options.name {
        Some(name) => set_name(name)?,
        None => next_name(&taken).context("no name is free")?,
    };
    anyhow::ensure!(!name.is_live(), "`live` is the set that the ledgers' own group folds");
    if let Some(set) = sets.into_iter().find(|set| set.name == name) {
        anyhow::ensure!(set.state == State::Building, "there is a set {name} already: drop it, or give another name");
        console::tell(&format!("set {name} was cut off and goes on"));
        return Ok(set);
    }
    let set = MadeSet {
        group_id: group_of(&workshop.config.worker.group_id, &name),
        name,
        definitions,
        text,
        origin: options.from,
        days: options.days.map_or((Day::FIRST, Day::OPEN), DayRange::half_open),
        state: State::Building,
        ver: 1,
    };
    workshop.book.create_tables(&set.name).await.context("make the set's tables")?;
    workshop.book.save(&set, wall_ms()).await?;
    let version = &set.definitions.version;
    console::tell(&format!("set {} by definitions {version}, group {}", set.name, set.group_id));
    Ok(set)
}

/// Folds the archive, then lets the group begin where the archive ended: what came later is in the topic only.
async fn read_archive(workshop: &Workshop, set: &MadeSet) -> anyhow::Result<()> {
    let config = &workshop.config;
    let offsets = |group: &str, topic| GroupOffsets::of(&config.kafka, group, topic);
    let mut ends = Vec::new();
    for topic in config.events.topic.up_to() {
        if !offsets(&set.group_id, topic)?.standing().await.context("ask for offsets")?.committed.is_empty() {
            return Ok(());
        }
        ends.push((topic, offsets(&config.archive.group_id, topic)?.standing().await.context("ask for offsets")?));
    }
    let days = compare::archive_days(workshop, set).await?;
    console::tell(&format!("{} days of events_raw", days.len()));
    let timetable = timetable(workshop).await?;
    let partitions = ends.last().map_or(0, |(_, standing)| standing.begins.len() as u32);
    let runtime = tokio::runtime::Handle::current();
    let read = tokio::task::block_in_place(|| archive::fold(workshop, set, days, partitions, timetable, &runtime))?;
    console::tell(&format!("{} events of the archive folded; the topic from here on", grouped(read)));
    for (topic, archived) in ends {
        let set = offsets(&set.group_id, topic)?.set(archived.committed).await;
        set.context("commit where the archive ended")?;
    }
    Ok(())
}

/// The schools' bells, read to their end once.
async fn timetable(workshop: &Workshop) -> anyhow::Result<std::sync::Arc<crate::logic::bells::Timetable>> {
    let (sender, mut receiver) = watch::channel(None);
    let following = tokio::spawn(bells::follow(workshop.config.kafka.clone(), sender));
    let limit = workshop.config.worker.registry_timeout;
    let read = tokio::time::timeout(limit, receiver.wait_for(Option::is_some)).await;
    let timetable = read.context("the registry's bells could not be read")??.clone();
    following.abort();
    timetable.context("the registry's bells could not be read")
}

fn tell_cost(cost: &Cost) {
    console::tell(&format!(
        "{} records with {} events in {:.1} s, {:.1} s of CPU: {} events per core-second",
        grouped(cost.records),
        grouped(cost.events),
        cost.elapsed_ms as f64 / 1000.0,
        cost.cpu_ms as f64 / 1000.0,
        grouped(cost.per_core_second()),
    ));
}

/// Days that differ for want of rows.
pub(super) fn missing_days(wanted: &[i32], found: &[i32]) -> Vec<String> {
    let found: BTreeSet<_> = found.iter().collect();
    wanted.iter().filter(|day| !found.contains(day)).map(|day| Day(*day).to_string()).collect()
}

impl Compared {
    /// No difference; or differences that other definitions are there to make.
    pub(super) fn is_as_it_should_be(&self) -> bool {
        self.missing.is_empty() && (self.different == 0 || self.other_definitions)
    }
}
