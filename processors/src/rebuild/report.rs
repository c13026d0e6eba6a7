//! What a rebuild tells in the end.

use super::Workshop;
use super::compare::Compared;
use super::fold::Cost;
use crate::console;
use crate::logic::cli::{grouped, percent, table};
use crate::logic::sets::{MadeSet, Origin, State};
use anyhow::Context;
use schemas::time::Day;
use serde_json::{Value, json};

/// Prints the result, for people or as JSON.
pub(super) fn result(set: &MadeSet, cost: Option<&Cost>, compared: &Compared, as_json: bool) {
    if as_json {
        console::print(&result_json(set, cost, compared).to_string());
        return;
    }
    console::print(&heading(set, compared));
    if !compared.by_column.is_empty() {
        console::print(&format!("\nby column\n{}", by_column(compared)));
    }
    if !compared.areas.is_empty() {
        console::print(&format!("\ndaily usage rate by area\n{}", by_area(compared)));
    }
    for example in &compared.examples {
        let row = row(example.row);
        let cells = example.cells.iter().map(|(name, old, new)| format!("{name} {old} -> {new}"));
        let cells = cells.collect::<Vec<_>>().join(", ");
        let (table, day) = (example.table, example.day);
        console::print(&format!("example: {table} {day}, {row}: {cells}"));
    }
    for ((table, day, division, school, device), (live, made)) in compared.missing.iter().take(10) {
        let (day, row) = (Day(*day), row((*division, *school, *device)));
        console::print(&format!("example: {table} {day}, {row}: {live} events there, {made} here"));
    }
}

/// Rows of schools have no device.
fn row((division, school, device): (u32, u32, u32)) -> String {
    let device = if device == 0 { String::new() } else { format!(", device {device}") };
    format!("{division}, school {school}{device}")
}

fn heading(set: &MadeSet, compared: &Compared) -> String {
    let (first, last) = (compared.days.first(), compared.days.last());
    let days = first
        .zip(last)
        .map_or("no days".to_owned(), |(first, last)| format!("{} days, {first}..{last}", compared.days.len()));
    let rows: Vec<String> = compared.rows.iter().map(|(table, rows)| format!("{table} {}", grouped(*rows))).collect();
    let (against, version) = &compared.against;
    format!(
        "set {} ({}) against {against} ({version}): {days}; rows compared: {}\n{} differences{}{}",
        set.name,
        set.definitions.version,
        rows.join(", "),
        grouped(compared.different + compared.missing.len() as u64),
        if compared.missing.is_empty() {
            String::new()
        } else {
            format!(", {} rows lack events", compared.missing.len())
        },
        if compared.restless == 0 {
            String::new()
        } else {
            format!("; {} rows moved at every look and were not compared", grouped(compared.restless as u64))
        },
    )
}

fn by_column(compared: &Compared) -> String {
    let mut rows = vec![["table", "column", "rows"].map(str::to_owned).to_vec()];
    let row =
        |((table, column), count): (&(&str, String), &u64)| vec![(*table).to_owned(), column.clone(), grouped(*count)];
    rows.extend(compared.by_column.iter().map(row));
    table(&rows)
}

fn by_area(compared: &Compared) -> String {
    let heading = ["area", "name", "device-days", "used old", "used new", "rate old", "rate new"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(compared.areas.iter().map(|(code, usage)| {
        vec![
            code.to_string(),
            compared.names.get(code).cloned().unwrap_or_default(),
            grouped(usage.in_service),
            grouped(usage.old),
            grouped(usage.new),
            percent(usage.old, usage.in_service),
            percent(usage.new, usage.in_service),
        ]
    }));
    table(&rows)
}

fn result_json(set: &MadeSet, cost: Option<&Cost>, compared: &Compared) -> Value {
    let by_column: Vec<Value> = compared
        .by_column
        .iter()
        .map(|((table, column), rows)| json!({"table": table, "column": column, "rows": rows}))
        .collect();
    let areas: Vec<Value> = compared
        .areas
        .iter()
        .map(|(code, usage)| {
            let name = compared.names.get(code);
            json!({"area": code, "name": name, "in_service": usage.in_service, "used_old": usage.old, "used_new": usage.new})
        })
        .collect();
    json!({
        "set": set.name.as_str(),
        "definition_version": set.definitions.version,
        "against": {"set": compared.against.0, "definition_version": compared.against.1},
        "days": compared.days.iter().map(Day::to_string).collect::<Vec<_>>(),
        "rows": compared.rows.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect::<serde_json::Map<_, _>>(),
        "differences": compared.different + compared.missing.len() as u64,
        "lacking_events": compared.missing.len(),
        "not_compared": compared.restless,
        "by_column": by_column,
        "areas": areas,
        "records": cost.map(|cost| cost.records),
        "events": cost.map(|cost| cost.events),
        "elapsed_ms": cost.map(|cost| cost.elapsed_ms),
        "cpu_ms": cost.map(|cost| cost.cpu_ms),
        "events_per_core_second": cost.map(Cost::per_core_second),
    })
}

/// Prints the sets, and which one readers read.
pub(super) async fn list(workshop: &Workshop, as_json: bool) -> anyhow::Result<()> {
    let reading = workshop.reading().await?;
    let sets = workshop.book.sets().await.context("read the ledger sets")?;
    let sets: Vec<MadeSet> = sets.into_iter().filter(|set| set.state != State::Dropped).collect();
    let live = schemas::definitions::Definitions::parse(schemas::definitions::CURRENT_TOML)?.version;
    let mut rows = vec![["set", "definitions", "state", "days", "from", "readers"].map(str::to_owned).to_vec()];
    let reads = |name: &str| if reading.name.as_str() == name { "read it" } else { "" };
    rows.push(["live", &live, "live", "all", "kafka", reads("live")].map(str::to_owned).to_vec());
    rows.extend(sets.iter().map(|set| {
        let days = if set.is_whole() { "all".to_owned() } else { format!("{}..{}", set.days.0, set.days.1.plus(-1)) };
        let from = if set.origin == Origin::Kafka { "kafka" } else { "archive" };
        let cells =
            [set.name.as_str(), &set.definitions.version, set.state.word(), &days, from, reads(set.name.as_str())];
        cells.map(str::to_owned).to_vec()
    }));
    if as_json {
        let object = |row: &Vec<String>| {
            let cells = rows[0].iter().zip(row).map(|(name, cell)| (name.clone(), json!(cell)));
            Value::Object(cells.collect())
        };
        console::print(&Value::Array(rows[1..].iter().map(object).collect()).to_string());
    } else {
        console::print(&table(&rows));
    }
    Ok(())
}
