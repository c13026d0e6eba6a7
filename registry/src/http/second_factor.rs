//! `/v1/admin/session/second-factor`: codes of an app beside the password.

use super::Api;
use super::caller::{Caller, Session};
use super::docs::{AccountPath, Faults, Precondition};
use super::inbound::{IfMatch, No, read};
use super::problem::Problem;
use super::respond::tagged;
use crate::logic::conflict::{Conflict, Invalid};
use crate::logic::forms::CodeForm;
use crate::logic::second_factor::{SECRET, SecondFactor};
use crate::logic::views::AccountView;
use crate::metrics::LoginOutcome;
use crate::store::{Candidate, KeptFactor};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use utoipa::ToSchema;

/// What an authenticator app is given, once.
#[derive(Debug, Serialize, ToSchema)]
pub struct FactorView {
    /// As it is typed (base32).
    secret: String,
    /// As it is scanned.
    #[schema(example = "otpauth://totp/ClassPulse:tianhe.admin?secret=…&issuer=ClassPulse")]
    uri: String,
}

/// Begin with codes of an app as a second factor
///
/// Shows the secret, once; codes are asked for from the first one on that is confirmed (`PUT`). Begun again before that,
/// the secret is another.
#[utoipa::path(post, path = "/v1/admin/session/second-factor", tag = "accounts", security(("session" = [])),
    responses((status = 201, body = FactorView), Faults))]
pub async fn begin(State(api): State<Arc<Api>>, session: Session) -> Result<Response, Problem> {
    let account = settled(&session)?;
    let secret = rand::random::<[u8; SECRET]>();
    let factor = SecondFactor::new(secret.to_vec(), &account.login).map_err(|error| fault(&error))?;
    let sealed = api.sealer.seal(account.account_no, &secret).map_err(|error| fault(&error))?;
    api.store.begin_second_factor(account.account_no, &sealed).await?;
    let view = FactorView { secret: factor.secret(), uri: factor.uri() };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Confirm the second factor by its first code; from now on every login needs one
#[utoipa::path(put, path = "/v1/admin/session/second-factor", tag = "accounts", request_body = CodeForm,
    security(("session" = [])), responses((status = 200, body = AccountView), Faults))]
pub async fn confirm(State(api): State<Arc<Api>>, session: Session, body: Bytes) -> Result<Response, Problem> {
    let form: CodeForm = read(&body)?;
    let account = settled(&session)?;
    let kept = api.store.second_factor(account.account_no).await?.filter(|kept| !kept.confirmed);
    let kept = kept.ok_or(Conflict::SecondFactor("not begun"))?;
    let step = interval(&api, account.account_no, &account.login, &kept, &form.code)?;
    let step = step.ok_or_else(|| Invalid::one("/code", "the six digits that the app shows now"))?;
    Ok(tagged(&api.store.confirm_second_factor(&session.actor(), account.account_no, step).await?))
}

/// Take the second factor of an account away, for somebody who lost it; its sessions end at once
#[utoipa::path(post, path = "/v1/admin/accounts/{account_no}/reset-second-factor", tag = "accounts",
    params(AccountPath, Precondition), security(("user" = [])), responses((status = 200, body = AccountView), Faults))]
pub async fn reset(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    super::accounts::require_account(&api, &caller, no).await?;
    let expected = if_match.required()?;
    // Whoever has a session of somebody's is not to get rid of what protects the next one.
    if caller.account_no == Some(no) {
        return Err(Problem::Forbidden);
    }
    Ok(tagged(&api.store.remove_second_factor(&caller.actor(), no, &expected).await?))
}

/// Asks for the code of an account that has a second factor, after its password was right; each is taken once. False: it
/// is wrong, or was used.
///
/// # Errors
/// One is needed and none came, which is no failed login; or the store does not answer.
pub(super) async fn passes(api: &Api, candidate: &Candidate, code: Option<&str>) -> Result<bool, Problem> {
    let (no, login) = (candidate.account_no, &candidate.login);
    let Some(kept) = api.store.second_factor(no).await?.filter(|kept| kept.confirmed) else { return Ok(true) };
    let Some(code) = code else {
        api.metrics.login(LoginOutcome::CodeMissing);
        return Err(Problem::SecondFactor);
    };
    match interval(api, no, login, &kept, code)? {
        None => Ok(false),
        Some(step) => Ok(api.store.take_code(no, step).await?),
    }
}

/// Apps go by the time of day, whatever the injected clock shows.
fn interval(api: &Api, no: u32, login: &str, kept: &KeptFactor, code: &str) -> Result<Option<u64>, Problem> {
    let secret = api.sealer.open(no, &kept.sealed).map_err(|error| fault(&error))?;
    let factor = SecondFactor::new(secret, login).map_err(|error| fault(&error))?;
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    Ok(factor.interval(code, now_s, kept.last))
}

/// The account of a session whose first password was changed.
fn settled(session: &Session) -> Result<&AccountView, Problem> {
    let account = &session.member.account;
    if account.must_change { Err(Problem::PasswordChange) } else { Ok(account) }
}

fn fault(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "a second factor cannot be used");
    Problem::Internal
}
