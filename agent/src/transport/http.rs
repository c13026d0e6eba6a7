//! Posts over HTTP.

use super::Transport;
use crate::logic::answer::{Answer, read};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A client of one edge or several; keeps its connections.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    urls: Vec<String>,
    posts: Arc<AtomicUsize>,
    gzip: bool,
}

impl HttpTransport {
    /// A transport to `edges`, e.g. `http://127.0.0.1:8080`; several, separated by commas, take turns, so that a post
    /// that one of them did not take goes to another when it is sent again.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(edges: &str, timeout: Duration, gzip: bool) -> Result<HttpTransport, reqwest::Error> {
        let builder = reqwest::Client::builder().timeout(timeout).tcp_nodelay(true).no_proxy();
        let client = builder.redirect(reqwest::redirect::Policy::none()).build()?;
        let urls = edges.split(',').map(|edge| format!("{}/v1/events", edge.trim().trim_end_matches('/'))).collect();
        Ok(HttpTransport { client, urls, posts: Arc::default(), gzip })
    }

    /// Where the next post goes; there is at least one, for splitting a string gives at least one part.
    fn url(&self) -> &str {
        &self.urls[self.posts.fetch_add(1, Ordering::Relaxed) % self.urls.len()]
    }

    async fn exchange(&self, body: Vec<u8>, token: &str) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.post(self.url()).header(CONTENT_TYPE, "application/json");
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        let compressed = if self.gzip { gzip(&body).ok() } else { None };
        let request = match compressed {
            Some(smaller) => request.header(CONTENT_ENCODING, "gzip").body(smaller),
            None => request.body(body),
        };
        let response = request.send().await?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.bytes().await?;
        Ok(Answer::Http(read(status, retry_after.as_deref(), &body)))
    }
}

impl Transport for HttpTransport {
    async fn post(&self, body: Vec<u8>, token: &str) -> Answer {
        self.exchange(body, token).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "no answer from the edge");
            Answer::Unreachable
        })
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn several_edges_take_turns() {
        let transport = HttpTransport::new("http://a:1, http://b:2/", Duration::from_secs(1), false).unwrap();
        let asked: Vec<&str> = (0..3).map(|_| transport.url()).collect();
        assert_eq!(asked, ["http://a:1/v1/events", "http://b:2/v1/events", "http://a:1/v1/events"]);
    }
}
