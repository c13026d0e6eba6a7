//! Corrections of days that have begun: proposed by one person, decided by another.

use super::change::{Change, Entry, take_number};
use super::{Actor, Store, StoreError, absent, corrupt, device_changes, devices, number, schools};
use crate::logic::conflict::Conflict;
use crate::logic::correction::{CorrectionState, CorrectionView, Days, What};
use crate::logic::model::in_force;
use crate::logic::rights::{Action, Node};
use crate::logic::tag::Expected;
use crate::store::Connection;
use schemas::org::{OrgId, area_range};
use schemas::time::{Day, format_rfc3339_ms};

mod apply;

/// A correction as it is kept.
pub struct Kept {
    /// What is to have been.
    pub what: What,
    /// Which days.
    pub days: Days,
    /// As it is shown.
    pub view: CorrectionView,
}

/// What somebody decides about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is right: the history is corrected.
    Approve,
    /// It is not.
    Refuse,
    /// Whoever proposed it takes it back.
    Withdraw,
}

impl Decision {
    const fn state(self) -> CorrectionState {
        match self {
            Decision::Approve => CorrectionState::Approved,
            Decision::Refuse => CorrectionState::Refused,
            Decision::Withdraw => CorrectionState::Withdrawn,
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Decision::Approve => "correction.approve",
            Decision::Refuse => "correction.refuse",
            Decision::Withdraw => "correction.withdraw",
        }
    }

    /// Two people: whoever proposed it may only take it back, and nobody else may.
    fn check(self, view: &CorrectionView, account: &str) -> Result<(), Conflict> {
        if view.state != CorrectionState::Proposed {
            return Err(Conflict::CorrectionSettled(view.state.as_str()));
        }
        match (self == Decision::Withdraw, view.proposed_by == account) {
            (false, true) => Err(Conflict::OwnProposal),
            (true, false) => Err(Conflict::NotYourProposal),
            (true, true) | (false, false) => Ok(()),
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    correction_no: i64,
    object: String,
    change: String,
    from_day: i32,
    until_day: Option<i32>,
    reason: String,
    state: String,
    proposed_by: String,
    proposed_at_ms: i64,
    decided_by: Option<String>,
    decided_at_ms: Option<i64>,
}

fn kept(row: Row) -> Result<Kept, StoreError> {
    let wrong = || corrupt("corrections.change", row.change.clone());
    let what: What = serde_json::from_str(&row.change).map_err(|_| wrong())?;
    let change = serde_json::from_str(&row.change).map_err(|_| wrong())?;
    let state = CorrectionState::ALL.into_iter().find(|state| state.as_str() == row.state);
    let view = CorrectionView {
        correction_no: number("corrections.correction_no", row.correction_no)?,
        object: row.object,
        change,
        from: Day(row.from_day).to_string(),
        until: row.until_day.map(|day| Day(day - 1).to_string()),
        reason: row.reason,
        state: state.ok_or_else(|| corrupt("corrections.state", &row.state))?,
        proposed_by: row.proposed_by,
        proposed_at: format_rfc3339_ms(row.proposed_at_ms),
        decided_by: row.decided_by,
        decided_at: row.decided_at_ms.map(format_rfc3339_ms),
    };
    Ok(Kept { what, days: Days { from: Day(row.from_day), until: row.until_day.map(Day) }, view })
}

const SELECT: &str = "SELECT correction_no, object, change, from_day, until_day, reason, state, proposed_by, proposed_at_ms, decided_by, decided_at_ms FROM corrections WHERE ";

async fn require(tx: &mut Connection, no: u32) -> Result<Kept, StoreError> {
    let sql = format!("{SELECT}correction_no = $1");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(no).fetch_optional(tx).await?;
    kept(row.ok_or_else(|| absent("correction", no))?)
}

/// In whose scope it lies.
async fn node(tx: &mut Connection, what: &What, at_ms: i64) -> Result<Node, StoreError> {
    match what {
        What::Place { device_no, .. } | What::State { device_no, .. } => {
            device_changes::node(tx, *device_no, at_ms).await
        }
        What::Status { school_no, .. } | What::Division { school_no, .. } => {
            schools::school_node(tx, *school_no, at_ms).await
        }
        What::Closure { org, .. } | What::Reopening { org } => match OrgId::parse(org) {
            Some(OrgId::School(no)) => schools::school_node(tx, no, at_ms).await,
            Some(OrgId::Area(code)) => Ok(Node::Area(code)),
            _ => Err(corrupt("corrections.object", org)),
        },
    }
}

impl Store {
    /// Everything that a correction touches, and the right that it takes there: whoever proposes or decides must have it
    /// at all of these places.
    ///
    /// # Errors
    /// Something of it does not exist.
    pub async fn correction_rights(
        &self,
        what: &What,
        days: Days,
        at_ms: i64,
    ) -> Result<(Action, Vec<Node>), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let tx = &mut *connection;
        let mut nodes = vec![node(tx, what, at_ms).await?];
        let action = match what {
            What::Place { device_no, .. } | What::State { device_no, .. } => {
                for school_no in schools_between(tx, *device_no, days).await? {
                    nodes.push(schools::school_node(tx, school_no, at_ms).await?);
                }
                Action::EditDevices
            }
            What::Status { .. } | What::Division { .. } => Action::EditSchools,
            What::Closure { .. } | What::Reopening { .. } => Action::EditCalendar,
        };
        match what {
            What::Place { school_no, .. } => nodes.push(schools::school_node(tx, *school_no, at_ms).await?),
            What::Division { division, .. } => nodes.push(Node::Area(*division)),
            What::State { .. } | What::Status { .. } | What::Closure { .. } | What::Reopening { .. } => {}
        }
        Ok((action, nodes))
    }

    /// The school in which a device is said to have been on a day.
    ///
    /// # Errors
    /// No such device.
    pub async fn school_of_device_on(&self, device_no: u32, day: Day) -> Result<u32, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let device = devices::require(&mut connection, device_no).await?;
        let place = in_force(&device.places, day).ok_or_else(|| absent("device", device_no))?;
        Ok(place.school_no)
    }

    /// Proposes a correction.
    ///
    /// # Errors
    /// It could not be carried out, or would change nothing.
    pub async fn propose_correction(
        &self,
        actor: &Actor,
        what: &What,
        days: Days,
        reason: &str,
    ) -> Result<CorrectionView, StoreError> {
        // Tried and taken back, so that nobody is asked to approve what is not possible.
        let mut trial = self.change(actor).await?;
        apply::apply(&mut trial, self.accept_days, what, days).await?;
        drop(trial);
        let mut change = self.change(actor).await?;
        let no = take_number(change.tx(), "correction", "SELECT MAX(correction_no) FROM corrections").await?;
        let node = node(change.tx(), what, actor.at_ms).await?;
        let (division, school_no) = node.place();
        let sql = "INSERT INTO corrections (correction_no, object, change, from_day, until_day, reason, state, division, school_no, proposed_by, proposed_at_ms) VALUES ($1, $2, $3, $4, $5, $6, 'proposed', $7, $8, $9, $10)";
        // Numbers and texts always serialize.
        let text = serde_json::to_string(what).unwrap_or_default();
        let insert = sqlx::query(sql).bind(no).bind(what.object()).bind(text).bind(days.from.0);
        let insert = insert.bind(days.until.map(|day| day.0)).bind(reason).bind(division).bind(school_no);
        insert.bind(&actor.account).bind(actor.at_ms).execute(change.tx()).await?;
        let after = require(change.tx(), no).await?.view;
        let (action, object) = ("correction.propose", format!("k{no}"));
        change.log(Entry { action, object, node, before: None, after: Some(&after), reason }).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Decides about a proposal. An approved one corrects the history, which is published with it.
    ///
    /// # Errors
    /// No such proposal, one that was decided, the wrong person, or a correction that is not possible any more.
    pub async fn decide_correction(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        decision: Decision,
    ) -> Result<CorrectionView, StoreError> {
        let mut change = self.change(actor).await?;
        let Kept { what, days, view: before } = require(change.tx(), no).await?;
        expected.check(&before)?;
        decision.check(&before, &actor.account)?;
        let node = node(change.tx(), &what, actor.at_ms).await?;
        let approved = decision == Decision::Approve;
        let seq = if approved {
            Some(take_number(change.tx(), "correction_seq", "SELECT MAX(seq) FROM corrections").await?)
        } else {
            None
        };
        let sql =
            "UPDATE corrections SET state = $2, decided_by = $3, decided_at_ms = $4, seq = $5 WHERE correction_no = $1";
        let update = sqlx::query(sql).bind(no).bind(decision.state().as_str()).bind(&actor.account);
        update.bind(actor.at_ms).bind(seq).execute(change.tx()).await?;
        let after = require(change.tx(), no).await?.view;
        let (action, object, reason) = (decision.action(), format!("k{no}"), before.reason.as_str());
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason }).await?;
        if let Some(seq) = seq {
            carry_out(&mut change, self.accept_days, (seq, &what, days), &after, node).await?;
        }
        change.commit().await?;
        Ok(after)
    }

    /// A correction.
    ///
    /// # Errors
    /// There is none of this number.
    pub async fn correction(&self, no: u32) -> Result<Kept, StoreError> {
        let mut connection = self.pool.acquire().await?;
        require(&mut connection, no).await
    }

    /// Corrections of an area and all below it, or of a school, newest first, before `before`, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn corrections(
        &self,
        org: OrgId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<CorrectionView>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let before = before.unwrap_or(i64::MAX);
        let (place, first, last) = match org {
            OrgId::Area(code) => ("division", *area_range(code).start(), *area_range(code).end()),
            OrgId::School(no) => ("school_no", no, no),
            OrgId::Class(no) => return Err(absent("corrections of class", no)),
        };
        let sql =
            format!("{SELECT}{place} BETWEEN $1 AND $2 AND correction_no < $3 ORDER BY correction_no DESC LIMIT $4");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(first).bind(last).bind(before).bind(i64::from(limit));
        let rows: Vec<Row> = query.fetch_all(&mut *connection).await?;
        rows.into_iter().map(|row| Ok(kept(row)?.view)).collect()
    }
}

/// Corrects the history and tells everybody.
async fn carry_out(
    change: &mut Change<'_>,
    accept_days: u32,
    (seq, what, days): (u32, &What, Days),
    view: &CorrectionView,
    node: Node,
) -> Result<(), StoreError> {
    let applied = apply::apply(change, accept_days, what, days).await?;
    let entry = Entry {
        action: "correction.history",
        object: what.object(),
        node,
        before: Some(&applied.before),
        after: Some(&applied.after),
        reason: &view.reason,
    };
    change.log(entry).await?;
    apply::tell(change, &applied, what).await?;
    apply::tell_correction(change, applied, (seq, what, days), view).await
}

/// The schools in which a device is said to have been on these days.
async fn schools_between(tx: &mut Connection, device_no: u32, days: Days) -> Result<Vec<u32>, StoreError> {
    let places = devices::require(tx, device_no).await?.places;
    let first = in_force(&places, days.from).map(|place| place.school_no);
    let within = |from: Day| from > days.from && days.until.is_none_or(|until| from < until);
    let later = places.iter().filter(|change| within(change.from_day)).map(|change| change.value.school_no);
    let mut schools: Vec<u32> = first.into_iter().chain(later).collect();
    schools.sort_unstable();
    schools.dedup();
    Ok(schools)
}
