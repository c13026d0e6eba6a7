//! Schools as they are shown, and where they are.

use super::{Store, StoreError, absent, number, orgs};
use crate::logic::forms::SchoolForm;
use crate::logic::model::{SchoolHistory, in_force};
use crate::logic::rights::Node;
use crate::logic::views::{SchoolView, Word, to_come};
use schemas::org::OrgId;
use schemas::registry::SchoolStatus;
use schemas::time::{Day, format_rfc3339_ms};
use sqlx::SqliteConnection;

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
    ownership: String,
    weak: bool,
    tags: String,
    address: String,
    post_code: String,
    initialised: bool,
    updated_at_ms: i64,
    updated_by: String,
}

/// Schools of these numbers, in their order; what is not there is left out.
pub(super) async fn load(tx: &mut SqliteConnection, numbers: &[u32]) -> Result<Vec<Kept>, StoreError> {
    let mut schools = Vec::with_capacity(numbers.len());
    for no in numbers {
        // A device that was ever there counts as much as a confirmed profile: neither can be undone.
        let sql = "SELECT school_no, code, name, school_type, ownership, weak, tags, address, post_code, initialised_at_ms IS NOT NULL OR EXISTS (SELECT 1 FROM belongings WHERE belongings.school_no = schools.school_no) AS initialised, updated_at_ms, updated_by FROM schools WHERE school_no = $1 AND purged_at_ms IS NULL";
        let row: Option<Row> = sqlx::query_as(sql).bind(no).fetch_optional(&mut *tx).await?;
        if let Some(row) = row {
            let history = orgs::histories(tx, &(*no..=*no)).await?.remove(no).unwrap_or_default();
            schools.push(kept(row, history)?);
        }
    }
    Ok(schools)
}

pub(super) async fn require(tx: &mut SqliteConnection, no: u32) -> Result<Kept, StoreError> {
    load(tx, &[no]).await?.pop().ok_or_else(|| absent("school", no))
}

fn kept(row: Row, history: SchoolHistory) -> Result<Kept, StoreError> {
    Ok(Kept {
        no: number("schools.school_no", row.school_no)?,
        profile: SchoolForm {
            name: row.name,
            school_type: row.school_type,
            code: row.code,
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
pub(super) async fn school_node(tx: &mut SqliteConnection, no: u32, at_ms: i64) -> Result<Node, StoreError> {
    Ok(require(tx, no).await?.node(Day::of_ms(at_ms)))
}

/// Where a class, or what is in it, is today; class 0: in none.
pub(super) async fn class_node(
    tx: &mut SqliteConnection,
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
