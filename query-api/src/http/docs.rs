//! The OpenAPI document, generated from the handlers, and a page to read it.

use super::format::Format;
use super::problem::ProblemDocument;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use schemas::figures::FigureId;
use utoipa::openapi::path::ParameterStyle;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, RefOr, Schema};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

/// What all documents begin with; the routes add themselves.
#[derive(OpenApi)]
#[openapi(
    info(title = "ClassPulse 班班通 query API", description = include_str!("docs/api.md"),
         license(name = "Apache-2.0", identifier = "Apache-2.0")),
    tags((name = "orgs", description = "区域与学校 areas and schools"), (name = "devices", description = "设备 devices"),
         (name = "catalog", description = "目录 search and catalogue")),
    modifiers(&Token)
)]
pub struct Base;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Says of the parameters with a schema of their own what the derive leaves out: `figures` is one comma-separated value.
pub fn describe_lists(document: &mut Document) {
    let operations = document.paths.paths.values_mut().filter_map(|item| item.get.as_mut());
    for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
        let RefOr::T(parameter) = parameter else { continue };
        match parameter.name.as_str() {
            "figures" => {
                parameter.description = Some(FIGURES.to_owned());
                (parameter.style, parameter.explode) = (Some(ParameterStyle::Form), Some(false));
            }
            "order" => parameter.description = Some(ORDER.to_owned()),
            _ => {}
        }
    }
}

/// Every answer is to be had in every format; the handlers describe its JSON.
pub fn describe_formats(document: &mut Document) {
    let operations = document.paths.paths.values_mut().filter_map(|item| item.get.as_mut());
    for response in operations.filter_map(|operation| operation.responses.responses.get_mut("200")) {
        let RefOr::T(response) = response else { continue };
        for kind in Format::flat() {
            let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
            response.content.insert(kind.to_owned(), RefOr::T(Content::new(Some(text))));
        }
    }
}

const FIGURES: &str = "Comma-separated figure ids. Unless given: all in an overview; those of the network in a network \
                       answer; else all but `active7_rate`, `active30_rate`, `online_now`.";
const ORDER: &str = "A figure id; with `-` in front: highest first. Rows without value come last. Unless given: by code; \
                     a ranking by `-usage_rate`.";

/// `{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "described, not built")]
pub struct OrgPath {
    /// `440106` (GB/T 2260) or `s1024` (school number).
    #[param(pattern = "^([1-9][0-9]{5}|s[1-9][0-9]{0,9})$", example = "440106")]
    id: String,
}

/// `{school_no}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "described, not built")]
pub struct SchoolPath {
    /// School number.
    #[param(minimum = 1)]
    school_no: u32,
}

/// `{device_no}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "described, not built")]
pub struct DevicePath {
    /// Device number.
    #[param(minimum = 1)]
    device_no: u32,
}

/// A range of days.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "described, not built")]
pub struct DayQuery {
    /// First local day, inclusive; 30 days that end with `to` unless given. At most 400 days before `to`.
    #[param(format = "date", required = false, nullable = false)]
    from: Option<String>,
    /// Last local day, inclusive; today unless given, and at most today.
    #[param(format = "date", required = false, nullable = false)]
    to: Option<String>,
}

/// Which figures.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "described, not built")]
pub struct FiguresQuery {
    /// See [`describe_lists`].
    #[param(schema_with = figures_schema, required = false)]
    figures: Option<Vec<String>>,
}

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "described, not built")]
pub struct PageQuery {
    /// See [`describe_lists`].
    #[param(schema_with = order_schema, required = false)]
    order: Option<String>,
    /// Rows in a page; 500 unless given.
    #[param(minimum = 1, maximum = 1000, required = false, nullable = false)]
    page_size: Option<u32>,
    /// `next` of the page before; the other parameters stay as they were.
    #[param(pattern = "^[A-Za-z0-9_-]+$", required = false, nullable = false)]
    cursor: Option<String>,
}

/// A search.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "described, not built")]
pub struct SearchQuery {
    /// Part of a name, or the beginning of a code; white space around it is cut off.
    #[param(min_length = 1, max_length = 64, pattern = r"\S")]
    q: String,
    /// Rows at most; 500 unless given.
    #[param(minimum = 1, maximum = 1000, required = false, nullable = false)]
    page_size: Option<u32>,
}

fn figures_schema() -> RefOr<Schema> {
    let names = FigureId::ALL.iter().map(|id| id.as_str());
    let item = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(names));
    ArrayBuilder::new().items(item).min_items(Some(1)).into()
}

fn order_schema() -> RefOr<Schema> {
    let names = FigureId::ALL.iter().flat_map(|id| [id.as_str().to_owned(), format!("-{}", id.as_str())]);
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(names)).into()
}

/// The refusals of every route.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "described, not built")]
pub enum Faults {
    /// The answer of this tag has not changed (`If-None-Match`)
    #[response(status = 304)]
    NotModified,
    /// A parameter cannot be used; it is named
    #[response(status = 400, content_type = "application/problem+json")]
    BadParameter(#[to_schema] ProblemDocument),
    /// No token, or one that is not valid (any more)
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] ProblemDocument),
    /// Inside the scope, without the right
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] ProblemDocument),
    /// Nothing is here, or it lies outside the scope
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] ProblemDocument),
    /// No format of the Accept header is offered
    #[response(status = 406, content_type = "application/problem+json")]
    NotAcceptable(#[to_schema] ProblemDocument),
    /// The question needs more than one question may
    #[response(status = 422, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemDocument),
    /// Too many requests of this user; see Retry-After
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(#[to_schema] ProblemDocument),
    /// A fault of ours
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(#[to_schema] ProblemDocument),
    /// Overloaded, starting, or ClickHouse is away; see Retry-After
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] ProblemDocument),
    /// The question took too long
    #[response(status = 504, content_type = "application/problem+json")]
    TimedOut(#[to_schema] ProblemDocument),
}

/// The page at `/`: it reads `/openapi.json` and needs nothing else.
pub async fn page() -> Html<&'static str> {
    Html(include_str!("docs/page.html"))
}

/// A JSON text that was made at the start.
pub fn json(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")], text).into_response()
}
