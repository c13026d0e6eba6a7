//! Single sign-on: logins that were begun, and whose account an identity of the provider is.

use super::accounts::{home_node, require};
use super::change::Entry;
use super::{Actor, Candidate, Store, StoreError, number};
use serde::Serialize;

/// What an identity is bound to, for the log.
#[derive(Serialize)]
struct Bound<'b> {
    issuer: &'b str,
    subject: &'b str,
}

impl Store {
    /// Remembers a login that was begun until `expires_at_ms`, and forgets those that nobody came back from.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn begin_sso(
        &self,
        state: &str,
        (nonce, verifier): (&str, &str),
        now_ms: i64,
        expires_at_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM sso_attempts WHERE expires_at_ms <= $1").bind(now_ms).execute(&mut *tx).await?;
        let sql = "INSERT INTO sso_attempts (state, nonce, verifier, expires_at_ms) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql).bind(state).bind(nonce).bind(verifier).bind(expires_at_ms).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a login that was begun: its nonce and verifier, once.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn take_sso(&self, state: &str, now_ms: i64) -> Result<Option<(String, String)>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM sso_attempts WHERE state = $1 AND expires_at_ms > $2 RETURNING nonce, verifier";
        let found = sqlx::query_as(sql).bind(state).bind(now_ms).fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// The account of an identity; at first the one with its verified e-mail address, to which it is bound from then on.
    /// None: there is none, or it may not log in.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn account_of(
        &self,
        actor: &Actor,
        issuer: &str,
        subject: &str,
        email: Option<&str>,
    ) -> Result<Option<Candidate>, StoreError> {
        let sql = "SELECT a.account_no, a.login, a.password FROM identities i JOIN accounts a ON a.account_no = i.account_no WHERE i.issuer = $1 AND i.subject = $2 AND a.state = 'active'";
        let query = sqlx::query_as(sql).bind(issuer).bind(subject);
        let found: Option<(i64, String, String)> = query.fetch_optional(&self.pool).await?;
        if let Some((no, login, hash)) = found {
            return Ok(Some(Candidate { account_no: number("accounts.account_no", no)?, login, hash }));
        }
        let Some(email) = email else { return Ok(None) };
        // An address is bound to one identity: another person who is given it later is not let in.
        let sql = "SELECT a.account_no, a.login, a.password FROM accounts a WHERE a.email = $1 AND a.state = 'active' AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.account_no = a.account_no AND i.issuer = $2)";
        let query = sqlx::query_as(sql).bind(email).bind(issuer);
        let found: Option<(i64, String, String)> = query.fetch_optional(&self.pool).await?;
        let Some((no, login, hash)) = found else { return Ok(None) };
        let account_no = number("accounts.account_no", no)?;
        self.bind_identity(actor, account_no, issuer, subject).await?;
        Ok(Some(Candidate { account_no, login, hash }))
    }

    /// Binds an identity to an account. A first password that was not changed yet opens nothing from then on: who comes by
    /// single sign-on has no password until it is reset.
    async fn bind_identity(&self, actor: &Actor, no: u32, issuer: &str, subject: &str) -> Result<(), StoreError> {
        let mut change = self.change(actor).await?;
        let account = require(change.tx(), no).await?;
        let sql = "INSERT INTO identities (issuer, subject, account_no, bound_at_ms) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql).bind(issuer).bind(subject).bind(no).bind(actor.at_ms).execute(change.tx()).await?;
        let sql = "UPDATE accounts SET password = 'none', must_change = FALSE WHERE account_no = $1 AND must_change";
        sqlx::query(sql).bind(no).execute(change.tx()).await?;
        let node = home_node(change.tx(), &account.home, actor.at_ms).await?;
        let after = Bound { issuer, subject };
        let (action, object) = ("account.bind", format!("a{no}"));
        change.log(Entry { action, object, node, before: None, after: Some(&after), reason: "" }).await?;
        change.commit().await
    }
}
