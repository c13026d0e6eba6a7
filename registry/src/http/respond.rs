//! Answers: one thing with its tag, or a page of a list.

use crate::logic::cursor;
use crate::logic::tag::tag;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T: ToSchema> {
    /// Rows.
    pub rows: Vec<T>,
    /// Where the list goes on; null at its end.
    pub next: Option<String>,
}

/// A page that ends where a row has this number, if it is full.
pub fn page<T: Serialize + ToSchema>(rows: Vec<T>, limit: u32, number: impl Fn(&T) -> i64) -> Response {
    let full = rows.len() >= limit as usize;
    let next = rows.last().filter(|_| full).map(|last| cursor::after(number(last)));
    Json(Page { rows, next }).into_response()
}

/// A list that is short enough to be whole.
pub fn whole<T: Serialize + ToSchema>(rows: Vec<T>) -> Response {
    Json(Page { rows, next: None }).into_response()
}

/// One thing, with its tag.
pub fn tagged(view: &impl Serialize) -> Response {
    with_tag(StatusCode::OK, view)
}

/// One thing that was made just now.
pub fn created(view: &impl Serialize) -> Response {
    with_tag(StatusCode::CREATED, view)
}

fn with_tag(status: StatusCode, view: &impl Serialize) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(&tag(view)) {
        headers.insert(header::ETAG, tag);
    }
    (status, headers, Json(view)).into_response()
}
