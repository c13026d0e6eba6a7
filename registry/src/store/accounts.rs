//! Accounts, as the console keeps them.

use super::change::{Change, Entry, take_number};
use super::{Actor, Store, StoreError, absent, grants, number, schools};
use crate::logic::conflict::{Conflict, Invalid};
use crate::logic::forms::{AccountEdit, AccountForm};
use crate::logic::rights::Node;
use crate::logic::tag::Expected;
use crate::logic::views::AccountView;
use crate::store::Connection;
use schemas::org::OrgId;
use schemas::time::format_rfc3339_ms;
use schemas::token::Role;

#[derive(sqlx::FromRow)]
struct Row {
    account_no: i64,
    login: String,
    name: String,
    phone: Option<String>,
    email: Option<String>,
    home: String,
    state: String,
    must_change: bool,
    factor_at_ms: Option<i64>,
    created_at_ms: i64,
    created_by: String,
}

/// An account as it is shown.
pub(super) async fn require(tx: &mut Connection, no: u32) -> Result<AccountView, StoreError> {
    let sql = "SELECT a.account_no, a.login, a.name, a.phone, a.email, a.home, a.state, a.must_change, f.confirmed_at_ms AS factor_at_ms, a.created_at_ms, a.created_by FROM accounts a LEFT JOIN second_factors f ON f.account_no = a.account_no WHERE a.account_no = $1";
    let row: Option<Row> = sqlx::query_as(sql).bind(no).fetch_optional(&mut *tx).await?;
    let row = row.ok_or_else(|| absent("account", no))?;
    Ok(AccountView {
        account_no: number("accounts.account_no", row.account_no)?,
        login: row.login,
        name: row.name,
        phone: row.phone,
        email: row.email,
        home: row.home,
        state: row.state,
        must_change: row.must_change,
        second_factor: row.factor_at_ms.is_some(),
        grants: grants::of_account(tx, no).await?,
        created_at: format_rfc3339_ms(row.created_at_ms),
        created_by: row.created_by,
    })
}

/// Where an account is at home.
pub(super) async fn home_node(tx: &mut Connection, home: &str, at_ms: i64) -> Result<Node, StoreError> {
    match OrgId::parse(home) {
        Some(OrgId::School(no)) => schools::school_node(tx, no, at_ms).await,
        Some(OrgId::Area(code)) => Ok(Node::Area(code)),
        _ => Err(super::corrupt("accounts.home", home)),
    }
}

/// What is done to an account, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Locked: it cannot log in.
    Lock,
    /// Unlocked again, while it has no successor (FEATURES N16).
    Unlock,
    /// Closed for good.
    Close,
}

impl Store {
    /// Accounts of an area or school, by number after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn accounts_of(&self, home: OrgId, after: u32, limit: u32) -> Result<Vec<AccountView>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let sql = "SELECT account_no FROM accounts WHERE home = $1 AND account_no > $2 ORDER BY account_no LIMIT $3";
        let query = sqlx::query_as(sql).bind(home.to_string()).bind(after).bind(i64::from(limit));
        let rows: Vec<(i64,)> = query.fetch_all(&mut *connection).await?;
        let mut page = Vec::with_capacity(rows.len());
        for (no,) in rows {
            page.push(require(&mut connection, number("accounts.account_no", no)?).await?);
        }
        Ok(page)
    }

    /// An account, and where it is at home.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn account(&self, no: u32, at_ms: i64) -> Result<(AccountView, Node), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let account = require(&mut connection, no).await?;
        let node = home_node(&mut connection, &account.home, at_ms).await?;
        Ok((account, node))
    }

    /// Adds an account with a first password (`hash`: argon2id), and its first role if one is given.
    ///
    /// # Errors
    /// Values that cannot be accepted or are taken; a role where creating and granting are two people's acts.
    pub async fn add_account(
        &self,
        actor: &Actor,
        home: OrgId,
        form: &AccountForm,
        grant: Option<(Role, OrgId)>,
        hash: &str,
    ) -> Result<AccountView, StoreError> {
        form.check()?;
        let mut change = self.change(actor).await?;
        free(change.tx(), &form.login, form.phone.as_deref(), form.email.as_deref(), 0).await?;
        let no = take_number(change.tx(), "account", "SELECT MAX(account_no) FROM accounts").await?;
        let sql = "INSERT INTO accounts (account_no, login, name, phone, email, home, state, password, must_change, created_at_ms, created_by) VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, TRUE, $8, $9)";
        let insert = sqlx::query(sql).bind(no).bind(&form.login).bind(&form.name).bind(&form.phone).bind(&form.email);
        let insert = insert.bind(home.to_string()).bind(hash).bind(actor.at_ms).bind(&actor.account);
        insert.execute(change.tx()).await?;
        if let Some((role, scope)) = grant {
            grants::add(&mut change, no, role, scope).await?;
        }
        let after = finish(&mut change, "account.add", no, None).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Changes the person behind an account.
    ///
    /// # Errors
    /// No such account, values that cannot be accepted or are taken, or a change in between.
    pub async fn edit_account(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        edit: &AccountEdit,
    ) -> Result<AccountView, StoreError> {
        edit.check()?;
        let mut change = self.change(actor).await?;
        let before = require(change.tx(), no).await?;
        expected.check(&before)?;
        free(change.tx(), "", edit.phone.as_deref(), edit.email.as_deref(), no).await?;
        let sql = "UPDATE accounts SET name = COALESCE($2, name), phone = COALESCE($3, phone), email = COALESCE($4, email) WHERE account_no = $1";
        let update = sqlx::query(sql).bind(no).bind(&edit.name).bind(&edit.phone).bind(&edit.email);
        update.execute(change.tx()).await?;
        let after = finish(&mut change, "account.edit", no, Some(&before)).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Locks, unlocks or closes an account. Its sessions end at once, and its keys open nothing.
    ///
    /// # Errors
    /// No such account, a state that does not allow it, a successor, or a change in between.
    pub async fn set_account_state(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        to: AccountState,
    ) -> Result<AccountView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require(change.tx(), no).await?;
        expected.check(&before)?;
        let (action, state, locked_at_ms) = match (to, before.state.as_str()) {
            (AccountState::Lock, "active") => ("account.lock", "locked", Some(actor.at_ms)),
            (AccountState::Unlock, "locked") => {
                refuse_successor(change.tx(), no).await?;
                ("account.unlock", "active", None)
            }
            (AccountState::Close, "active" | "locked") => ("account.close", "closed", Some(actor.at_ms)),
            (_, state) => return Err(Conflict::AccountState(state.to_owned()).into()),
        };
        let sql = "UPDATE accounts SET state = $2, locked_at_ms = $3 WHERE account_no = $1";
        sqlx::query(sql).bind(no).bind(state).bind(locked_at_ms).execute(change.tx()).await?;
        end_sessions(change.tx(), no).await?;
        let after = finish(&mut change, action, no, Some(&before)).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Gives an account another first password. Its sessions end at once.
    ///
    /// # Errors
    /// No such account, one that is closed, or a change in between.
    pub async fn reset_password(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        hash: &str,
    ) -> Result<AccountView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require(change.tx(), no).await?;
        expected.check(&before)?;
        if before.state == "closed" {
            return Err(Conflict::AccountState(before.state).into());
        }
        let sql = "UPDATE accounts SET password = $2, must_change = TRUE WHERE account_no = $1";
        sqlx::query(sql).bind(no).bind(hash).execute(change.tx()).await?;
        end_sessions(change.tx(), no).await?;
        let after = finish(&mut change, "account.reset_password", no, Some(&before)).await?;
        change.commit().await?;
        Ok(after)
    }
}

/// Writes the log's row, and gives the account as it is now.
pub(super) async fn finish(
    change: &mut Change<'_>,
    action: &'static str,
    no: u32,
    before: Option<&AccountView>,
) -> Result<AccountView, StoreError> {
    let after = require(change.tx(), no).await?;
    let at_ms = change.at_ms();
    let node = home_node(change.tx(), &after.home, at_ms).await?;
    let before = before.map(|view| view as &dyn super::change::erased::Shown);
    let object = format!("a{no}");
    change.log(Entry { action, object, node, before, after: Some(&after), reason: "" }).await?;
    Ok(after)
}

pub(super) async fn end_sessions(tx: &mut Connection, no: u32) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE account_no = $1").bind(no).execute(tx).await?;
    Ok(())
}

/// Closes the accounts of a school that is gone (FEATURES N10).
pub(super) async fn close_all(change: &mut Change<'_>, school_no: u32) -> Result<(), StoreError> {
    let at_ms = change.at_ms();
    let home = format!("s{school_no}");
    let sql = "DELETE FROM sessions WHERE account_no IN (SELECT account_no FROM accounts WHERE home = $1)";
    sqlx::query(sql).bind(&home).execute(change.tx()).await?;
    let sql = "UPDATE accounts SET state = 'closed', locked_at_ms = $2 WHERE home = $1 AND state <> 'closed'";
    sqlx::query(sql).bind(&home).bind(at_ms).execute(change.tx()).await?;
    Ok(())
}

/// Refuses what somebody else logs in with.
async fn free(
    tx: &mut Connection,
    login: &str,
    phone: Option<&str>,
    email: Option<&str>,
    own: u32,
) -> Result<(), StoreError> {
    let sql = "SELECT login, phone, email FROM accounts WHERE account_no <> $4 AND (login = $1 OR phone = $2 OR email = $3) LIMIT 1";
    let query = sqlx::query_as(sql).bind(login).bind(phone).bind(email).bind(own);
    let row: Option<(String, Option<String>, Option<String>)> = query.fetch_optional(tx).await?;
    match row {
        None => Ok(()),
        Some((other, ..)) if other == login => Err(Conflict::Taken("login").into()),
        Some((_, other, _)) if other.is_some() && other.as_deref() == phone => Err(Conflict::Taken("phone").into()),
        Some(_) => Err(Conflict::Taken("email").into()),
    }
}

/// Refuses while somebody else was given the same role at the same place since the lock.
async fn refuse_successor(tx: &mut Connection, no: u32) -> Result<(), StoreError> {
    let sql = "SELECT COUNT(*) FROM accounts locked JOIN grants own ON own.account_no = locked.account_no JOIN grants g ON g.role = own.role AND g.scope = own.scope JOIN accounts a ON a.account_no = g.account_no WHERE locked.account_no = $1 AND a.account_no <> $1 AND a.state <> 'closed' AND own.revoked_at_ms IS NULL AND g.revoked_at_ms IS NULL AND own.role LIKE '%admin' AND g.granted_at_ms >= locked.locked_at_ms";
    let (successors,): (i64,) = sqlx::query_as(sql).bind(no).fetch_one(tx).await?;
    if successors == 0 { Ok(()) } else { Err(Conflict::Successor.into()) }
}

/// A grant's place that is at home in the account's: a school's account is for that school and its classes.
pub(super) fn require_home(home: &str, node: Node, scope: OrgId) -> Result<(), StoreError> {
    let fits = match OrgId::parse(home) {
        Some(OrgId::School(no)) => node.place().1 == no,
        _ => true,
    };
    let detail = || format!("{scope} is not in {home}, whose account this is");
    if fits { Ok(()) } else { Err(Invalid::one("/scope", detail()).into()) }
}
