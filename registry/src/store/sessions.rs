//! Logins: what they are checked against, the sessions that they open, and the guesses that they may be.

use super::accounts::{end_sessions, home_node, require};
use super::change::{Change, Entry};
use super::{Actor, Store, StoreError, absent, grants, number, orgs};
use crate::logic::account::wait_ms;
use crate::logic::rights::Node;
use crate::logic::views::AccountView;
use schemas::token::Grant;
use serde::Serialize;

/// Failures are forgotten after this, ms.
const FORGOTTEN_MS: i64 = 86_400_000;

/// What a login is checked against.
#[derive(Debug)]
pub struct Candidate {
    /// Account.
    pub account_no: u32,
    /// Its login, whatever was typed.
    pub login: String,
    /// argon2id
    pub hash: String,
}

/// Somebody whose session, key or token is good.
#[derive(Clone, Debug)]
pub struct Member {
    /// The account.
    pub account: AccountView,
    /// What it is granted.
    pub grants: Vec<Grant>,
}

impl Store {
    /// The account that somebody means by a login, phone number or address; none: there is none, or it may not log in.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn candidate(&self, typed: &str) -> Result<Option<Candidate>, StoreError> {
        let sql = "SELECT account_no, login, password FROM accounts WHERE (login = $1 OR phone = $1 OR email = $1) AND state = 'active'";
        let row: Option<(i64, String, String)> = sqlx::query_as(sql).bind(typed).fetch_optional(&self.pool).await?;
        let candidate =
            |(no, login, hash)| Ok(Candidate { account_no: number("accounts.account_no", no)?, login, hash });
        row.map(candidate).transpose()
    }

    /// Until when a login is refused after too many failures, ms; it need not exist.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn blocked_until(&self, typed: &str) -> Result<i64, StoreError> {
        let sql = "SELECT blocked_until_ms FROM login_failures WHERE typed = $1";
        let row: Option<(i64,)> = sqlx::query_as(sql).bind(key(typed)).fetch_optional(&self.pool).await?;
        Ok(row.map_or(0, |(until,)| until))
    }

    /// Notes a failure, whether there is such an account or not (`account`); true: the login has to wait from now on, which
    /// the log of changes is told. For a login that nobody has the log is told as well, so that both take as long.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn login_failed(&self, actor: &Actor, typed: &str, account: Option<u32>) -> Result<bool, StoreError> {
        let mut change = self.change(actor).await?;
        let sql = "DELETE FROM login_failures WHERE last_at_ms < $1";
        sqlx::query(sql).bind(actor.at_ms - FORGOTTEN_MS).execute(change.tx()).await?;
        let sql = "INSERT INTO login_failures (typed, failures, blocked_until_ms, last_at_ms) VALUES ($1, 1, 0, $2) ON CONFLICT (typed) DO UPDATE SET failures = login_failures.failures + 1, last_at_ms = excluded.last_at_ms RETURNING failures";
        let insert = sqlx::query_as(sql).bind(key(typed)).bind(actor.at_ms);
        let (failures,): (i64,) = insert.fetch_one(change.tx()).await?;
        let wait_ms = wait_ms(u32::try_from(failures).unwrap_or(u32::MAX));
        let sql = "UPDATE login_failures SET blocked_until_ms = $2 WHERE typed = $1";
        sqlx::query(sql).bind(key(typed)).bind(actor.at_ms + wait_ms).execute(change.tx()).await?;
        if wait_ms > 0 {
            log_wait(&mut change, account, failures, wait_ms).await?;
        }
        change.commit().await?;
        Ok(wait_ms > 0)
    }

    /// Opens a session for an account whose password was right, and forgets its failures.
    ///
    /// # Errors
    /// There is no such account, or the store cannot be written.
    pub async fn open_session(
        &self,
        actor: &Actor,
        no: u32,
        secret: &str,
        csrf: &str,
        expires_at_ms: i64,
    ) -> Result<Member, StoreError> {
        let mut change = self.change(actor).await?;
        let account = require(change.tx(), no).await?;
        sqlx::query("DELETE FROM sessions WHERE expires_at_ms <= $1").bind(actor.at_ms).execute(change.tx()).await?;
        let sql = "INSERT INTO sessions (secret, account_no, csrf, expires_at_ms) VALUES ($1, $2, $3, $4)";
        let insert = sqlx::query(sql).bind(secret).bind(no).bind(csrf).bind(expires_at_ms);
        insert.execute(change.tx()).await?;
        for typed in [Some(&account.login), account.phone.as_ref(), account.email.as_ref()].into_iter().flatten() {
            sqlx::query("DELETE FROM login_failures WHERE typed = $1").bind(key(typed)).execute(change.tx()).await?;
        }
        let node = home_node(change.tx(), &account.home, actor.at_ms).await?;
        let (action, object) = ("session.open", format!("a{no}"));
        change.log(Entry { action, object, node, before: None, after: None, reason: "" }).await?;
        change.commit().await?;
        Ok(member(account))
    }

    /// Who is behind a session, and its CSRF token.
    ///
    /// # Errors
    /// There is none, or it has ended.
    pub async fn session(&self, secret: &str, now_ms: i64) -> Result<(Member, String), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let sql = "SELECT s.account_no, s.csrf FROM sessions s JOIN accounts a ON a.account_no = s.account_no WHERE s.secret = $1 AND s.expires_at_ms > $2 AND a.state = 'active'";
        let row: Option<(i64, String)> =
            sqlx::query_as(sql).bind(secret).bind(now_ms).fetch_optional(&mut *connection).await?;
        let (no, csrf) = row.ok_or_else(|| absent("session", 0))?;
        Ok((member(require(&mut connection, number("accounts.account_no", no)?).await?), csrf))
    }

    /// The account of a token's subject.
    ///
    /// # Errors
    /// There is none, or it may not log in any more.
    pub async fn member(&self, login: &str) -> Result<Member, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let sql = "SELECT account_no FROM accounts WHERE login = $1 AND state = 'active' AND NOT must_change";
        let row: Option<(i64,)> = sqlx::query_as(sql).bind(login).fetch_optional(&mut *connection).await?;
        let (no,) = row.ok_or_else(|| absent("account", 0))?;
        Ok(member(require(&mut connection, number("accounts.account_no", no)?).await?))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn end_session(&self, secret: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE secret = $1").bind(secret).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Enters the password that somebody chose, and ends all sessions of the account.
    ///
    /// # Errors
    /// There is no such account, or the store cannot be written.
    pub async fn choose_password(&self, actor: &Actor, no: u32, hash: &str) -> Result<(), StoreError> {
        let mut change = self.change(actor).await?;
        let sql = "UPDATE accounts SET password = $2, must_change = FALSE WHERE account_no = $1";
        sqlx::query(sql).bind(no).bind(hash).execute(change.tx()).await?;
        end_sessions(change.tx(), no).await?;
        let account = require(change.tx(), no).await?;
        let node = home_node(change.tx(), &account.home, actor.at_ms).await?;
        let (action, object) = ("account.password", format!("a{no}"));
        change.log(Entry { action, object, node, before: None, after: None, reason: "" }).await?;
        change.commit().await
    }
}

/// What the log tells of a login that has to wait.
#[derive(Serialize)]
struct WaitView {
    failures: i64,
    wait_s: i64,
}

async fn log_wait(
    change: &mut Change<'_>,
    account: Option<u32>,
    failures: i64,
    wait_ms: i64,
) -> Result<(), StoreError> {
    let at_ms = change.at_ms();
    let node = match account {
        Some(no) => {
            let account = require(change.tx(), no).await?;
            home_node(change.tx(), &account.home, at_ms).await?
        }
        None => Node::Area(orgs::province(change.tx()).await?),
    };
    let object = format!("a{}", account.unwrap_or(0));
    let told = WaitView { failures, wait_s: wait_ms / 1000 };
    change.log(Entry { action: "login.blocked", object, node, before: None, after: Some(&told), reason: "" }).await
}

pub(super) fn member(account: AccountView) -> Member {
    let grants = grants::plain(&account.grants);
    Member { account, grants }
}

/// What was typed may be a password: only its hash is kept.
fn key(typed: &str) -> String {
    crate::logic::tag::digest(typed)
}
