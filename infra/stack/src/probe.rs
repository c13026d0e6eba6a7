//! Whether a service answers.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What has to be answered, and how soon.
const PATIENCE: Duration = Duration::from_secs(3);
/// More of an answer is not read.
const ANSWER_BYTES: u64 = 1 << 20;

/// How a service shows that it is ready.
#[derive(Clone, Debug)]
pub enum Health {
    /// `GET` of this path on loopback answers 200.
    Http {
        /// Port on loopback.
        port: u16,
        /// Path.
        path: &'static str,
    },
    /// The port takes connections.
    Tcp {
        /// Port on loopback.
        port: u16,
    },
}

/// Why a service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Nobody listens, or the connection broke.
    #[error("{0}")]
    Unreachable(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silent,
    /// It answered that it is not, and why.
    #[error("{status}: {reason}")]
    Refused {
        /// HTTP status, 0 if there was none.
        status: u16,
        /// The body.
        reason: String,
    },
}

impl Health {
    /// Asks once.
    ///
    /// # Errors
    /// Why it is not ready.
    pub async fn check(&self) -> Result<(), NotReady> {
        match *self {
            Health::Http { port, path } => get(port, path).await.map(|_body| ()),
            Health::Tcp { port } => {
                within(async { Ok(TcpStream::connect(("127.0.0.1", port)).await.map(|_| ())?) }).await
            }
        }
    }
}

/// The body of `GET path` on loopback.
///
/// # Errors
/// No answer in time, or one that is not 200.
pub async fn get(port: u16, path: &str) -> Result<String, NotReady> {
    let answer = within(async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
        Ok(answer)
    })
    .await?;
    body(&String::from_utf8_lossy(&answer))
}

async fn within<T>(work: impl Future<Output = Result<T, NotReady>>) -> Result<T, NotReady> {
    timeout(PATIENCE, work).await.unwrap_or(Err(NotReady::Silent))
}

fn body(answer: &str) -> Result<String, NotReady> {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_head, body)| body).trim().to_owned();
    if status == 200 { Ok(body) } else { Err(NotReady::Refused { status, reason: body }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_200_is_ready_and_a_refusal_tells_why() {
        assert_eq!(body("HTTP/1.1 200 OK\r\nA: b\r\n\r\nok\n").ok().as_deref(), Some("ok"));
        let refused = body("HTTP/1.1 503 Service Unavailable\r\n\r\nkafka\n");
        assert_eq!(refused.err().map(|error| error.to_string()).as_deref(), Some("503: kafka"));
        assert!(body("").is_err());
    }
}
