//! `call`: a route of the admin API, asked from the terminal. The request goes through the same router as everybody's, so it
//! has the same checks, the same problems and the same rows in the log.

use crate::cli::CallArgs;
use crate::http::{self, Api};
use anyhow::{Context, bail};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use std::io::Read;
use std::sync::Arc;
use tower::ServiceExt;

/// Bytes of an answer.
const ANSWER: usize = 64 * 1024 * 1024;

/// Asks, and gives the answer: JSON set out in lines, anything else as it is.
///
/// # Errors
/// The route refuses: the text of its problem.
pub async fn run(api: Arc<Api>, token: &str, args: &CallArgs) -> anyhow::Result<String> {
    let router = http::router(api, Router::new());
    let response = router.oneshot(request(token, args)?).await?;
    let status = response.status();
    let bytes = to_bytes(response.into_body(), ANSWER).await.context("read the answer")?;
    let text = match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(json) => serde_json::to_string_pretty(&json)?,
        Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    if status.is_success() { Ok(text) } else { bail!("{status}\n{text}") }
}

fn request(token: &str, args: &CallArgs) -> anyhow::Result<Request<Body>> {
    let path = match args.path.strip_prefix('/') {
        Some(_) => args.path.clone(),
        None => format!("/v1/admin/{}", args.path),
    };
    let body = match args.body.as_deref() {
        Some("-") => {
            let mut text = Vec::new();
            std::io::stdin().lock().read_to_end(&mut text).context("read the body")?;
            text
        }
        body => body.unwrap_or_default().as_bytes().to_vec(),
    };
    // Whoever types has looked, or does not mind: the present state is changed, whatever it is.
    let request = Request::builder()
        .method(args.method.as_str())
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::IF_MATCH, args.if_match.as_deref().unwrap_or("*"));
    request.body(body.into()).context("make a request of that")
}
