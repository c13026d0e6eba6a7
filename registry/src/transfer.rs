//! Files from and to the terminal: lines are read as they are taken, so that the size of a file does not matter.

use crate::cli::{ExportArgs, ImportArgs};
use crate::logic::import::devices::DeviceLine;
use crate::logic::import::schools::SchoolLine;
use crate::logic::import::sheet::{Format, table};
use crate::logic::import::{Kind, Line, LineResult, Lines, Mode, Outcome, Wanted, lines};
use crate::store::{Actor, Store, StoreError};
use anyhow::{Context, anyhow};
use runtime::clock::Clock;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

/// Lines that are read and taken together: those of one transaction of devices.
const PART: usize = 10_000;
/// Between two words about how far it is.
const WORD: Duration = Duration::from_secs(2);
/// After each part: another process that waits for the store looks only so often.
const REST: Duration = Duration::from_millis(5);

/// Takes a file, and tells how many lines came to what.
///
/// # Errors
/// It cannot be read to its end, or the store cannot be written. What was taken until then stands; the same file again goes on
/// from there.
pub async fn import(store: &Store, clock: &Clock, args: &ImportArgs) -> anyhow::Result<String> {
    let taker = Taker { store, clock, area: args.area, mode: mode(args) };
    let counts = match args.kind {
        Kind::Schools => taker.take::<SchoolLine>(args).await?,
        Kind::Devices => taker.take::<DeviceLine>(args).await?,
    };
    let refused = counts.contains_key(&Outcome::Refused);
    let done = match taker.mode {
        Mode::DryRun => false,
        Mode::AllOrNothing => !refused,
        Mode::BestEffort => true,
    };
    Ok(json!({ "done": done, "lines": counts }).to_string())
}

fn mode(args: &ImportArgs) -> Mode {
    match (args.dry_run, args.all_or_nothing) {
        (true, _) => Mode::DryRun,
        (false, true) => Mode::AllOrNothing,
        (false, false) => Mode::BestEffort,
    }
}

type Counts = BTreeMap<Outcome, u64>;

/// What the terminal can take.
trait Taken: Wanted + Sized {
    async fn take(
        store: &Store,
        actor: &Actor,
        area: u32,
        lines: &[Line<Self>],
        mode: Mode,
    ) -> Result<Vec<LineResult>, StoreError>;
}

impl Taken for SchoolLine {
    async fn take(
        store: &Store,
        actor: &Actor,
        area: u32,
        lines: &[Line<SchoolLine>],
        mode: Mode,
    ) -> Result<Vec<LineResult>, StoreError> {
        store.import_schools(actor, area, lines, mode).await
    }
}

impl Taken for DeviceLine {
    async fn take(
        store: &Store,
        actor: &Actor,
        area: u32,
        lines: &[Line<DeviceLine>],
        mode: Mode,
    ) -> Result<Vec<LineResult>, StoreError> {
        store.import_devices(actor, area, lines, mode).await
    }
}

struct Taker<'t> {
    store: &'t Store,
    clock: &'t Clock,
    area: u32,
    mode: Mode,
}

impl Taker<'_> {
    async fn take<W: Taken>(&self, args: &ImportArgs) -> anyhow::Result<Counts> {
        let file = File::open(&args.file).with_context(|| format!("open {}", args.file.display()))?;
        let mut lines: Lines<W> = lines(file).map_err(|invalid| anyhow!("{:?}", invalid.0))?;
        let mut counts = Counts::new();
        if self.mode == Mode::AllOrNothing {
            let all = lines.all().map_err(|invalid| anyhow!("{:?}", invalid.0))?;
            self.part(&all, &mut counts).await?;
            return Ok(counts);
        }
        let (begun, mut told) = (Instant::now(), Instant::now());
        loop {
            let part: Vec<_> =
                lines.by_ref().take(PART).collect::<Result<_, _>>().map_err(|invalid| anyhow!("{:?}", invalid.0))?;
            if part.is_empty() {
                return Ok(counts);
            }
            self.part(&part, &mut counts).await?;
            if told.elapsed() >= WORD {
                told = Instant::now();
                progress(&counts, begun.elapsed());
            }
            tokio::time::sleep(REST).await;
        }
    }

    async fn part<W: Taken>(&self, lines: &[Line<W>], counts: &mut Counts) -> anyhow::Result<()> {
        // Each part is a change of its own time: an import may run past midnight.
        let actor = Actor::terminal(self.clock.now_ms());
        for result in W::take(self.store, &actor, self.area, lines, self.mode).await? {
            if result.outcome == Outcome::Refused {
                tracing::warn!(line = result.line, errors = ?result.errors, "refused");
            }
            *counts.entry(result.outcome).or_insert(0) += 1;
        }
        Ok(())
    }
}

fn progress(counts: &Counts, took: Duration) {
    let lines: u64 = counts.values().sum();
    let a_second = (lines as f64 / took.as_secs_f64()) as u64;
    tracing::info!(lines, a_second, refused = counts.get(&Outcome::Refused).copied().unwrap_or(0), "taken");
}

/// Writes a file, and tells how many rows it has.
///
/// # Errors
/// The store cannot be read, or the file not written.
pub async fn export(store: &Store, clock: &Clock, args: &ExportArgs) -> anyhow::Result<String> {
    let actor = Actor::terminal(clock.now_ms());
    let rows = if args.template { Vec::new() } else { store.export(&actor, args.area, args.kind).await? };
    let count = rows.len();
    let workbook = args.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("xlsx"));
    let format = if workbook { Format::Xlsx } else { Format::Csv };
    let columns = match args.kind {
        Kind::Schools => SchoolLine::COLUMNS,
        Kind::Devices => DeviceLine::COLUMNS,
    };
    let text = table(&columns, rows.into_iter(), format)?;
    std::fs::write(&args.file, text).with_context(|| format!("write {}", args.file.display()))?;
    Ok(json!({ "rows": count }).to_string())
}
