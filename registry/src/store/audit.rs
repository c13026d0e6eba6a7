//! The log of changes.

use super::change::{Actor, Entry};
use super::{Store, StoreError, number};
use crate::logic::chain::{Broken, Row, Walk, hash};
use crate::store::Connection;
use crate::store::Database;
use serde::Serialize;
use serde_json::Value;
use std::ops::RangeInclusive;
use utoipa::ToSchema;

/// Rows of one statement of a verification.
const PAGE: i64 = 5_000;

/// A row of the log, as it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Place in the log.
    pub seq: i64,
    /// When.
    pub at: String,
    /// Account.
    pub account: String,
    /// Display name.
    pub name: String,
    /// From where.
    pub address: String,
    /// Request.
    pub request_id: String,
    /// What was done, e.g. `school.transfer`.
    pub action: String,
    /// To what: an area's code, `s…` school, `c…` class, `p…` campus, `d…` device, `e…` code, `f…` flag, `g…` group.
    pub object: String,
    /// Area that it lay in.
    pub division: u32,
    /// School that it lay in, 0: none.
    pub school_no: u32,
    /// As it was; null: not there.
    pub before: Value,
    /// As it was afterwards; null: no longer there.
    pub after: Value,
    /// Why.
    pub reason: String,
    /// Over this row and the hash of the one before.
    pub hash: String,
}

/// A log that does not hold.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It was tampered with.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose rows.
#[derive(Clone, Debug)]
pub enum Extent {
    /// Of areas in a range of codes, and of the schools in them.
    Areas(RangeInclusive<u32>),
    /// Of one school.
    School(u32),
}

/// Which rows of an extent.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Account.
    pub account: Option<String>,
    /// Action, or its begin.
    pub action: Option<String>,
    /// Object.
    pub object: Option<String>,
    /// From this instant on, ms.
    pub since_ms: Option<i64>,
    /// Rows before this place, newest first.
    pub before_seq: Option<i64>,
}

const COLUMNS: &str =
    "seq, at_ms, account, name, address, request_id, action, object, division, school_no, before, after, reason, hash";

#[derive(sqlx::FromRow)]
struct Kept {
    seq: i64,
    at_ms: i64,
    account: String,
    name: String,
    address: String,
    request_id: String,
    action: String,
    object: String,
    division: i64,
    school_no: i64,
    before: String,
    after: String,
    reason: String,
    hash: String,
}

pub(super) async fn append(tx: &mut Connection, actor: &Actor, entry: &Entry<'_>) -> Result<(), StoreError> {
    // The head's row is locked from here on: rows are chained in the order of commits.
    let head = "UPDATE audit_head SET seq = seq + 1 RETURNING seq, hash";
    let (seq, before): (i64, String) = sqlx::query_as(head).fetch_one(&mut *tx).await?;
    let row = row(actor, entry, seq);
    let hash = hash(&before, &row);
    let sql = "INSERT INTO audit (seq, at_ms, account, name, address, request_id, action, object, division, school_no, before, after, reason, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let mut insert = sqlx::query(sql).bind(row.seq).bind(row.at_ms);
    for text in row.who.iter().chain([&row.request_id]).chain(&row.what) {
        insert = insert.bind(text);
    }
    insert = insert.bind(row.place.0).bind(row.place.1);
    for text in row.content.iter().chain([&hash]) {
        insert = insert.bind(text);
    }
    insert.execute(&mut *tx).await?;
    sqlx::query("UPDATE audit_head SET hash = $1").bind(&hash).execute(tx).await?;
    Ok(())
}

fn row(actor: &Actor, entry: &Entry<'_>, seq: i64) -> Row {
    let text = |shown: Option<&dyn super::change::erased::Shown>| shown.map_or("null".to_owned(), |view| view.text());
    Row {
        seq,
        at_ms: actor.at_ms,
        who: [actor.account.clone(), actor.name.clone(), actor.address.clone()],
        request_id: actor.request_id.clone(),
        what: [entry.action.to_owned(), entry.object.clone()],
        place: entry.node.place(),
        content: [text(entry.before), text(entry.after), entry.reason.to_owned()],
    }
}

impl Store {
    /// Rows of an extent, newest first, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn audit(&self, extent: &Extent, filter: &Filter, limit: u32) -> Result<Vec<AuditView>, StoreError> {
        let mut query = sqlx::QueryBuilder::<Database>::new("SELECT ");
        query.push(COLUMNS).push(" FROM audit WHERE ");
        match extent {
            // Every row is the province's: going back by place is fastest then.
            Extent::Areas(codes) if codes.start().is_multiple_of(10_000) => query.push("seq > 0"),
            Extent::Areas(codes) => {
                query.push("division BETWEEN ").push_bind(*codes.start()).push(" AND ").push_bind(*codes.end())
            }
            Extent::School(no) => query.push("school_no = ").push_bind(*no),
        };
        for (column, value) in [(" AND account = ", &filter.account), (" AND object = ", &filter.object)] {
            if let Some(value) = value {
                query.push(column).push_bind(value.clone());
            }
        }
        if let Some(action) = &filter.action {
            query.push(" AND SUBSTR(action, 1, ").push_bind(i32::try_from(action.len()).unwrap_or(0));
            query.push(") = ").push_bind(action.clone());
        }
        if let Some(since_ms) = filter.since_ms {
            query.push(" AND at_ms >= ").push_bind(since_ms);
        }
        if let Some(before) = filter.before_seq {
            query.push(" AND seq < ").push_bind(before);
        }
        query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(limit));
        let rows: Vec<Kept> = query.build_query_as().fetch_all(&self.pool).await?;
        rows.into_iter().map(shown).collect()
    }

    /// Walks the whole log; gives the number of its rows.
    ///
    /// # Errors
    /// It was tampered with, or cannot be read.
    pub async fn verify_audit(&self) -> Result<i64, AuditError> {
        // One snapshot for rows and head.
        let mut tx = self.snapshot().await?;
        let (head, head_hash): (i64, String) =
            sqlx::query_as("SELECT seq, hash FROM audit_head").fetch_one(&mut *tx).await.map_err(StoreError::from)?;
        let (mut walk, mut after) = (Walk::default(), i64::MIN);
        loop {
            let sql = "SELECT seq, at_ms, account, name, address, request_id, action, object, division, school_no, before, after, reason, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
            let page: Vec<Kept> =
                sqlx::query_as(sql).bind(after).bind(PAGE).fetch_all(&mut *tx).await.map_err(StoreError::from)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for kept in page {
                let (row, hash) = plain(kept)?;
                walk.step(&row, &hash)?;
            }
        }
        Ok(walk.end(head, &head_hash)?)
    }
}

fn plain(kept: Kept) -> Result<(Row, String), StoreError> {
    let place = (number("audit.division", kept.division)?, number("audit.school_no", kept.school_no)?);
    let row = Row {
        seq: kept.seq,
        at_ms: kept.at_ms,
        who: [kept.account, kept.name, kept.address],
        request_id: kept.request_id,
        what: [kept.action, kept.object],
        place,
        content: [kept.before, kept.after, kept.reason],
    };
    Ok((row, kept.hash))
}

fn shown(kept: Kept) -> Result<AuditView, StoreError> {
    let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    Ok(AuditView {
        seq: kept.seq,
        at: schemas::time::format_rfc3339_ms(kept.at_ms),
        division: number("audit.division", kept.division)?,
        school_no: number("audit.school_no", kept.school_no)?,
        before: json(&kept.before),
        after: json(&kept.after),
        account: kept.account,
        name: kept.name,
        address: kept.address,
        request_id: kept.request_id,
        action: kept.action,
        object: kept.object,
        reason: kept.reason,
        hash: kept.hash,
    })
}
