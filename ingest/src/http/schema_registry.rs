//! The read side of the Schema Registry API, from the embedded schemas, so that any Avro client decodes the topics
//! with no further server. It cannot be written: a schema that is already there "registers" to its id.

use crate::logic::schemas::{Lookup, SchemaError, subjects};
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

const KIND: &str = "application/vnd.schemaregistry.v1+json";

/// Its routes.
pub fn router() -> Router {
    Router::new()
        .route("/subjects", get(async || answer(Ok(json!(subjects())))))
        .route("/subjects/{subject}", post(look_up))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version))
        .route("/subjects/{subject}/versions/{version}/schema", get(version_text))
        .route("/schemas/ids/{id}", get(by_id))
        .route("/schemas/ids/{id}/schema", get(text_by_id))
        .route("/schemas/ids/{id}/subjects", get(subjects_of_id))
        .route("/schemas/ids/{id}/versions", get(versions_of_id))
        .route("/schemas/types", get(async || answer(Ok(json!(["AVRO"])))))
        .route("/config", get(async || config()))
        .route("/config/{subject}", get(async || config()))
        .route("/mode", get(async || mode()))
        .route("/mode/{subject}", get(async || mode()))
}

/// The body of a look-up or registration; other fields are of no consequence for Avro.
#[derive(Deserialize)]
struct Asked {
    schema: String,
}

fn config() -> Response {
    answer(Ok(json!({"compatibilityLevel": "FULL_TRANSITIVE"})))
}

fn mode() -> Response {
    answer(Ok(json!({"mode": "READONLY"})))
}

async fn versions(Path(subject): Path<String>) -> Response {
    answer(Lookup::subject(&subject).map(|entries| entries.iter().map(|entry| entry.version).collect::<Value>()))
}

async fn version(Path((subject, version)): Path<(String, String)>) -> Response {
    answer(Lookup::version(&subject, &version).map(|entry| Lookup::describe(&entry)))
}

async fn version_text(Path((subject, version)): Path<(String, String)>) -> Response {
    text(Lookup::version(&subject, &version).map(|entry| entry.text))
}

async fn look_up(Path(subject): Path<String>, Json(asked): Json<Asked>) -> Response {
    answer(Lookup::same(&subject, &asked.schema).map(|entry| Lookup::describe(&entry)))
}

async fn register(Path(subject): Path<String>, Json(asked): Json<Asked>) -> Response {
    let found = Lookup::same(&subject, &asked.schema).map_err(|_| SchemaError::ReadOnly(subject));
    answer(found.map(|entry| json!({"id": entry.id})))
}

async fn by_id(Path(id): Path<String>) -> Response {
    answer(Lookup::id(&id).map(|entry| json!({"schema": entry.text})))
}

async fn text_by_id(Path(id): Path<String>) -> Response {
    text(Lookup::id(&id).map(|entry| entry.text))
}

async fn subjects_of_id(Path(id): Path<String>) -> Response {
    answer(Lookup::id(&id).map(|entry| json!([entry.subject])))
}

async fn versions_of_id(Path(id): Path<String>) -> Response {
    answer(Lookup::id(&id).map(|entry| json!([{"subject": entry.subject, "version": entry.version}])))
}

fn answer(result: Result<Value, SchemaError>) -> Response {
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            let status = StatusCode::from_u16((error.code() / 100) as u16).unwrap_or(StatusCode::NOT_FOUND);
            (status, json!({"error_code": error.code(), "message": error.to_string()}))
        }
    };
    (status, [(header::CONTENT_TYPE, KIND)], body.to_string()).into_response()
}

fn text(result: Result<&'static str, SchemaError>) -> Response {
    match result {
        Ok(text) => ([(header::CONTENT_TYPE, KIND)], text).into_response(),
        Err(error) => answer(Err(error)),
    }
}
