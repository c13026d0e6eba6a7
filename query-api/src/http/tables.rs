//! Answers as flat tables; every row says what it is of.

use super::answers::{Catalog, DayRow, Days, Devices, Network, Ranking, Search, Sessions, Trend, Unit, Units};
use crate::logic::table::Table;
use crate::logic::tree::Org;
use schemas::figures::FigureId;

/// `overview` and `children`: `section` is `self`, `direct` or `children`.
pub fn units(answer: &Units, wanted: &[FigureId]) -> Table {
    let sections =
        [("self", std::slice::from_ref(&answer.own)), ("direct", &answer.direct), ("children", &answer.children)];
    let rows: Vec<(&str, &Unit)> =
        sections.iter().flat_map(|(name, units)| units.iter().map(|unit| (*name, unit))).collect();
    let mut table = Table::default();
    table.text("section", rows.iter().map(|(section, _)| Some((*section).to_owned())));
    table.orgs(rows.iter().map(|(_, unit)| &unit.org));
    table.figures(wanted, &rows.iter().map(|(_, unit)| &unit.figures.0));
    table
}

/// `trend`: a row a day.
pub fn trend(answer: &Trend, wanted: &[FigureId]) -> Table {
    let mut table = Table::default();
    table.orgs(answer.points.iter().map(|_| &answer.org));
    table.text("day", answer.points.iter().map(|point| Some(point.day.clone())));
    table.bool("school_day", answer.points.iter().map(|point| Some(point.school_day)));
    table.figures(wanted, &answer.points.iter().map(|point| &point.figures.0));
    table
}

/// `network`: one row; the histograms are a column a bucket.
pub fn network(answer: &Network, wanted: &[FigureId]) -> Table {
    let mut table = Table::default();
    table.orgs(std::iter::once(&answer.org));
    table.figures(wanted, &std::iter::once(&answer.figures.0));
    for (name, histogram) in [("latency_hist", &answer.latency_hist), ("jitter_hist", &answer.jitter_hist)] {
        for (bucket, count) in histogram.iter().enumerate() {
            table.int(&format!("{name}_{bucket}"), [Some(*count)]);
        }
    }
    table
}

/// `ranking`: units without rank have `unranked_reason`.
pub fn ranking(answer: &Ranking, wanted: &[FigureId]) -> Table {
    let ranked = answer.rows.iter().map(|row| (Some(row.rank), None, &row.org, &row.figures.0));
    let apart = answer.unranked.iter().map(|row| (None, Some(row.reason.as_str()), &row.org, &row.figures.0));
    let rows: Vec<_> = ranked.chain(apart).collect();
    let mut table = Table::default();
    table.int("rank", rows.iter().map(|(rank, ..)| *rank));
    table.text("unranked_reason", rows.iter().map(|(_, reason, ..)| reason.map(str::to_owned)));
    table.orgs(rows.iter().map(|(_, _, org, _)| *org));
    table.figures(wanted, &rows.iter().map(|(.., figures)| *figures));
    table
}

/// `devices`: with the names of school and class; `org`: what a row is named after, by its class.
pub fn devices(
    answer: &Devices,
    org: impl Fn(u32) -> Org,
    class_name: impl Fn(u32) -> Option<String>,
    wanted: &[FigureId],
) -> Table {
    let rows = &answer.rows;
    let mut table = Table::default();
    let orgs: Vec<Org> = rows.iter().map(|row| org(row.device.class_no)).collect();
    table.orgs(orgs.iter());
    table.int("device_no", rows.iter().map(|row| Some(u64::from(row.device.device_no))));
    table.text("device_id", rows.iter().map(|row| Some(row.device.device_id.to_string())));
    table.int("class_no", rows.iter().map(|row| Some(u64::from(row.device.class_no))));
    table.text("class_name", rows.iter().map(|row| class_name(row.device.class_no)));
    table.text("kind", rows.iter().map(|row| Some(row.device.kind.to_owned())));
    table.text("state", rows.iter().map(|row| Some(row.device.state.to_owned())));
    table.figures(wanted, &rows.iter().map(|row| &row.figures.0));
    table
}

/// `days`
pub fn days(answer: &Days, school: &Org) -> Table {
    let rows = &answer.rows;
    let number = |of: fn(&DayRow) -> Option<u64>| rows.iter().map(of).collect::<Vec<_>>();
    let mut table = Table::default();
    table.orgs(rows.iter().map(|_| school));
    table.int("device_no", rows.iter().map(|_| Some(u64::from(answer.device.device_no))));
    table.text("day", rows.iter().map(|row| Some(row.day.clone())));
    table.int("in_service", number(|row| Some(row.in_service.into())));
    table.int("on_s", number(|row| row.on_s.map(u64::from)));
    table.int("active_s", number(|row| row.active_s.map(u64::from)));
    table.int("sessions", number(|row| row.sessions.map(u64::from)));
    table.int("used", number(|row| row.used.map(u64::from)));
    table.int("lessons", number(|row| row.lessons.map(u64::from)));
    table.int("first_s", number(|row| row.first_s.map(u64::from)));
    table.int("last_s", number(|row| row.last_s.map(u64::from)));
    table.text("verdict", rows.iter().map(|row| Some(row.verdict.to_owned())));
    table
}

/// `sessions`
pub fn sessions(answer: &Sessions, school: &Org) -> Table {
    let rows = &answer.rows;
    let mut table = Table::default();
    table.orgs(rows.iter().map(|_| school));
    table.int("device_no", rows.iter().map(|_| Some(u64::from(answer.device.device_no))));
    table.text("day", rows.iter().map(|row| Some(row.day.clone())));
    table.text("from", rows.iter().map(|row| Some(row.from.clone())));
    table.text("to", rows.iter().map(|row| Some(row.to.clone())));
    table.int("seconds", rows.iter().map(|row| Some(u64::from(row.seconds))));
    table.bool("continues_before", rows.iter().map(|row| Some(row.continues_before)));
    table.bool("continues_after", rows.iter().map(|row| Some(row.continues_after)));
    table
}

/// `search`: the path in one cell.
pub fn search(answer: &Search) -> Table {
    let rows = &answer.rows;
    let mut table = Table::default();
    table.text("id", rows.iter().map(|row| Some(row.id.clone())));
    table.text("name", rows.iter().map(|row| Some(row.name.clone())));
    table.text("level", rows.iter().map(|row| Some(row.level.as_str().to_owned())));
    table.text("path", rows.iter().map(|row| Some(row.path.join(" / "))));
    table
}

/// `catalog`: the figures.
pub fn catalog(answer: &Catalog) -> Table {
    let rows = &answer.figures;
    let mut table = Table::default();
    table.text("id", rows.iter().map(|row| Some(row.id.to_owned())));
    table.text("name_zh", rows.iter().map(|row| Some(row.name_zh.to_owned())));
    table.text("name_en", rows.iter().map(|row| Some(row.name_en.to_owned())));
    table.text("unit", rows.iter().map(|row| Some(row.unit.to_owned())));
    table.text("formula", rows.iter().map(|row| Some(row.formula.to_owned())));
    table.bool("approximate", rows.iter().map(|row| Some(row.approximate)));
    table.text("definition_version", rows.iter().map(|_| Some(answer.definition_version.clone())));
    table
}
