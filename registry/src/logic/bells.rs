//! Bell times (METRICS: lesson in use): of a school its own, else those that the nearest area above it has for its type,
//! else the default ones.

use super::conflict::{Faults, Invalid};
use super::model::{Change, SCHOOL_TYPES, in_force};
use schemas::definitions::bells_are_valid;
use schemas::org::area_chain;
use schemas::registry::Bells;
use schemas::time::Day;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Timetables of one area.
const TIMETABLES: usize = 9;

/// A lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonForm {
    /// Begin, local time.
    #[schema(example = "08:00")]
    pub from: String,
    /// End, the same day.
    #[schema(example = "08:40")]
    pub until: String,
}

/// The lessons of a school day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimetableForm {
    /// Of which types of school; empty: of those that no other timetable names.
    #[serde(default)]
    #[schema(example = json!(["小学", "教学点"]))]
    pub types: Vec<String>,
    /// 1 to 8, ascending.
    pub lessons: Vec<LessonForm>,
}

/// What an area or school says about bell times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BellsForm {
    /// Timetables; none: those of the area above count.
    pub timetables: Vec<TimetableForm>,
}

/// What counts from a day on, until the next entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BellsEntry {
    /// First day.
    #[schema(example = "2026-11-23")]
    pub from: String,
    /// Timetables; none: those of the area above count.
    pub timetables: Vec<TimetableForm>,
}

/// Bell times, as they are shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BellsView {
    /// What the area or school itself says, ascending by day.
    pub entries: Vec<BellsEntry>,
    /// Of a school: the lessons that count, from which day on; none: the default ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<Vec<LessonsFrom>>,
}

/// Lessons that count from a day on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LessonsFrom {
    /// First day.
    pub from: String,
    /// Lessons; none: the default ones.
    pub lessons: Vec<LessonForm>,
}

impl BellsForm {
    /// Checks the values. `of_school`: a school's, which has one timetable for its own type.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self, of_school: bool) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        let most = if of_school { 1 } else { TIMETABLES };
        faults.unless(self.timetables.len() <= most, "/timetables", "at most 9; of a school one");
        let mut named = BTreeSet::new();
        for (i, timetable) in self.timetables.iter().enumerate() {
            let pointer = format!("/timetables/{i}");
            let types = &timetable.types;
            let known = types.iter().all(|name| SCHOOL_TYPES.contains(&name.as_str()));
            let named_here = !of_school || types.is_empty();
            faults.unless(known && named_here, &format!("{pointer}/types"), "types of school");
            // The empty name stands for those that no other timetable names.
            let names = if types.is_empty() { vec![""] } else { types.iter().map(String::as_str).collect() };
            let once = names.into_iter().all(|name| named.insert(name));
            faults.unless(once, &format!("{pointer}/types"), "each type in one timetable");
            let lessons = timetable.seconds();
            let valid = lessons.is_some_and(|lessons| bells_are_valid(&lessons));
            faults.unless(valid, &format!("{pointer}/lessons"), "1 to 8 lessons as HH:MM, ascending, not overlapping");
        }
        faults.done()
    }

    /// The lessons for a type of school; none: it says nothing about them.
    fn lessons(&self, school_type: &str) -> Option<Vec<(u32, u32)>> {
        let named = self.timetables.iter().find(|timetable| timetable.types.iter().any(|name| name == school_type));
        let fitting = named.or_else(|| self.timetables.iter().find(|timetable| timetable.types.is_empty()));
        fitting.and_then(TimetableForm::seconds)
    }
}

impl TimetableForm {
    /// Lessons as `[start, end)` seconds after local midnight; none: one of them cannot be read.
    fn seconds(&self) -> Option<Vec<(u32, u32)>> {
        self.lessons.iter().map(|lesson| Some((second(&lesson.from)?, second(&lesson.until)?))).collect()
    }
}

/// `HH:MM`, up to `24:00`.
fn second(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<u32>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let second = hours * 3600 + minutes * 60;
    (minutes < 60 && second <= schemas::time::DAY_S && !text.contains('+')).then_some(second)
}

/// Entries of one area or school, ascending by day.
pub type Entries = Vec<(Day, BellsForm)>;

/// Entries as they are shown.
#[must_use]
pub fn shown(entries: &[(Day, BellsForm)]) -> Vec<BellsEntry> {
    let entry =
        |(day, form): &(Day, BellsForm)| BellsEntry { from: day.to_string(), timetables: form.timetables.clone() };
    entries.iter().map(entry).collect()
}

/// Lessons that count as they are shown.
#[must_use]
pub fn lessons_shown(bells: &[Bells]) -> Vec<LessonsFrom> {
    let text = |second: u32| format!("{:02}:{:02}", second / 3600, second / 60 % 60);
    let lesson = |(from, until): &(u32, u32)| LessonForm { from: text(*from), until: text(*until) };
    let from = |entry: &Bells| LessonsFrom {
        from: entry.from_day.to_string(),
        lessons: entry.lessons.iter().map(lesson).collect(),
    };
    bells.iter().map(from).collect()
}

/// The bells of a school: what its value in the topic carries. `types`: the type that it had from which day on, never
/// empty; `own`: its own entries; `areas`: those of areas, by code; `divisions`: which area directly managed it.
#[must_use]
pub fn of_school(
    types: &[(Day, String)],
    own: &[(Day, BellsForm)],
    divisions: &[Change<u32>],
    areas: &BTreeMap<u32, Entries>,
) -> Vec<Bells> {
    let of_areas = areas.values().flatten().map(|(day, _)| *day);
    let moves = divisions.iter().map(|change| change.from_day);
    let changes = types.iter().map(|(day, _)| *day);
    let turns: BTreeSet<Day> = own.iter().map(|(day, _)| *day).chain(of_areas).chain(moves).chain(changes).collect();
    let lessons_on = |day: Day| {
        let chain = area_chain(in_force(divisions, day).unwrap_or(0));
        let above = chain.iter().filter_map(|code| areas.get(code)).map(Vec::as_slice);
        let school_type = on(types, day).map_or("", String::as_str);
        std::iter::once(own).chain(above).find_map(|entries| on(entries, day)?.lessons(school_type))
    };
    let mut bells: Vec<Bells> = Vec::new();
    for from_day in turns {
        let lessons = lessons_on(from_day).unwrap_or_default();
        // Before the first entry the default bells count, without being told.
        if bells.last().map_or(&[][..], |last| last.lessons.as_slice()) != lessons.as_slice() {
            bells.push(Bells { from_day, lessons });
        }
    }
    bells
}

/// What counts on a day.
fn on<T>(entries: &[(Day, T)], day: Day) -> Option<&T> {
    entries.iter().rev().find(|(from_day, _)| *from_day <= day).map(|(_, value)| value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn timetable(types: &[&str], lessons: &[(&str, &str)]) -> TimetableForm {
        let lesson = |(from, until): &(&str, &str)| LessonForm { from: (*from).into(), until: (*until).into() };
        TimetableForm {
            types: types.iter().map(|name| (*name).to_owned()).collect(),
            lessons: lessons.iter().map(lesson).collect(),
        }
    }

    /// A form with one lesson that begins at this hour, for all types.
    fn at(hour: u32) -> BellsForm {
        let (from, until) = (format!("{hour:02}:00"), format!("{hour:02}:40"));
        BellsForm { timetables: vec![timetable(&[], &[(&from, &until)])] }
    }

    /// First days and hours of the first lesson; 0: the default bells.
    fn hours(bells: &[Bells]) -> Vec<(i32, u32)> {
        bells
            .iter()
            .map(|entry| (entry.from_day.0, entry.lessons.first().map_or(0, |(start, _)| start / 3600)))
            .collect()
    }

    fn always(school_type: &str) -> Vec<(Day, String)> {
        vec![(Day::FIRST, school_type.to_owned())]
    }

    const TIANHE: u32 = 440_106;

    fn here() -> Vec<Change<u32>> {
        vec![Change { from_day: Day(0), value: TIANHE }]
    }

    #[test]
    fn the_nearest_that_says_something_counts() {
        let areas = BTreeMap::from([
            (440_000, vec![(Day(5), at(7))]),
            (440_100, vec![(Day(10), at(8)), (Day(30), BellsForm::default())]),
        ]);
        let own = vec![(Day(20), at(9)), (Day(25), BellsForm::default())];
        let told = of_school(&always("小学"), &own, &here(), &areas);
        assert_eq!(hours(&told), [(5, 7), (10, 8), (20, 9), (25, 8), (30, 7)]);
        assert_eq!(hours(&of_school(&always("小学"), &[], &here(), &BTreeMap::new())), []);
        let gone = vec![(Day(20), at(9)), (Day(25), BellsForm::default())];
        assert_eq!(hours(&of_school(&always("小学"), &gone, &here(), &BTreeMap::new())), [(20, 9), (25, 0)]);
    }

    #[test]
    fn a_type_that_is_named_goes_before_the_others() {
        let both = BellsForm {
            timetables: vec![
                timetable(&[], &[("08:00", "08:40")]),
                timetable(&["小学", "教学点"], &[("09:00", "09:40")]),
            ],
        };
        let only = BellsForm { timetables: both.timetables[1..].to_vec() };
        let areas = |form: &BellsForm| BTreeMap::from([(440_100, vec![(Day(1), form.clone())])]);
        assert_eq!(hours(&of_school(&always("小学"), &[], &here(), &areas(&both))), [(1, 9)]);
        assert_eq!(hours(&of_school(&always("高中"), &[], &here(), &areas(&both))), [(1, 8)]);
        assert_eq!(hours(&of_school(&always("高中"), &[], &here(), &areas(&only))), []);
    }

    #[test]
    fn a_school_that_moves_gets_the_bells_of_the_new_area() {
        let areas = BTreeMap::from([(440_100, vec![(Day(1), at(8))]), (440_300, vec![(Day(1), at(9))])]);
        let moved = [here(), vec![Change { from_day: Day(40), value: 440_304 }]].concat();
        assert_eq!(hours(&of_school(&always("小学"), &[], &moved, &areas)), [(1, 8), (40, 9)]);
    }

    #[test]
    fn another_type_counts_from_its_day_on() {
        let primary = BellsForm { timetables: vec![timetable(&["小学"], &[("09:00", "09:40")])] };
        let areas = BTreeMap::from([(440_100, vec![(Day(1), primary)])]);
        let types = [always("小学"), vec![(Day(30), "9年一贯制".to_owned())]].concat();
        assert_eq!(hours(&of_school(&types, &[], &here(), &areas)), [(1, 9), (30, 0)]);
    }

    #[test]
    fn values_are_pointed_at() {
        let fault =
            |form: &BellsForm, of_school| form.check(of_school).err().map(|invalid| invalid.0[0].pointer.clone());
        let one = |types: &[&str], lessons: &[(&str, &str)]| BellsForm { timetables: vec![timetable(types, lessons)] };
        let good = [("08:00", "08:40"), ("08:40", "24:00")];
        assert_eq!(fault(&one(&["小学"], &good), false), None);
        assert_eq!(fault(&BellsForm::default(), true), None);
        assert_eq!(fault(&one(&["小学"], &good), true).as_deref(), Some("/timetables/0/types"), "of its own type only");
        assert_eq!(fault(&one(&["幼儿园"], &good), false).as_deref(), Some("/timetables/0/types"));
        for lessons in [
            &[][..],
            &[("8:00", "08:40")],
            &[("08:40", "08:00")],
            &[("+8:00", "08:40")],
            &[("08:60", "09:10")],
            &[("23:00", "24:01")],
            &[("08:00", "09:00"), ("08:50", "09:30")],
            &[("08:00", "08:0０")],
        ] {
            assert_eq!(fault(&one(&[], lessons), false).as_deref(), Some("/timetables/0/lessons"), "{lessons:?}");
        }
        let twice =
            BellsForm { timetables: vec![timetable(&["小学"], &good), timetable(&["初中", "小学"], &good)] };
        assert_eq!(fault(&twice, false).as_deref(), Some("/timetables/1/types"));
        let many = BellsForm { timetables: vec![timetable(&[], &good), timetable(&[], &good)] };
        assert_eq!(fault(&many, true).as_deref(), Some("/timetables"));
    }

    #[test]
    fn lessons_are_shown_as_they_were_given() {
        let told = of_school(&always("小学"), &[(Day(1), at(9))], &here(), &BTreeMap::new());
        let shown = lessons_shown(&told);
        assert_eq!((shown[0].lessons[0].from.as_str(), shown[0].lessons[0].until.as_str()), ("09:00", "09:40"));
    }
}
