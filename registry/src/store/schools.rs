//! Schools as they are shown, and where they are.

use super::{Store, StoreError, absent, number, orgs};
use crate::logic::forms::SchoolForm;
use crate::logic::model::{Change, SchoolHistory, in_force};
use crate::logic::rights::Node;
use crate::logic::views::{SchoolView, Word, to_come};
use crate::store::{Connection, Database};
use schemas::org::OrgId;
use schemas::registry::SchoolStatus;
use schemas::time::{Day, format_rfc3339_ms};
use sqlx::QueryBuilder;

/// A school with its history.
pub(super) struct Kept {
    pub no: u32,
    pub profile: SchoolForm,
    pub initialised: bool,
    pub updated_at_ms: i64,
    pub updated_by: String,
    pub history: SchoolHistory,
}

#[derive(sqlx::FromRow)]
struct Row {
    school_no: i64,
    code: Option<String>,
    name: String,
    school_type: String,
    school_system: String,
    ownership: String,
    weak: bool,
    tags: String,
    address: String,
    post_code: String,
    initialised: bool,
    updated_at_ms: i64,
    updated_by: String,
}

/// What a query of schools begins with; conditions are added with AND. `s`: the school.
pub(super) const SELECT: &str = "SELECT s.school_no, s.code, s.name, s.school_type, s.school_system, s.ownership, s.weak, s.tags, s.address, s.post_code, s.initialised_at_ms IS NOT NULL AS initialised, s.updated_at_ms, s.updated_by FROM schools s WHERE s.purged_at_ms IS NULL";

/// Runs a query that begins with [`SELECT`], and adds the histories of what it finds.
pub(super) async fn load(tx: &mut Connection, mut query: QueryBuilder<Database>) -> Result<Vec<Kept>, StoreError> {
    let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *tx).await?;
    let numbers: Result<Vec<u32>, _> = rows.iter().map(|row| number("schools.school_no", row.school_no)).collect();
    let mut histories = orgs::histories_of(tx, &numbers?).await?;
    let with_history = |row: Row| {
        let no = number("schools.school_no", row.school_no)?;
        kept(row, histories.remove(&no).unwrap_or_default())
    };
    rows.into_iter().map(with_history).collect()
}

pub(super) async fn require(tx: &mut Connection, no: u32) -> Result<Kept, StoreError> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" AND s.school_no = ").push_bind(no);
    load(tx, query).await?.pop().ok_or_else(|| absent("school", no))
}

fn kept(row: Row, history: SchoolHistory) -> Result<Kept, StoreError> {
    Ok(Kept {
        no: number("schools.school_no", row.school_no)?,
        profile: SchoolForm {
            name: row.name,
            school_type: row.school_type,
            code: row.code,
            school_system: row.school_system,
            ownership: row.ownership,
            weak: row.weak,
            tags: serde_json::from_str(&row.tags).map_err(|_| super::corrupt("schools.tags", row.tags))?,
            address: row.address,
            post_code: row.post_code,
        },
        initialised: row.initialised,
        updated_at_ms: row.updated_at_ms,
        updated_by: row.updated_by,
        history,
    })
}

impl Kept {
    pub(super) fn division(&self, day: Day) -> u32 {
        in_force(&self.history.divisions, day).unwrap_or(0)
    }

    pub(super) fn status(&self, day: Day) -> SchoolStatus {
        in_force(&self.history.statuses, day).unwrap_or(SchoolStatus::Normal)
    }

    pub(super) fn node(&self, day: Day) -> Node {
        Node::School { division: self.division(day), school_no: self.no }
    }

    pub(super) fn view(&self, today: Day) -> SchoolView {
        let profile = self.profile.clone();
        SchoolView {
            school_no: self.no,
            code: profile.code,
            name: profile.name,
            school_type: profile.school_type,
            school_system: profile.school_system,
            ownership: profile.ownership,
            weak: profile.weak,
            tags: profile.tags,
            address: profile.address,
            post_code: profile.post_code,
            division: self.division(today),
            divisions_to_come: to_come(&self.history.divisions, today, |division| division),
            status: self.status(today),
            statuses_to_come: to_come(&self.history.statuses, today, Word),
            initialised: self.initialised,
            updated_at: (self.updated_at_ms > 0).then(|| format_rfc3339_ms(self.updated_at_ms)),
            updated_by: self.updated_by.clone(),
        }
    }
}

impl Store {
    /// A school as it is shown.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn school(&self, no: u32, at_ms: i64) -> Result<SchoolView, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(require(&mut connection, no).await?.view(Day::of_ms(at_ms)))
    }

    /// Where an organisation is today.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn node(&self, org: OrgId, at_ms: i64) -> Result<Node, StoreError> {
        // Never a second connection while one is held: as many callers as connections would wait for each other.
        match org {
            OrgId::Area(code) => {
                self.require(org).await?;
                Ok(Node::Area(code))
            }
            OrgId::School(no) => {
                let mut connection = self.pool.acquire().await?;
                school_node(&mut connection, no, at_ms).await
            }
            OrgId::Class(class_no) => {
                let mut connection = self.pool.acquire().await?;
                let school_no = orgs::school_of_class(&mut connection, class_no).await?;
                class_node(&mut connection, school_no, class_no, at_ms).await
            }
        }
    }
}

/// Where a school is today.
pub(super) async fn school_node(tx: &mut Connection, no: u32, at_ms: i64) -> Result<Node, StoreError> {
    let sql = "SELECT d.from_day, d.division FROM school_divisions d JOIN schools s ON s.school_no = d.school_no WHERE s.school_no = $1 AND s.purged_at_ms IS NULL ORDER BY d.from_day";
    let rows: Vec<(i32, i64)> = sqlx::query_as(sql).bind(no).fetch_all(tx).await?;
    let entered = |(day, code)| Ok(Change { from_day: Day(day), value: number("school_divisions.division", code)? });
    let history = rows.into_iter().map(entered).collect::<Result<Vec<_>, StoreError>>()?;
    let division = in_force(&history, Day::of_ms(at_ms)).ok_or_else(|| absent("school", no))?;
    Ok(Node::School { division, school_no: no })
}

/// Where a class, or what is in it, is today; class 0: in none.
pub(super) async fn class_node(
    tx: &mut Connection,
    school_no: u32,
    class_no: u32,
    at_ms: i64,
) -> Result<Node, StoreError> {
    let (division, school_no) = school_node(tx, school_no, at_ms).await?.place();
    Ok(match class_no {
        0 => Node::School { division, school_no },
        class_no => Node::Class { division, school_no, class_no },
    })
}
