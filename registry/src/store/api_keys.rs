//! Keys that programs read with, in the name of an account.

use super::accounts::{home_node, require};
use super::change::{Entry, take_number};
use super::sessions::{Member, member};
use super::{Actor, Store, StoreError, absent, number};
use crate::logic::forms::KeyForm;
use crate::logic::views::KeyView;
use crate::store::Connection;
use schemas::time::format_rfc3339_ms;

const DAY_MS: i64 = 86_400_000;

type KeyRow = (i64, String, String, i64, i64, Option<i64>);

fn view((key_no, name, scope, created_at_ms, expires_at_ms, revoked_at_ms): KeyRow) -> Result<KeyView, StoreError> {
    Ok(KeyView {
        key_no: number("api_keys.key_no", key_no)?,
        name,
        scope,
        created_at: format_rfc3339_ms(created_at_ms),
        expires_at: format_rfc3339_ms(expires_at_ms),
        revoked: revoked_at_ms.is_some(),
    })
}

async fn require_key(tx: &mut Connection, account_no: u32, key_no: u32) -> Result<KeyView, StoreError> {
    let sql = "SELECT key_no, name, scope, created_at_ms, expires_at_ms, revoked_at_ms FROM api_keys WHERE key_no = $1 AND account_no = $2";
    let row: Option<KeyRow> = sqlx::query_as(sql).bind(key_no).bind(account_no).fetch_optional(tx).await?;
    view(row.ok_or_else(|| absent("key", key_no))?)
}

impl Store {
    /// Keys of an account, in the order of their numbers.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn keys_of(&self, account_no: u32) -> Result<Vec<KeyView>, StoreError> {
        let sql = "SELECT key_no, name, scope, created_at_ms, expires_at_ms, revoked_at_ms FROM api_keys WHERE account_no = $1 ORDER BY key_no";
        let rows: Vec<KeyRow> = sqlx::query_as(sql).bind(account_no).fetch_all(&self.pool).await?;
        rows.into_iter().map(view).collect()
    }

    /// Adds a key. `secret`: the hash of what its holder is told once.
    ///
    /// # Errors
    /// No such account, or the store cannot be written.
    pub async fn add_key(
        &self,
        actor: &Actor,
        account_no: u32,
        form: &KeyForm,
        secret: &str,
    ) -> Result<KeyView, StoreError> {
        let mut change = self.change(actor).await?;
        let no = take_number(change.tx(), "key", "SELECT MAX(key_no) FROM api_keys").await?;
        let sql = "INSERT INTO api_keys (key_no, secret, account_no, name, scope, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let insert = sqlx::query(sql).bind(no).bind(secret).bind(account_no).bind(&form.name).bind(&form.scope);
        let insert = insert.bind(actor.at_ms).bind(actor.at_ms + i64::from(form.days) * DAY_MS);
        insert.execute(change.tx()).await?;
        let after = require_key(change.tx(), account_no, no).await?;
        let home = require(change.tx(), account_no).await?.home;
        let node = home_node(change.tx(), &home, actor.at_ms).await?;
        let (action, object) = ("key.add", format!("k{no}"));
        change.log(Entry { action, object, node, before: None, after: Some(&after), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Takes a key back.
    ///
    /// # Errors
    /// The account has no such key, or the store cannot be written.
    pub async fn revoke_key(&self, actor: &Actor, account_no: u32, key_no: u32) -> Result<(), StoreError> {
        let mut change = self.change(actor).await?;
        let before = require_key(change.tx(), account_no, key_no).await?;
        let sql = "UPDATE api_keys SET revoked_at_ms = COALESCE(revoked_at_ms, $2) WHERE key_no = $1";
        sqlx::query(sql).bind(key_no).bind(actor.at_ms).execute(change.tx()).await?;
        let after = require_key(change.tx(), account_no, key_no).await?;
        let home = require(change.tx(), account_no).await?.home;
        let node = home_node(change.tx(), &home, actor.at_ms).await?;
        let (action, object) = ("key.revoke", format!("k{key_no}"));
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.commit().await
    }

    /// The account in whose name a key reads, and what it reads.
    ///
    /// # Errors
    /// No such key, one that has ended or was taken back, or an account that may not log in any more.
    pub async fn key(&self, secret: &str, now_ms: i64) -> Result<(Member, KeyView), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let sql = "SELECT k.account_no, k.key_no FROM api_keys k JOIN accounts a ON a.account_no = k.account_no WHERE k.secret = $1 AND k.expires_at_ms > $2 AND k.revoked_at_ms IS NULL AND a.state = 'active'";
        let row: Option<(i64, i64)> =
            sqlx::query_as(sql).bind(secret).bind(now_ms).fetch_optional(&mut *connection).await?;
        let (account_no, key_no) = row.ok_or_else(|| absent("key", 0))?;
        let account_no = number("api_keys.account_no", account_no)?;
        let key = require_key(&mut connection, account_no, number("api_keys.key_no", key_no)?).await?;
        Ok((member(require(&mut connection, account_no).await?), key))
    }
}
