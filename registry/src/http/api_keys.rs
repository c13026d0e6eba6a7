//! `/v1/admin/keys`: keys that programs read with, in the name of the account that made them.

use super::Api;
use super::caller::{Caller, KEY};
use super::docs::{Faults, KeyPath};
use super::inbound::{No, read};
use super::problem::Problem;
use super::respond::{Page, created, whole};
use super::session::secret;
use crate::logic::forms::KeyForm;
use crate::logic::rights::Action;
use crate::logic::tag::digest;
use crate::logic::views::KeyView;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A key that is told once, and kept nowhere.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewKey {
    /// What is kept of it.
    key: KeyView,
    /// Bearer token for reading.
    secret: String,
}

/// Keys belong to accounts: whoever comes with a key or a token from the terminal has none.
fn own(caller: &Caller) -> Result<u32, Problem> {
    caller.account_no.ok_or(Problem::Forbidden)
}

/// The own keys
#[utoipa::path(get, path = "/v1/admin/keys", tag = "accounts", security(("session" = []), ("user" = [])),
    responses((status = 200, body = Page<KeyView>), Faults))]
pub async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    Ok(whole(api.store.keys_of(own(&caller)?).await?))
}

/// Make a key that reads an area or school inside the own scope
#[utoipa::path(post, path = "/v1/admin/keys", tag = "accounts", request_body = KeyForm,
    security(("session" = []), ("user" = [])), responses((status = 201, body = NewKey), Faults))]
pub async fn add(State(api): State<Arc<Api>>, caller: Caller, body: Bytes) -> Result<Response, Problem> {
    let account_no = own(&caller)?;
    let form: KeyForm = read(&body)?;
    caller.require_at(&api, Action::Read, form.check()?).await?;
    let secret = format!("{KEY}{}", secret());
    let key = api.store.add_key(&caller.actor(), account_no, &form, &digest(&secret)).await?;
    Ok(created(&NewKey { key, secret }))
}

/// Take an own key back
#[utoipa::path(delete, path = "/v1/admin/keys/{key_no}", tag = "accounts", params(KeyPath),
    security(("session" = []), ("user" = [])), responses((status = 204), Faults))]
pub async fn revoke(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    api.store.revoke_key(&caller.actor(), own(&caller)?, no).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
