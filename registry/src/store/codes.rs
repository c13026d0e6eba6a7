//! Enrolment codes, as the console handles them.

use super::change::{Entry, take_number};
use super::school_changes::require_open;
use super::{Actor, Store, StoreError, absent, number, orgs, schools};
use crate::logic::conflict::{Conflict, Invalid};
use crate::logic::enrolment::{CODE_LIFE_MS, state};
use crate::logic::rights::Node;
use crate::logic::tag::Expected;
use crate::logic::views::CodeView;
use crate::store::{Connection, Database};
use schemas::time::{Day, format_rfc3339_ms};
use sqlx::QueryBuilder;

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub code_no: i64,
    pub code: String,
    pub school_no: i64,
    pub class_no: i64,
    pub state: String,
    pub created_at_ms: i64,
    pub expires_at_ms: i64,
    pub creator: String,
    pub creator_name: String,
    pub used_at_ms: Option<i64>,
    pub device_no: Option<i64>,
    pub mac: Option<String>,
}

fn view(row: Row, now_ms: i64) -> Result<CodeView, StoreError> {
    Ok(CodeView {
        code_no: row.code_no,
        school_no: number("enrol_codes.school_no", row.school_no)?,
        class_no: number("enrol_codes.class_no", row.class_no)?,
        state: state(&row.state, row.expires_at_ms, now_ms).to_owned(),
        created_at: format_rfc3339_ms(row.created_at_ms),
        expires_at: format_rfc3339_ms(row.expires_at_ms),
        code: row.code,
        creator: row.creator,
        creator_name: row.creator_name,
        used_at: row.used_at_ms.map(format_rfc3339_ms),
        device_no: row.device_no,
        mac: row.mac,
    })
}

async fn require(tx: &mut Connection, no: u32, now_ms: i64) -> Result<CodeView, StoreError> {
    let sql = "SELECT code_no, code, school_no, class_no, state, created_at_ms, expires_at_ms, creator, creator_name, used_at_ms, device_no, mac FROM enrol_codes WHERE code_no = $1";
    let row: Option<Row> = sqlx::query_as(sql).bind(no).fetch_optional(tx).await?;
    view(row.ok_or_else(|| absent("code", no))?, now_ms)
}

/// Which codes of a school.
#[derive(Clone, Debug, Default)]
pub struct CodeFilter {
    /// For this class.
    pub class_no: Option<u32>,
    /// `issued`, `used`, `expired` or `revoked`.
    pub state: Option<String>,
    /// Before this number: the newest come first.
    pub before: Option<u32>,
}

impl Store {
    /// Issues a code for a class (0: any) of a school. `code`: 20 hexadecimal digits that nobody can guess.
    ///
    /// # Errors
    /// No such school, one that is closed, or a class of another.
    pub async fn issue_code(
        &self,
        actor: &Actor,
        school_no: u32,
        class_no: u32,
        code: &str,
    ) -> Result<CodeView, StoreError> {
        let mut change = self.change(actor).await?;
        require_class(change.tx(), school_no, class_no).await?;
        require_open(change.tx(), school_no, Day::of_ms(actor.at_ms)).await?;
        let node = schools::class_node(change.tx(), school_no, class_no, actor.at_ms).await?;
        let no = take_number(change.tx(), "code", "SELECT MAX(code_no) FROM enrol_codes").await?;
        let sql = "INSERT INTO enrol_codes (code_no, code, school_no, class_no, state, created_at_ms, expires_at_ms, creator, creator_name) VALUES ($1, $2, $3, $4, 'issued', $5, $6, $7, $8)";
        let insert = sqlx::query(sql).bind(no).bind(code).bind(school_no).bind(class_no).bind(actor.at_ms);
        let insert = insert.bind(actor.at_ms + CODE_LIFE_MS).bind(&actor.account).bind(&actor.name);
        insert.execute(change.tx()).await?;
        let after = require(change.tx(), no, actor.at_ms).await?;
        let (action, object) = ("code.issue", format!("e{no}"));
        // The log tells of the code, but does not hold it: whoever reads the log could redeem it.
        let shown = hidden(&after);
        change.log(Entry { action, object, node, before: None, after: Some(&shown), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }

    /// A code, and where it counts.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn code(&self, no: u32, at_ms: i64) -> Result<(CodeView, Node), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let code = require(&mut connection, no, at_ms).await?;
        let node = schools::class_node(&mut connection, code.school_no, code.class_no, at_ms).await?;
        Ok((code, node))
    }

    /// Codes of a school, newest first, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn codes_of(
        &self,
        school_no: u32,
        filter: &CodeFilter,
        limit: u32,
        at_ms: i64,
    ) -> Result<Vec<CodeView>, StoreError> {
        let mut query = QueryBuilder::<Database>::new(
            "SELECT code_no, code, school_no, class_no, state, created_at_ms, expires_at_ms, creator, creator_name, used_at_ms, device_no, mac FROM enrol_codes WHERE school_no = ",
        );
        query.push_bind(school_no);
        if let Some(class_no) = filter.class_no {
            query.push(" AND class_no = ").push_bind(class_no);
        }
        match filter.state.as_deref() {
            Some("issued") => query.push(" AND state = 'issued' AND expires_at_ms > ").push_bind(at_ms),
            Some("expired") => query.push(" AND state = 'issued' AND expires_at_ms <= ").push_bind(at_ms),
            Some(state) => query.push(" AND state = ").push_bind(state.to_owned()),
            None => &mut query,
        };
        if let Some(before) = filter.before {
            query.push(" AND code_no < ").push_bind(before);
        }
        query.push(" ORDER BY code_no DESC LIMIT ").push_bind(i64::from(limit));
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.pool).await?;
        rows.into_iter().map(|row| view(row, at_ms)).collect()
    }

    /// Takes a code back.
    ///
    /// # Errors
    /// No such code, one that was used or revoked, or a change in between.
    pub async fn revoke_code(&self, actor: &Actor, no: u32, expected: &Expected) -> Result<CodeView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require(change.tx(), no, actor.at_ms).await?;
        expected.check(&before)?;
        match before.state.as_str() {
            "used" => return Err(Conflict::CodeSettled("used").into()),
            "revoked" => return Err(Conflict::CodeSettled("revoked").into()),
            _ => {}
        }
        let sql = "UPDATE enrol_codes SET state = 'revoked', revoked_at_ms = $2 WHERE code_no = $1";
        sqlx::query(sql).bind(no).bind(actor.at_ms).execute(change.tx()).await?;
        let after = require(change.tx(), no, actor.at_ms).await?;
        let node = schools::class_node(change.tx(), after.school_no, after.class_no, actor.at_ms).await?;
        let (shown_before, shown_after) = (hidden(&before), hidden(&after));
        let (action, object) = ("code.revoke", format!("e{no}"));
        let entry = Entry { action, object, node, before: Some(&shown_before), after: Some(&shown_after), reason: "" };
        change.log(entry).await?;
        change.commit().await?;
        Ok(after)
    }
}

fn hidden(code: &CodeView) -> CodeView {
    CodeView { code: format!("{}…", code.code.chars().take(4).collect::<String>()), ..code.clone() }
}

/// Refuses a class that is not the school's; 0 is always fine.
pub(super) async fn require_class(tx: &mut Connection, school_no: u32, class_no: u32) -> Result<(), StoreError> {
    if class_no == 0 {
        return Ok(());
    }
    match orgs::school_of_class(tx, class_no).await {
        Ok(of) if of == school_no => Ok(()),
        Ok(_) | Err(StoreError::Absent { .. }) => Err(Invalid::one("/class_no", "a class of this school, or 0").into()),
        Err(error) => Err(error),
    }
}
