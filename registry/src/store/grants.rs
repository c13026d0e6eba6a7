//! What accounts are granted.

use super::accounts::{finish, require, require_home};
use super::change::{Change, take_number};
use super::{Actor, Store, StoreError, absent, number, orgs, schools};
use crate::logic::account::administrator_of;
use crate::logic::conflict::Conflict;
use crate::logic::grant::{role, role_name};
use crate::logic::rights::Node;
use crate::logic::tag::Expected;
use crate::logic::views::{AccountView, GrantView, SchoolView, VacancyView};
use crate::store::Connection;
use schemas::org::{OrgId, area_chain};
use schemas::registry::{Level, SchoolStatus};
use schemas::time::format_rfc3339_ms;
use schemas::token::{Grant, Role};

type GrantRow = (i64, String, String, i64, String);

/// What an account is granted, in the order of its numbers.
pub(super) async fn of_account(tx: &mut Connection, no: u32) -> Result<Vec<GrantView>, StoreError> {
    let sql = "SELECT grant_no, role, scope, granted_at_ms, granted_by FROM grants WHERE account_no = $1 AND revoked_at_ms IS NULL ORDER BY grant_no";
    let rows: Vec<GrantRow> = sqlx::query_as(sql).bind(no).fetch_all(tx).await?;
    let view = |(grant_no, role, scope, at_ms, granted_by): GrantRow| {
        let (grant_no, granted_at) = (number("grants.grant_no", grant_no)?, format_rfc3339_ms(at_ms));
        Ok(GrantView { grant_no, role, scope, granted_at, granted_by })
    };
    rows.into_iter().map(view).collect()
}

/// The same, for decisions.
pub(super) fn plain(grants: &[GrantView]) -> Vec<Grant> {
    let plain = |grant: &GrantView| Some(Grant { role: role(&grant.role)?, scope: grant.scope.clone() });
    grants.iter().filter_map(plain).collect()
}

/// Where a scope is.
async fn node(tx: &mut Connection, scope: OrgId, at_ms: i64) -> Result<Node, StoreError> {
    match scope {
        OrgId::Area(code) => Ok(Node::Area(code)),
        OrgId::School(no) => schools::school_node(tx, no, at_ms).await,
        OrgId::Class(no) => {
            let school_no = orgs::school_of_class(tx, no).await?;
            schools::class_node(tx, school_no, no, at_ms).await
        }
    }
}

/// Grants a role; where the division asks for two people, not by the one who made the account.
pub(super) async fn add(change: &mut Change<'_>, no: u32, role: Role, scope: OrgId) -> Result<(), StoreError> {
    let (at_ms, by) = (change.at_ms(), change.actor.account.clone());
    let account = require(change.tx(), no).await?;
    let node = node(change.tx(), scope, at_ms).await?;
    require_home(&account.home, node, scope)?;
    if account.created_by == by && asks_for_two(change.tx(), node).await? {
        return Err(Conflict::TwoPeople.into());
    }
    let wanted = (role_name(role), scope.to_string());
    if account.grants.iter().any(|grant| (grant.role.as_str(), &grant.scope) == (wanted.0, &wanted.1)) {
        return Err(Conflict::Taken("role and scope").into());
    }
    let grant_no = take_number(change.tx(), "grant", "SELECT MAX(grant_no) FROM grants").await?;
    let sql = "INSERT INTO grants (grant_no, account_no, role, scope, granted_at_ms, granted_by) VALUES ($1, $2, $3, $4, $5, $6)";
    let insert = sqlx::query(sql).bind(grant_no).bind(no).bind(wanted.0).bind(wanted.1).bind(at_ms).bind(by);
    insert.execute(change.tx()).await?;
    Ok(())
}

/// Ends the roles at schools and classes that are gone: nobody could take them back any more.
pub(super) async fn end_at(change: &mut Change<'_>, scopes: &[String]) -> Result<(), StoreError> {
    let at_ms = change.at_ms();
    for scope in scopes {
        let sql = "UPDATE grants SET revoked_at_ms = $2 WHERE scope = $1 AND revoked_at_ms IS NULL";
        sqlx::query(sql).bind(scope).bind(at_ms).execute(change.tx()).await?;
    }
    Ok(())
}

/// Does the area, or one above it, ask for two people?
async fn asks_for_two(tx: &mut Connection, node: Node) -> Result<bool, StoreError> {
    let (code, _) = node.place();
    let sql = "SELECT COUNT(*) FROM divisions WHERE two_person AND code IN ($1, $2, $3)";
    let [county, city, province] = area_chain(code);
    let (asking,): (i64,) = sqlx::query_as(sql).bind(county).bind(city).bind(province).fetch_one(tx).await?;
    Ok(asking > 0)
}

impl Store {
    /// Grants a role to an account.
    ///
    /// # Errors
    /// No such account, one that is not active, a role that it has, an act that needs another person, or a change in
    /// between.
    pub async fn grant(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        role: Role,
        scope: OrgId,
    ) -> Result<AccountView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require(change.tx(), no).await?;
        expected.check(&before)?;
        if before.state != "active" {
            return Err(Conflict::AccountState(before.state).into());
        }
        add(&mut change, no, role, scope).await?;
        let after = finish(&mut change, "account.grant", no, Some(&before)).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Takes a role from an account.
    ///
    /// # Errors
    /// No such grant, or a change in between.
    pub async fn revoke_grant(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        grant_no: u32,
    ) -> Result<AccountView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require(change.tx(), no).await?;
        expected.check(&before)?;
        let sql =
            "UPDATE grants SET revoked_at_ms = $3 WHERE grant_no = $1 AND account_no = $2 AND revoked_at_ms IS NULL";
        let update = sqlx::query(sql).bind(grant_no).bind(no).bind(actor.at_ms);
        if update.execute(change.tx()).await?.rows_affected() == 0 {
            return Err(absent("grant", grant_no));
        }
        let after = finish(&mut change, "account.revoke_grant", no, Some(&before)).await?;
        change.commit().await?;
        Ok(after)
    }

    /// The account of a grant, and the grant.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn grant_of(&self, grant_no: u32) -> Result<(u32, GrantView), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let sql = "SELECT account_no FROM grants WHERE grant_no = $1 AND revoked_at_ms IS NULL";
        let row: Option<(i64,)> = sqlx::query_as(sql).bind(grant_no).fetch_optional(&mut *connection).await?;
        let account_no = number("grants.account_no", row.ok_or_else(|| absent("grant", grant_no))?.0)?;
        let grants = of_account(&mut connection, account_no).await?;
        let grant = grants.into_iter().find(|grant| grant.grant_no == grant_no);
        Ok((account_no, grant.ok_or_else(|| absent("grant", grant_no))?))
    }

    /// Areas and schools right below an area that nobody administers (FEATURES G13).
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn vacancies(&self, code: u32, at_ms: i64) -> Result<Vec<VacancyView>, StoreError> {
        let mut vacant = Vec::new();
        let mut connection = self.pool.acquire().await?;
        for area in orgs::divisions(&mut connection).await?.into_iter().filter(|area| area.parent == Some(code)) {
            let id = area.code.to_string();
            if !administered(&mut connection, &id, area.level).await? {
                vacant.push(VacancyView { id, name: area.name, level: area.level.as_str().to_owned() });
            }
        }
        drop(connection);
        let filter = super::SchoolFilter { direct: true, ..super::SchoolFilter::default() };
        let schools = self.schools_of(code, &filter, u32::MAX, at_ms).await?.into_iter().map(|row| row.school);
        let mut connection = self.pool.acquire().await?;
        let open = |school: &SchoolView| matches!(school.status, SchoolStatus::Normal | SchoolStatus::Suspended);
        for school in schools.filter(open) {
            let id = format!("s{}", school.school_no);
            if !administered(&mut connection, &id, Level::School).await? {
                vacant.push(VacancyView { id, name: school.name, level: Level::School.as_str().to_owned() });
            }
        }
        Ok(vacant)
    }

    /// Has anybody the right to administer the whole province?
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn has_province_admin(&self, code: u32) -> Result<bool, StoreError> {
        let mut connection = self.pool.acquire().await?;
        administered(&mut connection, &code.to_string(), Level::Province).await
    }
}

/// Logins and names of those who administer a school.
pub(super) async fn administrators(tx: &mut Connection, school_no: u32) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT a.login, a.name FROM grants g JOIN accounts a ON a.account_no = g.account_no WHERE g.scope = $1 AND g.role = 'school_admin' AND g.revoked_at_ms IS NULL AND a.state = 'active' ORDER BY g.grant_no";
    let rows: Vec<(String, String)> = sqlx::query_as(sql).bind(format!("s{school_no}")).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|(login, name)| format!("{login} {name}")).collect())
}

async fn administered(tx: &mut Connection, scope: &str, level: Level) -> Result<bool, StoreError> {
    let Some(role) = administrator_of(level) else { return Ok(true) };
    let sql = "SELECT COUNT(*) FROM grants g JOIN accounts a ON a.account_no = g.account_no WHERE g.scope = $1 AND g.role = $2 AND g.revoked_at_ms IS NULL AND a.state = 'active'";
    let (count,): (i64,) = sqlx::query_as(sql).bind(scope).bind(role_name(role)).fetch_one(tx).await?;
    Ok(count > 0)
}
