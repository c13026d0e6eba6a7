//! Who calls: a session's cookie, a bearer token, or a key that reads.

use super::Api;
use super::inbound::{Origin, bearer};
use super::problem::{Problem, require};
use crate::logic::account::is_login;
use crate::logic::principal::{Principal, TokenFault};
use crate::logic::rights::{self, Access, Action, Node};
use crate::logic::tag::digest;
use crate::store::{Actor, Member, StoreError};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use schemas::org::OrgId;
use schemas::token::{Grant, Role};
use std::sync::Arc;

/// Name of the cookie of a session.
pub const COOKIE: &str = "cp_session";
/// What keys begin with, so that they are told from tokens, and found where they should not be.
pub const KEY: &str = "cpk_";
/// The header of a session's CSRF token.
const CSRF: &str = "x-csrf-token";

/// A user whose token, session or key was verified.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who asks.
    pub principal: Principal,
    /// The account; none: a token from the terminal, or a key.
    pub account_no: Option<u32>,
    /// From where and when.
    pub origin: Origin,
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Caller, Problem> {
        let origin = Origin::from_request_parts(parts, api).await?;
        if !parts.headers.contains_key(header::AUTHORIZATION) && cookie(&parts.headers, COOKIE).is_some() {
            let Session { member, .. } = Session::from_request_parts(parts, api).await?;
            if member.account.must_change {
                return Err(Problem::PasswordChange);
            }
            return Ok(Caller::of(member, origin));
        }
        let token = bearer(&parts.headers)?;
        if token.starts_with(KEY) {
            let principal = reader(api, token, origin.now_ms).await?;
            let reads = matches!(parts.method, Method::GET | Method::HEAD);
            return if reads { Ok(Caller { principal, account_no: None, origin }) } else { Err(Problem::Forbidden) };
        }
        let principal = api.verifier.user(token, origin.now_ms)?;
        if is_login(principal.account()) {
            // The account may have changed since the token was signed.
            let member = found(api.store.member(principal.account()).await)?;
            return Ok(Caller::of(member, origin));
        }
        Ok(Caller { principal, account_no: None, origin })
    }
}

impl Caller {
    fn of(member: Member, origin: Origin) -> Caller {
        let account_no = Some(member.account.account_no);
        let principal = Principal::found(member.account.login, member.account.name, member.grants);
        Caller { principal, account_no, origin }
    }

    /// Now, ms.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.origin.now_ms
    }

    /// The caller, for the log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let (account, name) = (self.principal.account().to_owned(), self.principal.name().to_owned());
        Actor { account, name, ..self.origin.actor("") }
    }

    /// Refuses what the caller may not do there.
    ///
    /// # Errors
    /// Outside: not found. Inside without the right: forbidden.
    pub fn require(&self, action: Action, node: Node) -> Result<(), Problem> {
        require(self.principal.access(action, node))
    }

    /// Refuses what the caller may not do at an area, school or class, and what does not exist.
    ///
    /// # Errors
    /// Absent or outside: not found. Inside without the right: forbidden.
    pub async fn require_at(&self, api: &Api, action: Action, org: OrgId) -> Result<(), Problem> {
        self.require(action, api.store.node(org, self.now_ms()).await?)
    }
}

/// A browser's session, also one whose first password was not changed yet.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who logged in.
    pub member: Member,
    /// What goes with every change.
    pub csrf: String,
    /// Hash of the cookie's value.
    pub secret: String,
    /// From where and when.
    pub origin: Origin,
}

impl FromRequestParts<Arc<Api>> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Session, Problem> {
        let origin = Origin::from_request_parts(parts, api).await?;
        let secret = digest(cookie(&parts.headers, COOKIE).ok_or(Problem::NoToken)?);
        let (member, csrf) = found(api.store.session(&secret, origin.now_ms).await)?;
        let given = parts.headers.get(CSRF).and_then(|value| value.to_str().ok());
        // Browsers send the cookie wherever a page points them; the token only our own page knows.
        if !parts.method.is_safe() && given != Some(csrf.as_str()) {
            return Err(Problem::Csrf);
        }
        Ok(Session { member, csrf, secret, origin })
    }
}

impl Session {
    /// Whoever is logged in, for the log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let account = &self.member.account;
        Actor { name: account.name.clone(), ..self.origin.actor(&account.login) }
    }
}

/// The value of a cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// Whoever is not there has lost the right to be.
fn found<T>(result: Result<T, StoreError>) -> Result<T, Problem> {
    match result {
        Err(StoreError::Absent { .. }) => Err(TokenFault::Expired.into()),
        result => Ok(result?),
    }
}

/// Whoever reads with a key: what the key says, as long as its account may see that.
///
/// # Errors
/// No such key, or it has ended.
pub async fn reader(api: &Api, key: &str, now_ms: i64) -> Result<Principal, Problem> {
    let (member, key) = found(api.store.key(&digest(key), now_ms).await)?;
    let org = OrgId::parse(&key.scope).ok_or(Problem::NotFound)?;
    let node = found(api.store.node(org, now_ms).await)?;
    let sees = rights::access(&member.grants, Action::Read, node) == Access::Allowed;
    let grants = if sees { vec![Grant { role: Role::Analyst, scope: key.scope }] } else { Vec::new() };
    Ok(Principal::found(format!("key:{}", key.key_no), key.name, grants))
}
