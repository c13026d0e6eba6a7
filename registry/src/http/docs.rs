//! The OpenAPI document, generated from the handlers.

use super::caller::COOKIE;
use super::problem::ProblemDocument;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

/// What all documents begin with; the routes add themselves.
#[derive(OpenApi)]
#[openapi(
    info(title = "ClassPulse 班班通 admin API", description = include_str!("admin.md"),
         license(name = "Apache-2.0", identifier = "Apache-2.0")),
    tags((name = "areas", description = "区域 areas and groups of areas"), (name = "schools", description = "学校 schools"),
         (name = "classes", description = "校区与班级 campuses and classes"), (name = "devices", description = "设备 devices"),
         (name = "accounts", description = "账号 accounts, roles, sessions, keys"), (name = "codes", description = "设备验证码 enrolment codes"), (name = "audit", description = "日志 who changed what"),
         (name = "corrections", description = "更正 corrections of days that have begun, by two people"),
         (name = "agent", description = "设备登记 devices that join")),
    modifiers(&Tokens)
)]
pub struct Base;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_with(Default::default);
        for name in ["user", "device"] {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
        let cookie = ApiKeyValue::with_description(COOKIE, "a browser's session; changes carry X-CSRF-Token as well");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

macro_rules! path {
    ($name:ident, $field:ident, $says:literal) => {
        #[doc = concat!("`{", stringify!($field), "}`")]
        #[derive(IntoParams)]
        #[into_params(parameter_in = Path)]
        #[allow(dead_code, reason = "described, not built")]
        pub struct $name {
            #[doc = $says]
            #[param(minimum = 1)]
            $field: u32,
        }
    };
}

path!(AreaPath, code, "GB/T 2260 code.");
path!(GroupPath, group_no, "Number of the group.");
path!(SchoolPath, school_no, "Number of the school.");
path!(CampusPath, campus_no, "Number of the campus.");
path!(ClassPath, class_no, "Number of the class.");
path!(DevicePath, device_no, "Number of the device.");
path!(CodePath, code_no, "Number of the code.");
path!(AccountPath, account_no, "Number of the account.");
path!(GrantPath, grant_no, "Number of the grant.");
path!(KeyPath, key_no, "Number of the key.");
path!(FlagPath, flag_no, "Number of the flag.");
path!(CorrectionPath, correction_no, "Number of the correction.");

/// The precondition of every change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "described, not built")]
pub struct Precondition {
    /// ETag of what is changed, as it was read.
    #[param(rename = "If-Match")]
    if_match: String,
}

/// The refusals of every route.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "described, not built")]
pub enum Faults {
    /// A parameter or the body cannot be read
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(#[to_schema] ProblemDocument),
    /// No token, or one that is not valid (any more)
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] ProblemDocument),
    /// Inside the scope, without the right
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] ProblemDocument),
    /// Nothing is here, or it lies outside the scope
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] ProblemDocument),
    /// What is there does not allow the change; the type tells why
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemDocument),
    /// It was changed in between
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(#[to_schema] ProblemDocument),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemDocument),
    /// Values that cannot be accepted, each with a JSON pointer
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemDocument),
    /// A change without If-Match
    #[response(status = 428, content_type = "application/problem+json")]
    NoPrecondition(#[to_schema] ProblemDocument),
}
