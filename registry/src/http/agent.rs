//! `/v1/agent/…`: how a device joins, and what it may ask about itself.

use super::Api;
use super::docs::Faults;
use super::inbound::{Origin, bearer, read};
use super::problem::{Problem, ProblemDocument};
use crate::logic::enrolment::EnrolForm;
use crate::logic::views::DeviceView;
use crate::store::{EnrolOptions, Enrolled};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use schemas::token::DeviceClaims;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// A code to look behind.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeForm {
    /// 20 hexadecimal digits.
    code: String,
}

/// What a device may know about itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Own {
    /// Number.
    device_no: u32,
    /// Identity in tokens.
    device_id: String,
    /// School, today.
    school_no: u32,
    /// Its name.
    school_name: String,
    /// Class, 0: none, today.
    class_no: u32,
    /// Its name; empty: none.
    class_name: String,
    /// Its grade; 0: none.
    grade: u32,
    /// The name of its campus; empty: none.
    campus_name: String,
    /// Note of the form.
    note: String,
    /// `enrolled`, `in_service`, `suspended` or `retired`.
    state: String,
}

/// A device's credential.
#[derive(Debug, Serialize, ToSchema)]
pub struct Credential {
    /// Bearer token for the edge and for `/v1/agent`.
    token: String,
    /// When it ends, RFC 3339.
    expires_at: String,
}

/// A device that has joined.
#[derive(Debug, Serialize, ToSchema)]
pub struct Joined {
    /// Itself.
    device: Own,
    /// Its credential.
    credential: Credential,
    /// It had joined before and keeps its number.
    again: bool,
}

/// What the holder of a code may choose from; the code stays good
#[utoipa::path(post, path = "/v1/agent/enrol/options", tag = "agent", request_body = CodeForm,
    responses((status = 200, body = EnrolOptions), (status = 410, body = ProblemDocument,
        content_type = "application/problem+json", description = "code_expired, code_revoked"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json", description = "rate-address"), Faults))]
pub async fn options(State(api): State<Arc<Api>>, origin: Origin, body: Bytes) -> Result<Response, Problem> {
    api.limits.count(&origin.address)?;
    let form: CodeForm = read(&body)?;
    Ok(Json(api.store.enrol_options(&form.code, origin.now_ms).await?).into_response())
}

/// Join with a code
///
/// `code_unknown` 404, `code_used` 409, `code_expired` and `code_revoked` 410. Of several that redeem one code at once,
/// one wins.
#[utoipa::path(post, path = "/v1/agent/enrol", tag = "agent", request_body = EnrolForm,
    responses((status = 201, body = Joined), (status = 410, body = ProblemDocument,
        content_type = "application/problem+json", description = "code_expired, code_revoked"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json", description = "rate-address"), Faults))]
pub async fn enrol(State(api): State<Arc<Api>>, origin: Origin, body: Bytes) -> Result<Response, Problem> {
    api.limits.count(&origin.address)?;
    let form: EnrolForm = read(&body)?;
    let wanted = form.check()?;
    let actor = origin.actor("agent");
    let Enrolled { view, generation, again } = api.store.enrol(&actor, &wanted, Uuid::new_v4()).await?;
    api.metrics.enrolled.inc();
    let credential = credential(&api, view.device_id, view.device_no, generation, origin.now_ms)?;
    let device = described(&api, view).await?;
    Ok((StatusCode::CREATED, Json(Joined { device, credential, again })).into_response())
}

/// What a device may know about itself
///
/// The first call with a renewed token makes all older ones worthless.
#[utoipa::path(get, path = "/v1/agent/self", tag = "agent", security(("device" = [])),
    responses((status = 200, body = Own), Faults))]
pub async fn own(State(api): State<Arc<Api>>, origin: Origin, headers: HeaderMap) -> Result<Json<Own>, Problem> {
    let claims = claims(&api, &origin, &headers)?;
    let view = api.store.device_self(&origin.actor(&format!("d{}", claims.dno)), &claims).await?;
    Ok(Json(described(&api, view).await?))
}

/// A new token before the old one ends
///
/// Both are good until the new one is used for `GET /v1/agent/self`: an answer that gets lost locks nobody out.
#[utoipa::path(post, path = "/v1/agent/token", tag = "agent", security(("device" = [])),
    responses((status = 201, body = Credential), Faults))]
pub async fn renew(State(api): State<Arc<Api>>, origin: Origin, headers: HeaderMap) -> Result<Response, Problem> {
    let claims = claims(&api, &origin, &headers)?;
    let generation = api.store.renew(&origin.actor(&format!("d{}", claims.dno)), &claims).await?;
    let credential = credential(&api, claims.sub, claims.dno, generation, origin.now_ms)?;
    Ok((StatusCode::CREATED, Json(credential)).into_response())
}

fn claims(api: &Api, origin: &Origin, headers: &HeaderMap) -> Result<DeviceClaims, Problem> {
    Ok(api.verifier.device(bearer(headers)?, origin.now_ms)?)
}

fn credential(api: &Api, id: Uuid, no: u32, generation: u32, now_ms: i64) -> Result<Credential, Problem> {
    let token = api.signer.device(id, no, generation, now_ms).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "no token was signed");
        Problem::Internal
    })?;
    let expires_at = schemas::time::format_rfc3339_ms(api.signer.device_expiry_ms(now_ms));
    Ok(Credential { token, expires_at })
}

async fn described(api: &Api, view: DeviceView) -> Result<Own, Problem> {
    let school = api.store.school(view.place.school_no, api.clock.now_ms()).await;
    let class = match view.place.class_no {
        0 => None,
        no => api.store.class(no).await.ok(),
    };
    let campus = match &class {
        None => None,
        Some(class) => api.store.campus(class.campus_no).await.ok(),
    };
    let (class_name, grade) = class.map_or_else(Default::default, |class| (class.name, class.grade));
    Ok(Own {
        device_no: view.device_no,
        device_id: view.device_id.to_string(),
        school_no: view.place.school_no,
        school_name: school.map(|school| school.name).unwrap_or_default(),
        class_no: view.place.class_no,
        class_name,
        grade,
        campus_name: campus.map(|campus| campus.name).unwrap_or_default(),
        note: view.note,
        state: view.state.as_str().to_owned(),
    })
}
