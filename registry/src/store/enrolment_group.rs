//! Enrolments that arrive together share a transaction: one wait for the disk for all of them.
//!
//! Each has a savepoint and an answer of its own: one that is refused leaves no trace, and the others stand. They are
//! redeemed in the order in which they came, so that of several who redeem one code the first wins.

use super::enrolment::{Enrolled, redeem};
use super::{Actor, Store, StoreError, Turn, change::Change};
use crate::logic::enrolment::Enrolment;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Enrolments of one transaction at most: about a tenth of a second, for which other changes wait.
const GROUP: usize = 64;

type Answer = Result<Enrolled, StoreError>;

#[derive(Debug)]
struct Asked {
    actor: Actor,
    wanted: Enrolment,
    fresh: Uuid,
    answer: oneshot::Sender<Answer>,
}

/// Enrolments that wait for a transaction.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<VecDeque<Asked>>);

impl Waiting {
    fn push(&self, asked: Asked) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(asked);
    }

    fn take(&self) -> Vec<Asked> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(GROUP);
        waiting.drain(..count).collect()
    }
}

impl Store {
    /// Redeems a code: of several that try at once, one wins. `fresh`: the identity of a device that is new.
    ///
    /// # Errors
    /// The code opens nothing, or the class is not of its school.
    pub async fn enrol(&self, actor: &Actor, wanted: &Enrolment, fresh: Uuid) -> Result<Enrolled, StoreError> {
        let (answer, told) = oneshot::channel();
        self.enrolments.push(Asked { actor: actor.clone(), wanted: wanted.clone(), fresh, answer });
        let store = self.clone();
        // Not in the caller's future: a request that is given up must not undo those that share its transaction.
        tokio::spawn(async move { store.enrol_waiting().await });
        told.await.unwrap_or(Err(StoreError::NotCommitted(None)))
    }

    /// Redeems what waits by the time that it is this task's turn; somebody else may have done so.
    async fn enrol_waiting(&self) {
        let turn = self.turn().await;
        let group = self.enrolments.take();
        if group.is_empty() {
            return;
        }
        let answers = self.redeem_together(turn, &group).await;
        let answers = answers.unwrap_or_else(|error| {
            let error = Arc::new(error);
            group.iter().map(|_| Err(StoreError::NotCommitted(Some(Arc::clone(&error))))).collect()
        });
        for (asked, answer) in group.into_iter().zip(answers) {
            // Whoever asked may be gone.
            drop(asked.answer.send(answer));
        }
    }

    async fn redeem_together(&self, turn: Turn, group: &[Asked]) -> Result<Vec<Answer>, StoreError> {
        let mut tx = self.begin_on(turn).await?;
        let mut answers = Vec::with_capacity(group.len());
        for asked in group {
            let mut change = self.change_within(tx, &asked.actor);
            answers.push(redeem_apart(&mut change, asked).await?);
            tx = change.into_tx();
        }
        self.commit(tx).await?;
        Ok(answers)
    }
}

/// An answer, or a transaction that cannot go on.
async fn redeem_apart(change: &mut Change<'_>, asked: &Asked) -> Result<Answer, StoreError> {
    sqlx::query("SAVEPOINT enrolment").execute(change.tx()).await?;
    let answer = redeem(change, &asked.wanted, asked.fresh).await;
    if answer.is_err() {
        sqlx::query("ROLLBACK TO SAVEPOINT enrolment").execute(change.tx()).await?;
    }
    sqlx::query("RELEASE SAVEPOINT enrolment").execute(change.tx()).await?;
    Ok(answer)
}
