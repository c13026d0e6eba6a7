//! Second factors of accounts: begun, confirmed, used, taken away.

use super::accounts::{end_sessions, finish, require};
use super::{Actor, Store, StoreError, corrupt};
use crate::logic::conflict::Conflict;
use crate::logic::tag::Expected;
use crate::logic::views::AccountView;

/// A second factor as it is kept.
#[derive(Clone, Debug)]
pub struct KeptFactor {
    /// The secret, sealed.
    pub sealed: String,
    /// It is asked for at logins; else it was only begun.
    pub confirmed: bool,
    /// Interval of the last code that was taken.
    pub last: u64,
}

impl Store {
    /// The second factor of an account, if it has one or began with one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn second_factor(&self, no: u32) -> Result<Option<KeptFactor>, StoreError> {
        let sql = "SELECT secret, confirmed_at_ms, last_step FROM second_factors WHERE account_no = $1";
        let row: Option<(String, Option<i64>, i64)> = sqlx::query_as(sql).bind(no).fetch_optional(&self.pool).await?;
        let kept = |(sealed, confirmed_at_ms, last): (String, Option<i64>, i64)| {
            let last = u64::try_from(last).map_err(|_| corrupt("second_factors.last_step", last.to_string()))?;
            Ok(KeptFactor { sealed, confirmed: confirmed_at_ms.is_some(), last })
        };
        row.map(kept).transpose()
    }

    /// Begins with a second factor, in place of one that was begun and not confirmed.
    ///
    /// # Errors
    /// The account has one, or the store cannot be written.
    pub async fn begin_second_factor(&self, no: u32, sealed: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "INSERT INTO second_factors (account_no, secret, last_step) VALUES ($1, $2, 0) ON CONFLICT (account_no) DO UPDATE SET secret = excluded.secret WHERE second_factors.confirmed_at_ms IS NULL";
        let begun = sqlx::query(sql).bind(no).bind(sealed).execute(&mut *tx).await?;
        if begun.rows_affected() == 0 {
            return Err(Conflict::SecondFactor("there already").into());
        }
        Ok(tx.commit().await?)
    }

    /// Confirms a second factor by its first code, that of the interval `step`: it is asked for from now on.
    ///
    /// # Errors
    /// None was begun, it is confirmed already, or the store cannot be written.
    pub async fn confirm_second_factor(&self, actor: &Actor, no: u32, step: u64) -> Result<AccountView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require(change.tx(), no).await?;
        let sql = "UPDATE second_factors SET confirmed_at_ms = $2, last_step = $3 WHERE account_no = $1 AND confirmed_at_ms IS NULL";
        let update = sqlx::query(sql).bind(no).bind(actor.at_ms).bind(i64::try_from(step).unwrap_or(i64::MAX));
        if update.execute(change.tx()).await?.rows_affected() == 0 {
            return Err(Conflict::SecondFactor("not begun").into());
        }
        let after = finish(&mut change, "account.second_factor", no, Some(&before)).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Takes the code of the interval `step`; false: that one, or a later one, was taken before.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn take_code(&self, no: u32, step: u64) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE second_factors SET last_step = $2 WHERE account_no = $1 AND last_step < $2";
        let update = sqlx::query(sql).bind(no).bind(i64::try_from(step).unwrap_or(i64::MAX));
        let taken = update.execute(&mut *tx).await?.rows_affected() == 1;
        tx.commit().await?;
        Ok(taken)
    }

    /// Takes an account's second factor away. Its sessions end at once.
    ///
    /// # Errors
    /// No such account, none is there, or a change in between.
    pub async fn remove_second_factor(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
    ) -> Result<AccountView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require(change.tx(), no).await?;
        expected.check(&before)?;
        let sql = "DELETE FROM second_factors WHERE account_no = $1";
        if sqlx::query(sql).bind(no).execute(change.tx()).await?.rows_affected() == 0 {
            return Err(Conflict::SecondFactor("not there").into());
        }
        end_sessions(change.tx(), no).await?;
        let after = finish(&mut change, "account.second_factor_reset", no, Some(&before)).await?;
        change.commit().await?;
        Ok(after)
    }
}
