//! `/v1/admin/session/oidc`: logging in at an identity provider.

use super::Api;
use super::docs::Faults;
use super::inbound::{Asked, Origin};
use super::problem::{Problem, ProblemDocument};
use super::session::{secret, set_cookie};
use crate::logic::tag::digest;
use crate::metrics::LoginOutcome;
use crate::oidc::{OidcError, Provider};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Name of the cookie that ties a login to the browser that began it.
const COOKIE: &str = "cp_sso";

/// What a browser comes back from the provider with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Return {
    /// Names the login.
    #[serde(default)]
    state: String,
    /// To be exchanged for the token.
    #[serde(default)]
    code: String,
    /// Why there is no code.
    #[serde(default)]
    error: String,
}

fn provider(api: &Api) -> Result<&Provider, Problem> {
    api.oidc.as_ref().ok_or(Problem::NotFound)
}

/// Log in by single sign-on
///
/// Sends the browser to the identity provider. 404 where none is configured.
#[utoipa::path(get, path = "/v1/admin/session/oidc", tag = "accounts",
    responses((status = 303, description = "to the identity provider"), (status = 502, body = ProblemDocument,
        content_type = "application/problem+json", description = "identity-provider"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json", description = "rate-address"), Faults))]
pub async fn begin(State(api): State<Arc<Api>>, origin: Origin) -> Result<Response, Problem> {
    let provider = provider(&api)?;
    api.logins.count(&origin.address).inspect_err(|_| api.metrics.login(LoginOutcome::RateLimited))?;
    let attempt = provider.begin().await.map_err(|error| refused(&error))?;
    let expires_at_ms = origin.now_ms.saturating_add(provider.patience_ms());
    let secrets = (attempt.nonce.as_str(), attempt.verifier.as_str());
    api.store.begin_sso(&digest(&attempt.state), secrets, origin.now_ms, expires_at_ms).await?;
    let head = [(header::LOCATION, text(&attempt.url)?), (header::SET_COOKIE, tie(&api, &attempt.state)?)];
    Ok((StatusCode::SEE_OTHER, head).into_response())
}

/// Come back from the identity provider
///
/// Opens a session, as a login with a password does. The account is the one that the identity is bound to; at first, the
/// one with the e-mail address that the provider has verified.
#[utoipa::path(get, path = "/v1/admin/session/oidc/callback", tag = "accounts", params(Return),
    responses((status = 303, description = "logged in"), (status = 502, body = ProblemDocument,
        content_type = "application/problem+json", description = "identity-provider"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json", description = "rate-address"), Faults))]
pub async fn callback(
    State(api): State<Arc<Api>>,
    origin: Origin,
    headers: HeaderMap,
    Asked(back): Asked<Return>,
) -> Result<Response, Problem> {
    let provider = provider(&api)?;
    api.logins.count(&origin.address).inspect_err(|_| api.metrics.login(LoginOutcome::RateLimited))?;
    // Without the cookie somebody else's login would be finished here, and its account be used for one's own.
    let tied = super::caller::cookie(&headers, COOKIE).is_some_and(|state| state == back.state);
    let begun = api.store.take_sso(&digest(&back.state), origin.now_ms).await?;
    let Some((nonce, verifier)) = begun.filter(|_| tied && back.error.is_empty()) else {
        api.metrics.login(LoginOutcome::Wrong);
        return Err(Problem::BadLogin);
    };
    let who = provider.finish(back.code, nonce, verifier).await.map_err(|error| {
        api.metrics.login(LoginOutcome::Wrong);
        refused(&error)
    })?;
    let actor = origin.actor("oidc");
    let account = api.store.account_of(&actor, &who.issuer, &who.subject, who.email.as_deref()).await?;
    api.metrics.login(if account.is_some() { LoginOutcome::Accepted } else { LoginOutcome::Wrong });
    let account = account.ok_or(Problem::NoAccount)?;
    let cookie = secret();
    let life = api.login.session;
    let expires_at_ms = origin.now_ms.saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX));
    let (actor, kept) = (origin.actor(&account.login), digest(&cookie));
    api.store.open_session(&actor, account.account_no, &kept, &secret(), expires_at_ms).await?;
    let head = [
        (header::LOCATION, text(provider.landing())?),
        (header::SET_COOKIE, set_cookie(&api, &cookie, life.as_secs())?),
    ];
    Ok((StatusCode::SEE_OTHER, head).into_response())
}

fn refused(error: &OidcError) -> Problem {
    tracing::warn!(error = error as &dyn std::error::Error, "no login by single sign-on");
    match error {
        OidcError::Token(_) => Problem::BadLogin,
        OidcError::Setup(_) | OidcError::Provider(_) => Problem::Provider,
    }
}

/// Lax: the way back begins on another site.
fn tie(api: &Api, state: &str) -> Result<HeaderValue, Problem> {
    let secure = if api.login.secure { "; Secure" } else { "" };
    text(&format!("{COOKIE}={state}; HttpOnly; SameSite=Lax; Path=/v1/admin/session/oidc; Max-Age=3600{secure}"))
}

fn text(value: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(value).map_err(|_| Problem::Internal)
}
