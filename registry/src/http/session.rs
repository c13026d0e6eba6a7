//! `/v1/admin/session`: logging in and out, the own password, short tokens.

use super::Api;
use super::caller::{COOKIE, Caller, KEY, Session, reader};
use super::docs::Faults;
use super::inbound::{Origin, bearer, read};
use super::problem::{Problem, ProblemDocument};
use super::second_factor;
use crate::logic::account::check_password;
use crate::logic::conflict::Faults as Noted;
use crate::logic::forms::{LoginForm, PasswordForm};
use crate::logic::principal::Principal;
use crate::logic::tag::digest;
use crate::logic::views::AccountView;
use crate::metrics::LoginOutcome;
use crate::passwords::PasswordError;
use crate::store::Candidate;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A session, as its own page sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Who is logged in; while `must_change`, nothing but the password can be changed.
    account: AccountView,
    /// Goes with every change as `X-CSRF-Token`.
    csrf: String,
}

/// A short bearer token.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShortToken {
    /// For this API and the query API.
    token: String,
    /// When it ends.
    expires_at: String,
}

/// A secret that nobody can guess: 32 random bytes.
#[must_use]
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// Log in
///
/// The answer sets an httpOnly cookie. A wrong login, a wrong password and a locked account look alike (`bad-login`) and
/// take as long; after five failures a login has to wait (429, `Retry-After`), whether there is such an account or not.
/// An account with a second factor needs a code as well: without one the answer to the right password is `second-factor`,
/// and a wrong one is a failure like any other. Who comes by single sign-on is asked by the provider.
#[utoipa::path(post, path = "/v1/admin/session", tag = "accounts", request_body = LoginForm,
    responses((status = 201, body = SessionView), (status = 429, body = ProblemDocument,
        content_type = "application/problem+json", description = "login-blocked, rate-address"), Faults))]
pub async fn open(State(api): State<Arc<Api>>, origin: Origin, body: Bytes) -> Result<Response, Problem> {
    api.logins.count(&origin.address).inspect_err(|_| api.metrics.login(LoginOutcome::RateLimited))?;
    let form: LoginForm = read(&body)?;
    let candidate = checked(&api, &origin, form.login.trim(), form.password, Proof::Login(form.code)).await?;
    let (cookie, csrf) = (secret(), secret());
    let life = api.login.session;
    let expires_at_ms = origin.now_ms.saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX));
    let actor = origin.actor(&candidate.login);
    let kept = digest(&cookie);
    let opened = api.store.open_session(&actor, candidate.account_no, &kept, &csrf, expires_at_ms).await?;
    let account = opened.account;
    let head = [(header::SET_COOKIE, set_cookie(&api, &cookie, life.as_secs())?)];
    Ok((StatusCode::CREATED, head, Json(SessionView { account, csrf })).into_response())
}

/// What has to be shown.
enum Proof {
    /// The password; a session is there already.
    Password,
    /// The password, and a code if the account has a second factor.
    Login(Option<String>),
}

/// The account whose password this is; what comes of the attempt is counted.
async fn checked(
    api: &Api,
    origin: &Origin,
    typed: &str,
    password: String,
    proof: Proof,
) -> Result<Candidate, Problem> {
    let wait_ms = api.store.blocked_until(typed).await? - origin.now_ms;
    if wait_ms > 0 {
        api.metrics.login(LoginOutcome::Blocked);
        return Err(Problem::LoginBlocked(wait_ms.unsigned_abs().div_ceil(1000)));
    }
    let candidate = api.store.candidate(typed).await?;
    let hash = candidate.as_ref().map(|candidate| candidate.hash.clone());
    let mut right = api.passwords.matches(password, hash).await.map_err(|error| unhashed(&error))?;
    if let (true, Proof::Login(code), Some(candidate)) = (right, proof, &candidate) {
        right = second_factor::passes(api, candidate, code.as_deref()).await?;
    }
    match candidate {
        Some(candidate) if right => {
            api.metrics.login(LoginOutcome::Accepted);
            Ok(candidate)
        }
        candidate => {
            failed(api, origin, typed, candidate.as_ref()).await?;
            Err(Problem::BadLogin)
        }
    }
}

/// Notes a failure. What was typed may be a password and is told nobody; the login of an account is.
async fn failed(api: &Api, origin: &Origin, typed: &str, candidate: Option<&Candidate>) -> Result<(), Problem> {
    api.metrics.login(LoginOutcome::Wrong);
    let number = candidate.map(|candidate| candidate.account_no);
    let waits = api.store.login_failed(&origin.actor("nobody"), typed, number).await?;
    tracing::warn!(
        request_id = origin.request_id,
        address = origin.address,
        account = candidate.map(|candidate| candidate.login.as_str()),
        waits,
        "a login failed"
    );
    Ok(())
}

/// Logs a fault of hashing.
pub fn unhashed(error: &PasswordError) -> Problem {
    tracing::error!(error = error as &dyn std::error::Error, "no password was hashed");
    Problem::Internal
}

/// The head that sets the cookie of a session; empty: removes it.
pub(super) fn set_cookie(api: &Api, value: &str, seconds: u64) -> Result<HeaderValue, Problem> {
    let secure = if api.login.secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/v1; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).map_err(|_| Problem::Internal)
}

/// Who is logged in?
#[utoipa::path(get, path = "/v1/admin/session", tag = "accounts", security(("session" = [])),
    responses((status = 200, body = SessionView), Faults))]
pub async fn show(session: Session) -> Json<SessionView> {
    Json(SessionView { account: session.member.account, csrf: session.csrf })
}

/// Log out
#[utoipa::path(delete, path = "/v1/admin/session", tag = "accounts", security(("session" = [])),
    responses((status = 204), Faults))]
pub async fn close(State(api): State<Arc<Api>>, session: Session) -> Result<Response, Problem> {
    api.store.end_session(&session.secret).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set_cookie(&api, "", 0)?)]).into_response())
}

/// Choose another password; all sessions of the account end
#[utoipa::path(put, path = "/v1/admin/session/password", tag = "accounts", request_body = PasswordForm,
    security(("session" = [])), responses((status = 204), Faults))]
pub async fn password(State(api): State<Arc<Api>>, session: Session, body: Bytes) -> Result<Response, Problem> {
    let form: PasswordForm = read(&body)?;
    let account = &session.member.account;
    let mut faults = Noted::default();
    check_password(&mut faults, &form.new, &account.login, "/new");
    faults.unless(form.new != form.old, "/new", "another one than before");
    faults.done()?;
    checked(&api, &session.origin, &account.login, form.old, Proof::Password).await?;
    let hash = api.passwords.hash(form.new).await.map_err(|error| unhashed(&error))?;
    api.store.choose_password(&session.actor(), account.account_no, &hash).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set_cookie(&api, "", 0)?)]).into_response())
}

/// Whoever may have a short token: an account with a session, or a key.
pub struct Exchange(Principal, Origin);

impl FromRequestParts<Arc<Api>> for Exchange {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Exchange, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            let caller = Caller::from_request_parts(parts, api).await?;
            return Ok(Exchange(caller.principal, caller.origin));
        }
        let origin = Origin::from_request_parts(parts, api).await?;
        match bearer(&parts.headers)? {
            key if key.starts_with(KEY) => Ok(Exchange(reader(api, key, origin.now_ms).await?, origin)),
            // A token is not exchanged for a younger one: it would never end.
            token => {
                api.verifier.user(token, origin.now_ms)?;
                Err(Problem::Forbidden)
            }
        }
    }
}

/// A short bearer token for a session or a key
#[utoipa::path(post, path = "/v1/admin/session/token", tag = "accounts", security(("session" = []), ("user" = [])),
    responses((status = 201, body = ShortToken), Faults))]
pub async fn token(State(api): State<Arc<Api>>, Exchange(who, origin): Exchange) -> Result<Response, Problem> {
    let (account, name) = (who.account().to_owned(), who.name().to_owned());
    let signed = api.signer.short(account, name, who.grants().to_vec(), origin.now_ms);
    let (token, expires_at_ms) = signed.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "no token was signed");
        Problem::Internal
    })?;
    let expires_at = schemas::time::format_rfc3339_ms(expires_at_ms);
    Ok((StatusCode::CREATED, Json(ShortToken { token, expires_at })).into_response())
}
