//! Schools from a file, by their codes: the same file again changes nothing, so an import that was cut off is sent again.

use super::change::{Change, Entry};
use super::school_changes::{add, rewrite};
use super::{Actor, SchoolFilter, Store, StoreError, schools};
use crate::logic::conflict::{Conflict, Fault, Invalid};
use crate::logic::forms::SchoolForm;
use crate::logic::import::{Line, LineResult, Mode, Outcome};
use crate::logic::rights::Node;
use crate::logic::views::SchoolView;
use schemas::org::area_range;
use schemas::time::Day;
use serde::Serialize;

/// Lines of one transaction where each stands alone: other changes get their turn in between.
const TOGETHER: usize = 100;

/// What the log tells of an export.
#[derive(Serialize)]
struct ExportView {
    schools: usize,
}

impl Store {
    /// Adds and changes the schools of a file below an area.
    ///
    /// # Errors
    /// The store cannot be written; what was committed until then stands.
    pub async fn import_schools(
        &self,
        actor: &Actor,
        area: u32,
        lines: &[Line],
        mode: Mode,
    ) -> Result<Vec<LineResult>, StoreError> {
        let together = if mode == Mode::BestEffort { TOGETHER } else { lines.len().max(1) };
        let mut results = Vec::with_capacity(lines.len());
        for part in lines.chunks(together) {
            let mut change = self.change(actor).await?;
            for line in part {
                results.push(apart(&mut change, area, line).await?);
            }
            let whole = results.iter().all(|result| result.outcome != Outcome::Refused);
            match mode {
                Mode::BestEffort => change.commit().await?,
                Mode::AllOrNothing if whole => change.commit().await?,
                Mode::AllOrNothing | Mode::DryRun => undone(&mut results),
            }
        }
        Ok(results)
    }

    /// The schools that an area manages directly, with the administrators of each; written to the log.
    ///
    /// # Errors
    /// The store cannot be read, or the log not written.
    pub async fn export_schools(&self, actor: &Actor, area: u32) -> Result<Vec<(SchoolView, String)>, StoreError> {
        let filter = SchoolFilter { direct: true, ..SchoolFilter::default() };
        let schools = self.schools_of(area, &filter, u32::MAX, actor.at_ms).await?;
        let mut change = self.change(actor).await?;
        let mut rows = Vec::with_capacity(schools.len());
        for school in schools {
            let administrators = super::grants::administrators(change.tx(), school.school_no).await?;
            rows.push((school, administrators.join("; ")));
        }
        let (object, node) = (area.to_string(), Node::Area(area));
        let told = ExportView { schools: rows.len() };
        let entry = Entry { action: "schools.export", object, node, before: None, after: Some(&told), reason: "" };
        change.log(entry).await?;
        change.commit().await?;
        Ok(rows)
    }
}

/// Numbers of schools that were not added after all mean nothing.
fn undone(results: &mut [LineResult]) {
    for result in results.iter_mut().filter(|result| result.outcome == Outcome::Added) {
        result.school_no = None;
    }
}

/// A line with a savepoint of its own.
async fn apart(change: &mut Change<'_>, area: u32, line: &Line) -> Result<LineResult, StoreError> {
    let (division, form) = match &line.wanted {
        Ok(wanted) => wanted,
        Err(invalid) => return Ok(refused(line.line, invalid.0.clone())),
    };
    sqlx::query("SAVEPOINT line").execute(change.tx()).await?;
    let done = one(change, area, *division, form).await;
    if done.is_err() {
        sqlx::query("ROLLBACK TO SAVEPOINT line").execute(change.tx()).await?;
    }
    sqlx::query("RELEASE SAVEPOINT line").execute(change.tx()).await?;
    match done {
        Ok((outcome, no)) => Ok(LineResult { line: line.line, outcome, school_no: Some(no), errors: Vec::new() }),
        Err(StoreError::Invalid(invalid)) => Ok(refused(line.line, invalid.0)),
        Err(StoreError::Conflict(conflict)) => Ok(refused(line.line, fault("/code", &conflict.to_string()))),
        Err(StoreError::Absent { .. }) => Ok(refused(line.line, fault("/division", "an area in your scope"))),
        Err(error) => Err(error),
    }
}

fn fault(pointer: &str, detail: &str) -> Vec<Fault> {
    vec![Fault { pointer: pointer.to_owned(), detail: detail.to_owned() }]
}

fn refused(line: u64, errors: Vec<Fault>) -> LineResult {
    LineResult { line, outcome: Outcome::Refused, school_no: None, errors }
}

async fn one(
    change: &mut Change<'_>,
    area: u32,
    division: u32,
    form: &SchoolForm,
) -> Result<(Outcome, u32), StoreError> {
    if !area_range(area).contains(&division) {
        return Err(Invalid::one("/division", "an area in your scope").into());
    }
    let sql = "SELECT school_no FROM schools WHERE code = $1 AND purged_at_ms IS NULL";
    let row: Option<(i64,)> = sqlx::query_as(sql).bind(&form.code).fetch_optional(change.tx()).await?;
    let Some((no,)) = row else {
        let school = add(change, division, form).await?;
        return Ok((Outcome::Added, school.school_no));
    };
    let no = super::number("schools.school_no", no)?;
    let school = schools::require(change.tx(), no).await?;
    let today = Day::of_ms(change.at_ms());
    // Somebody else's school is only said to have the code, as for a single one.
    if !area_range(area).contains(&school.division(today)) {
        return Err(Conflict::Taken("code").into());
    }
    if school.division(today) != division {
        return Err(Invalid::one("/division", "the school is elsewhere; a transfer is a request of its own").into());
    }
    if school.profile == *form {
        return Ok((Outcome::Unchanged, no));
    }
    rewrite(change, &school, form).await?;
    Ok((Outcome::Changed, no))
}
