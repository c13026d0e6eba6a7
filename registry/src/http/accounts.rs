//! `/v1/admin/…/accounts`, `/v1/admin/grants`: who may do what, kept by their superiors.

use super::Api;
use super::caller::Caller;
use super::docs::{AccountPath, AreaPath, Faults, GrantPath, Precondition, SchoolPath};
use super::inbound::{Asked, Draft, IfMatch, No, Paging, read};
use super::problem::Problem;
use super::respond::{Page, created, page, tagged, whole};
use super::session::unhashed;
use crate::logic::account::{first_password, granting};
use crate::logic::forms::{AccountEdit, AccountForm, GrantForm};
use crate::logic::grant;
use crate::logic::rights::Action;
use crate::logic::views::{AccountView, FirstPassword, GrantView, SupervisionView, VacancyView};
use crate::store::AccountState;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use schemas::org::OrgId;
use std::sync::Arc;

/// Accounts of an area
#[utoipa::path(get, path = "/v1/admin/areas/{code}/accounts", tag = "accounts", params(AreaPath, Paging),
    security(("user" = [])), responses((status = 200, body = Page<AccountView>), Faults))]
pub async fn of_area(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    list(&api, &caller, OrgId::Area(code), &paging).await
}

/// Accounts of a school
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/accounts", tag = "accounts", params(SchoolPath, Paging),
    security(("user" = [])), responses((status = 200, body = Page<AccountView>), Faults))]
pub async fn of_school(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    list(&api, &caller, OrgId::School(no), &paging).await
}

async fn list(api: &Api, caller: &Caller, home: OrgId, paging: &Paging) -> Result<Response, Problem> {
    caller.require_at(api, Action::ReadAccounts, home).await?;
    let limit = paging.limit()?;
    let rows = api.store.accounts_of(home, paging.after()?, limit).await?;
    Ok(page(rows, limit, |account| i64::from(account.account_no)))
}

/// Add an account to an area
///
/// The first password is told once. A role may be given at once, unless an account and its role are acts of two people
/// here (`two-people`).
#[utoipa::path(post, path = "/v1/admin/areas/{code}/accounts", tag = "accounts", params(AreaPath),
    request_body = AccountForm, security(("user" = [])), responses((status = 201, body = FirstPassword), Faults))]
pub async fn add_to_area(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    body: Bytes,
) -> Result<Response, Problem> {
    add(&api, &caller, OrgId::Area(code), &body).await
}

/// Add an account to a school
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/accounts", tag = "accounts", params(SchoolPath),
    request_body = AccountForm, security(("user" = [])), responses((status = 201, body = FirstPassword), Faults))]
pub async fn add_to_school(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    body: Bytes,
) -> Result<Response, Problem> {
    add(&api, &caller, OrgId::School(no), &body).await
}

async fn add(api: &Api, caller: &Caller, home: OrgId, body: &[u8]) -> Result<Response, Problem> {
    caller.require_at(api, Action::EditAccounts, home).await?;
    let form: AccountForm = read(body)?;
    let grant = form.grant.as_ref().map(GrantForm::check).transpose()?;
    if let Some((role, scope)) = grant {
        caller.require_at(api, granting(role), scope).await?;
    }
    let first_password = first_password(rand::random());
    let hash = api.passwords.hash(first_password.clone()).await.map_err(|error| unhashed(&error))?;
    let account = api.store.add_account(&caller.actor(), home, &form, grant, &hash).await?;
    Ok(created(&FirstPassword { account, first_password }))
}

/// Refuses what the caller may not do with an account: it has to be at home in the own scope, and to have no role that
/// the caller could not give.
pub(super) async fn require_account(api: &Api, caller: &Caller, no: u32) -> Result<(), Problem> {
    let (account, node) = api.store.account(no, caller.now_ms()).await?;
    caller.require(Action::EditAccounts, node)?;
    for GrantView { role, scope, .. } in &account.grants {
        let (Some(role), Some(scope)) = (grant::role(role), OrgId::parse(scope)) else {
            return Err(Problem::Forbidden);
        };
        // The account itself is inside: one whose role lies elsewhere is no secret, but out of reach.
        caller.require_at(api, granting(role), scope).await.map_err(|_| Problem::Forbidden)?;
    }
    Ok(())
}

/// An account
#[utoipa::path(get, path = "/v1/admin/accounts/{account_no}", tag = "accounts", params(AccountPath),
    security(("user" = [])), responses((status = 200, body = AccountView), Faults))]
pub async fn show(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    let (account, node) = api.store.account(no, caller.now_ms()).await?;
    caller.require(Action::ReadAccounts, node)?;
    Ok(tagged(&account))
}

/// Change the person behind an account
#[utoipa::path(patch, path = "/v1/admin/accounts/{account_no}", tag = "accounts", params(AccountPath, Precondition),
    request_body = AccountEdit, security(("user" = [])), responses((status = 200, body = AccountView), Faults))]
pub async fn edit(State(api): State<Arc<Api>>, caller: Caller, No(no): No, draft: Draft) -> Result<Response, Problem> {
    require_account(&api, &caller, no).await?;
    let (expected, edit) = draft.read::<AccountEdit>()?;
    Ok(tagged(&api.store.edit_account(&caller.actor(), no, &expected, &edit).await?))
}

/// Lock an account: its sessions and keys end at once
#[utoipa::path(post, path = "/v1/admin/accounts/{account_no}/lock", tag = "accounts",
    params(AccountPath, Precondition), security(("user" = [])), responses((status = 200, body = AccountView), Faults))]
pub async fn lock(api: State<Arc<Api>>, caller: Caller, no: No, tag: IfMatch) -> Result<Response, Problem> {
    set_state(&api, &caller, no, tag, AccountState::Lock).await
}

/// Unlock an account, while nobody else was given its role (`successor`)
#[utoipa::path(post, path = "/v1/admin/accounts/{account_no}/unlock", tag = "accounts",
    params(AccountPath, Precondition), security(("user" = [])), responses((status = 200, body = AccountView), Faults))]
pub async fn unlock(api: State<Arc<Api>>, caller: Caller, no: No, tag: IfMatch) -> Result<Response, Problem> {
    set_state(&api, &caller, no, tag, AccountState::Unlock).await
}

/// Close an account for good
#[utoipa::path(post, path = "/v1/admin/accounts/{account_no}/close", tag = "accounts",
    params(AccountPath, Precondition), security(("user" = [])), responses((status = 200, body = AccountView), Faults))]
pub async fn close(api: State<Arc<Api>>, caller: Caller, no: No, tag: IfMatch) -> Result<Response, Problem> {
    set_state(&api, &caller, no, tag, AccountState::Close).await
}

async fn set_state(
    api: &Api,
    caller: &Caller,
    No(no): No,
    if_match: IfMatch,
    to: AccountState,
) -> Result<Response, Problem> {
    require_account(api, caller, no).await?;
    Ok(tagged(&api.store.set_account_state(&caller.actor(), no, &if_match.required()?, to).await?))
}

/// Give an account another first password, told once; its sessions end at once
#[utoipa::path(post, path = "/v1/admin/accounts/{account_no}/reset-password", tag = "accounts",
    params(AccountPath, Precondition), security(("user" = [])),
    responses((status = 200, body = FirstPassword), Faults))]
pub async fn reset(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    require_account(&api, &caller, no).await?;
    let expected = if_match.required()?;
    let first_password = first_password(rand::random());
    let hash = api.passwords.hash(first_password.clone()).await.map_err(|error| unhashed(&error))?;
    let account = api.store.reset_password(&caller.actor(), no, &expected, &hash).await?;
    Ok(tagged(&FirstPassword { account, first_password }))
}

/// Give an account a role
#[utoipa::path(post, path = "/v1/admin/accounts/{account_no}/grants", tag = "accounts",
    params(AccountPath, Precondition), request_body = GrantForm, security(("user" = [])),
    responses((status = 200, body = AccountView), Faults))]
pub async fn grant(State(api): State<Arc<Api>>, caller: Caller, No(no): No, draft: Draft) -> Result<Response, Problem> {
    require_account(&api, &caller, no).await?;
    let (expected, form) = draft.read::<GrantForm>()?;
    let (role, scope) = form.check()?;
    caller.require_at(&api, granting(role), scope).await?;
    Ok(tagged(&api.store.grant(&caller.actor(), no, &expected, role, scope).await?))
}

/// Take a role away; `If-Match` is the account's tag
#[utoipa::path(delete, path = "/v1/admin/grants/{grant_no}", tag = "accounts", params(GrantPath, Precondition),
    security(("user" = [])), responses((status = 200, body = AccountView), Faults))]
pub async fn revoke_grant(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(grant_no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    let (account_no, given) = api.store.grant_of(grant_no).await?;
    let scope = OrgId::parse(&given.scope).ok_or(Problem::NotFound)?;
    let role = grant::role(&given.role).ok_or(Problem::NotFound)?;
    caller.require_at(&api, granting(role), scope).await?;
    Ok(tagged(&api.store.revoke_grant(&caller.actor(), account_no, &if_match.required()?, grant_no).await?))
}

/// How far the areas and schools right below have come: profiles, administrators, devices
#[utoipa::path(get, path = "/v1/admin/areas/{code}/supervision", tag = "areas", params(AreaPath),
    security(("user" = [])), responses((status = 200, body = Page<SupervisionView>), Faults))]
pub async fn supervision(State(api): State<Arc<Api>>, caller: Caller, No(code): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::ReadAccounts, OrgId::Area(code)).await?;
    Ok(whole(api.store.supervision(code, caller.now_ms()).await?))
}

/// Areas and schools right below that nobody administers
#[utoipa::path(get, path = "/v1/admin/areas/{code}/vacancies", tag = "accounts", params(AreaPath),
    security(("user" = [])), responses((status = 200, body = Page<VacancyView>), Faults))]
pub async fn vacancies(State(api): State<Arc<Api>>, caller: Caller, No(code): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::ReadAccounts, OrgId::Area(code)).await?;
    Ok(whole(api.store.vacancies(code, caller.now_ms()).await?))
}
