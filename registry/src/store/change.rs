//! A change: one transaction that holds what is changed, the log's row about it, and the values that tell of it.

use super::{Store, StoreError, Tx, audit, devices, orgs, outbox};
use crate::logic::records::{self, Outgoing, Stamp};
use crate::logic::rights::Node;
use crate::store::Connection;
use serde::Serialize;

/// Who changes something, when and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Account.
    pub account: String,
    /// Display name.
    pub name: String,
    /// Address of the client.
    pub address: String,
    /// Request, for the logs.
    pub request_id: String,
    /// Now, ms.
    pub at_ms: i64,
}

impl Actor {
    /// The operator at this machine's terminal.
    #[must_use]
    pub fn terminal(at_ms: i64) -> Actor {
        let text = |text: &str| text.to_owned();
        let (account, name, address) = (text("terminal"), text("terminal"), text("terminal"));
        Actor { account, name, address, request_id: String::new(), at_ms }
    }
}

/// What the log is told of a change.
pub(super) struct Entry<'e> {
    /// What was done, e.g. `school.transfer`.
    pub action: &'static str,
    /// To what: `440106`, `s1`, `c1`, `d1`, `e1` (code), `g1` (group).
    pub object: String,
    /// In whose scope it lies.
    pub node: Node,
    /// As it was.
    pub before: Option<&'e dyn erased::Shown>,
    /// As it is.
    pub after: Option<&'e dyn erased::Shown>,
    /// Why, if somebody had to say.
    pub reason: &'e str,
}

/// Views as texts, whatever their type.
pub(super) mod erased {
    /// Something that can be written as JSON.
    pub trait Shown: Sync {
        /// JSON.
        fn text(&self) -> String;
    }

    impl<T: super::Serialize + Sync> Shown for T {
        fn text(&self) -> String {
            // Views hold texts and numbers only, which always serialize.
            serde_json::to_string(self).unwrap_or_default()
        }
    }
}

/// A change in the making. Dropped before [`Change::commit`], it has not happened.
pub(super) struct Change<'c> {
    tx: Tx,
    store: &'c Store,
    pub actor: &'c Actor,
}

impl Store {
    pub(super) async fn change<'c>(&'c self, actor: &'c Actor) -> Result<Change<'c>, StoreError> {
        Ok(self.change_within(self.begin().await?, actor))
    }

    /// One of several changes of a transaction.
    pub(super) fn change_within<'c>(&'c self, tx: Tx, actor: &'c Actor) -> Change<'c> {
        Change { tx, store: self, actor }
    }
}

impl Change<'_> {
    /// Gives the transaction back, neither committed nor rolled back.
    pub(super) fn into_tx(self) -> Tx {
        self.tx
    }

    pub(super) fn tx(&mut self) -> &mut Connection {
        &mut self.tx
    }

    pub(super) fn at_ms(&self) -> i64 {
        self.actor.at_ms
    }

    /// The stamp of a value that tells of the change.
    pub(super) fn stamp(&self, rev: u64) -> Stamp {
        Stamp { rev, at_ms: self.actor.at_ms, accept_days: self.store.accept_days }
    }

    pub(super) async fn log(&mut self, entry: Entry<'_>) -> Result<(), StoreError> {
        audit::append(&mut self.tx, self.actor, &entry).await
    }

    /// Tells of devices.
    pub(super) async fn tell_devices(&mut self, numbers: &[u32]) -> Result<(), StoreError> {
        devices::tell(&mut self.tx, numbers, self.actor.at_ms, self.store.accept_days).await
    }

    /// Tells of a school and its classes.
    pub(super) async fn tell_school(&mut self, no: u32) -> Result<(), StoreError> {
        tell_school(&mut self.tx, no, self.actor.at_ms).await
    }

    /// Tells of an area.
    pub(super) async fn tell_area(&mut self, code: u32) -> Result<(), StoreError> {
        let at_ms = self.actor.at_ms;
        let mut divisions = orgs::divisions(&mut self.tx).await?;
        divisions.retain(|division| division.code == code);
        let mut calendars = orgs::calendars(&mut self.tx).await?;
        for division in divisions {
            let calendar = calendars.remove(&division.code.to_string()).unwrap_or_default();
            let rev = outbox::take_revs(&mut self.tx, 1).await?;
            let record = records::area(&division, calendar, Stamp { rev, at_ms, accept_days: 0 });
            outbox::append(&mut self.tx, at_ms, &[Outgoing::org(record)]).await?;
        }
        Ok(())
    }

    /// Removes the values of keys.
    pub(super) async fn remove(&mut self, topic: &'static str, keys: Vec<String>) -> Result<(), StoreError> {
        let first = outbox::take_revs(&mut self.tx, keys.len()).await?;
        let removal = |(key, rev)| Outgoing { rev, topic, key, value: None };
        let values: Vec<_> = keys.into_iter().zip(first..).map(removal).collect();
        outbox::append(&mut self.tx, self.actor.at_ms, &values).await
    }

    /// Makes it happen, and wakes the publisher.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.store.commit(self.tx).await
    }
}

/// Puts the values of a school and its classes into the outbox.
pub(super) async fn tell_school(tx: &mut Connection, no: u32, at_ms: i64) -> Result<(), StoreError> {
    let calendars = orgs::calendar_of(tx, &format!("s{no}")).await?;
    for school in orgs::schools(tx, &(no..=no), &calendars).await? {
        let classes = orgs::classes(tx, &(no..=no)).await?;
        let first = outbox::take_revs(tx, classes.len() + 1).await?;
        let stamp = |rev| Stamp { rev, at_ms, accept_days: 0 };
        let mut values = vec![Outgoing::org(records::school(&school, stamp(first)))];
        let class = |(class, rev)| Outgoing::org(records::class(class, &school, stamp(rev)));
        values.extend(classes.iter().zip(first + 1..).map(class));
        outbox::append(tx, at_ms, &values).await?;
    }
    Ok(())
}

/// The next number of a kind that was never given. `highest` asks for the highest one that is there, because seeding
/// gives numbers of its own.
pub(super) async fn take_number(
    tx: &mut Connection,
    kind: &'static str,
    highest: &'static str,
) -> Result<u32, StoreError> {
    take_numbers(tx, kind, highest, 1).await
}

/// Takes `count` of them, and gives the first.
pub(super) async fn take_numbers(
    tx: &mut Connection,
    kind: &'static str,
    highest: &'static str,
    count: usize,
) -> Result<u32, StoreError> {
    let (there,): (Option<i64>,) = sqlx::query_as(highest).fetch_one(&mut *tx).await?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let sql = "INSERT INTO numbers (kind, last) VALUES ($1, $2 + $3) ON CONFLICT (kind) DO UPDATE SET last = CASE WHEN numbers.last >= $2 THEN numbers.last ELSE $2 END + $3 RETURNING last";
    let (last,): (i64,) = sqlx::query_as(sql).bind(kind).bind(there.unwrap_or(0)).bind(count).fetch_one(tx).await?;
    super::number("numbers.last", last - count + 1)
}
