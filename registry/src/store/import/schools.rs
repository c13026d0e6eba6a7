//! Lines of a file of schools, one by one.

use super::Importable;
use crate::logic::conflict::{Conflict, Fault, Invalid};
use crate::logic::import::schools::{SchoolLine, SchoolName};
use crate::logic::import::{Line, LineResult, Outcome};
use crate::store::Connection;
use crate::store::change::Change;
use crate::store::school_changes::{add, rewrite};
use crate::store::{StoreError, number, schools};
use schemas::org::area_range;
use schemas::time::Day;

impl Importable for SchoolLine {
    const TOGETHER: usize = 100;

    async fn take(
        change: &mut Change<'_>,
        area: u32,
        lines: &[Line<SchoolLine>],
    ) -> Result<Vec<LineResult>, StoreError> {
        let mut results = Vec::with_capacity(lines.len());
        for line in lines {
            results.push(apart(change, area, line).await?);
        }
        Ok(results)
    }
}

/// A line with a savepoint of its own.
async fn apart(change: &mut Change<'_>, area: u32, line: &Line<SchoolLine>) -> Result<LineResult, StoreError> {
    let wanted = match &line.wanted {
        Ok(wanted) => wanted,
        Err(invalid) => return Ok(LineResult::refused(line.line, invalid.0.clone())),
    };
    sqlx::query("SAVEPOINT line").execute(change.tx()).await?;
    let done = one(change, area, wanted).await;
    if done.is_err() {
        sqlx::query("ROLLBACK TO SAVEPOINT line").execute(change.tx()).await?;
    }
    sqlx::query("RELEASE SAVEPOINT line").execute(change.tx()).await?;
    match done {
        Ok((outcome, no)) => Ok(LineResult { school_no: Some(no), ..LineResult::done(line.line, outcome) }),
        Err(error) => Ok(LineResult::refused(line.line, faults(error)?)),
    }
}

/// What the line is told; what is no fault of the line ends the import.
fn faults(error: StoreError) -> Result<Vec<Fault>, StoreError> {
    match error {
        StoreError::Invalid(invalid) => Ok(invalid.0),
        StoreError::Conflict(conflict) => Ok(Invalid::one("/code", conflict.to_string()).0),
        StoreError::Absent { .. } => Ok(Invalid::one("/division", "an area in your scope").0),
        error => Err(error),
    }
}

async fn one(change: &mut Change<'_>, area: u32, line: &SchoolLine) -> Result<(Outcome, u32), StoreError> {
    if !area_range(area).contains(&line.division) {
        return Err(Invalid::one("/division", "an area in your scope").into());
    }
    let Some(no) = known(change.tx(), &line.school).await? else {
        let SchoolName::Code(_) = line.school else {
            return Err(Invalid::one("/code", "no school has this number").into());
        };
        let school = add(change, line.division, &line.form(None)).await?;
        return Ok((Outcome::Added, school.school_no));
    };
    let school = schools::require(change.tx(), no).await?;
    let today = Day::of_ms(change.at_ms());
    // Somebody else's school is only said to have the code, as for a single one.
    if !area_range(area).contains(&school.division(today)) {
        return Err(match line.school {
            SchoolName::Code(_) => Conflict::Taken("code").into(),
            SchoolName::No(_) => Invalid::one("/code", "no school has this number").into(),
        });
    }
    if school.division(today) != line.division {
        return Err(Invalid::one("/division", "the school is elsewhere; a transfer is a request of its own").into());
    }
    let form = line.form(Some(&school.profile));
    if school.profile == form {
        return Ok((Outcome::Unchanged, no));
    }
    rewrite(change, &school, &form).await?;
    Ok((Outcome::Changed, no))
}

/// The number of the school that a line names.
async fn known(tx: &mut Connection, school: &SchoolName) -> Result<Option<u32>, StoreError> {
    let row: Option<(i64,)> = match school {
        SchoolName::Code(code) => {
            let sql = "SELECT school_no FROM schools WHERE code = $1 AND purged_at_ms IS NULL";
            sqlx::query_as(sql).bind(code).fetch_optional(tx).await?
        }
        SchoolName::No(no) => {
            let sql = "SELECT school_no FROM schools WHERE school_no = $1 AND purged_at_ms IS NULL";
            sqlx::query_as(sql).bind(no).fetch_optional(tx).await?
        }
    };
    row.map(|(no,)| number("schools.school_no", no)).transpose()
}
