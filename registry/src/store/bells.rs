//! Bell times of areas and schools, and of whom a change has to be told.

use super::batch::one_of;
use super::change::{Change, Entry};
use super::{Actor, Store, StoreError, corrupt, number, orgs, schools, snapshot};
use crate::logic::bells::{BellsForm, BellsView, Entries, lessons_shown, of_school, shown};
use crate::logic::belonging::effective_day;
use crate::logic::model;
use crate::logic::rights::Node;
use crate::logic::tag::Expected;
use crate::store::Connection;
use schemas::org::{OrgId, area_range};
use schemas::registry::Bells;
use schemas::time::Day;
use std::collections::BTreeMap;

/// Schools whose values are made at once.
const PAGE: usize = 500;

/// Entries of areas and of some schools.
#[derive(Default)]
pub(super) struct Book {
    areas: BTreeMap<u32, Entries>,
    schools: BTreeMap<u32, Entries>,
    types: BTreeMap<u32, Vec<(Day, String)>>,
}

impl Book {
    /// With the entries of all areas, and of these schools.
    pub(super) async fn of(tx: &mut Connection, schools: &[u32]) -> Result<Book, StoreError> {
        let mut book = Book::default();
        let sql = "SELECT org_id, from_day, bells FROM bell_entries WHERE org_id NOT LIKE 's%' ORDER BY from_day";
        let mut rows: Vec<(String, i32, String)> = sqlx::query_as(sql).fetch_all(&mut *tx).await?;
        let ids = schools.iter().map(|no| OrgId::School(*no).to_string());
        let head = "SELECT org_id, from_day, bells FROM bell_entries WHERE org_id IN ";
        rows.extend(one_of(head, ids, " ORDER BY from_day").build_query_as().fetch_all(&mut *tx).await?);
        for (id, from_day, text) in rows {
            let form = serde_json::from_str(&text).map_err(|_| corrupt("bell_entries.bells", text))?;
            book.entries(&id)?.push((Day(from_day), form));
        }
        let head = "SELECT school_no, from_day, school_type FROM school_types WHERE school_no IN ";
        let mut types = one_of(head, schools.iter().copied(), " ORDER BY from_day");
        let rows: Vec<(i64, i32, String)> = types.build_query_as().fetch_all(tx).await?;
        for (no, from_day, school_type) in rows {
            book.types.entry(number("school_types.school_no", no)?).or_default().push((Day(from_day), school_type));
        }
        Ok(book)
    }

    fn entries(&mut self, id: &str) -> Result<&mut Entries, StoreError> {
        match OrgId::parse(id) {
            Some(OrgId::Area(code)) => Ok(self.areas.entry(code).or_default()),
            Some(OrgId::School(no)) => Ok(self.schools.entry(no).or_default()),
            _ => Err(corrupt("bell_entries.org_id", id)),
        }
    }

    /// The bells that count in a school of this type.
    pub(super) fn bells(&self, no: u32, school_type: &str, divisions: &[model::Change<u32>]) -> Vec<Bells> {
        let own = self.schools.get(&no).map_or(&[][..], Vec::as_slice);
        let always = vec![(Day::FIRST, school_type.to_owned())];
        of_school(self.types.get(&no).unwrap_or(&always), own, divisions, &self.areas)
    }
}

impl Store {
    /// Bell times of an area or school.
    ///
    /// # Errors
    /// There is no such school, or the store cannot be read.
    pub async fn bells(&self, org: OrgId) -> Result<BellsView, StoreError> {
        let mut connection = self.pool.acquire().await?;
        view(&mut connection, org).await
    }

    /// Replaces what an area or school says about bell times, from the next midnight on (after 23:00: the one after).
    ///
    /// # Errors
    /// Values that cannot be accepted, or a change in between.
    pub async fn set_bells(
        &self,
        actor: &Actor,
        org: OrgId,
        expected: &Expected,
        form: &BellsForm,
    ) -> Result<BellsView, StoreError> {
        form.check(matches!(org, OrgId::School(_)))?;
        let mut change = self.change(actor).await?;
        let before = view(change.tx(), org).await?;
        expected.check(&before)?;
        let text = serde_json::to_string(form).unwrap_or_default();
        let sql = "INSERT INTO bell_entries (org_id, from_day, bells, entered_at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, from_day) DO UPDATE SET bells = excluded.bells, entered_at_ms = excluded.entered_at_ms";
        let insert = sqlx::query(sql).bind(org.to_string()).bind(effective_day(actor.at_ms).0).bind(text);
        insert.bind(actor.at_ms).execute(change.tx()).await?;
        let after = view(change.tx(), org).await?;
        let node = tell(&mut change, org).await?;
        let (action, object) = ("bells.edit", org.to_string());
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }
}

async fn view(tx: &mut Connection, org: OrgId) -> Result<BellsView, StoreError> {
    let own = match org {
        OrgId::School(no) => vec![no],
        OrgId::Area(_) | OrgId::Class(_) => Vec::new(),
    };
    let mut book = Book::of(tx, &own).await?;
    let in_force = match org {
        OrgId::School(no) => {
            let school = schools::require(tx, no).await?;
            let bells = book.bells(no, &school.profile.school_type, &school.history.divisions);
            Some(lessons_shown(&bells))
        }
        OrgId::Area(_) | OrgId::Class(_) => None,
    };
    Ok(BellsView { entries: shown(book.entries(&org.to_string())?), in_force })
}

/// Tells of every school that the change concerns; where it was made.
async fn tell(change: &mut Change<'_>, org: OrgId) -> Result<Node, StoreError> {
    match org {
        OrgId::School(no) => {
            change.tell_school(no).await?;
            let at_ms = change.at_ms();
            schools::school_node(change.tx(), no, at_ms).await
        }
        OrgId::Area(code) => {
            let at_ms = change.at_ms();
            tell_schools_of(change.tx(), code, at_ms).await?;
            Ok(Node::Area(code))
        }
        OrgId::Class(no) => Err(super::absent("bells of class", no)),
    }
}

/// Puts the values of the schools that are, were or will be in an area into the outbox.
async fn tell_schools_of(tx: &mut Connection, code: u32, at_ms: i64) -> Result<(), StoreError> {
    let range = area_range(code);
    let sql = "SELECT DISTINCT school_no FROM school_divisions WHERE division BETWEEN $1 AND $2 ORDER BY school_no";
    let query = sqlx::query_as(sql).bind(range.start()).bind(range.end());
    let rows: Vec<(i64,)> = query.fetch_all(&mut *tx).await?;
    let numbers: Result<Vec<u32>, _> = rows.into_iter().map(|(no,)| number("schools.school_no", no)).collect();
    let calendars = orgs::calendars(tx).await?;
    for page in numbers?.chunks(PAGE) {
        if let (Some(first), Some(last)) = (page.first(), page.last()) {
            let mut schools = orgs::schools(tx, &(*first..=*last), &calendars).await?;
            schools.retain(|school| page.binary_search(&school.no).is_ok());
            snapshot::append_school_values(tx, &schools, at_ms).await?;
        }
    }
    Ok(())
}
