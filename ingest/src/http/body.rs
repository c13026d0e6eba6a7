//! Reads bodies, bounded in size, time and memory.

use crate::budget::Charge;
use crate::logic::answer::Refusal;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use schemas::codes::Slug;
use std::time::Duration;

/// What is read of a refused body, so that its sender gets to read the answer.
const DRAIN_BYTES: usize = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The whole body, at most `max` bytes; the charge grows with what has come.
///
/// # Errors
/// `too-large`, `overloaded`, or `bad-encoding` where it does not end as HTTP wants.
pub async fn read(body: &mut Incoming, max: usize, time: Duration, charge: &mut Charge) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > max as u64 {
        return Err(too_large(max));
    }
    match tokio::time::timeout(time, collect(body, max, charge)).await {
        Ok(result) => result,
        Err(_) => Err(Refusal::new(Slug::BadEncoding, "the body did not come in time")),
    }
}

fn too_large(max: usize) -> Refusal {
    Refusal::new(Slug::TooLarge, format!("more than {max} bytes on the wire"))
}

async fn collect(body: &mut Incoming, max: usize, charge: &mut Charge) -> Result<Bytes, Refusal> {
    let Some(first) = data(body).await? else {
        return Ok(Bytes::new());
    };
    let mut whole = BytesMut::new();
    let mut next = first;
    // Mostly the body comes in one piece, and is not copied.
    loop {
        let len = whole.len() + next.len();
        if len > max {
            return Err(too_large(max));
        }
        if !charge.grow_to(len) {
            return Err(Refusal::new(Slug::Overloaded, "too many bytes in flight"));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(next);
        }
        whole.extend_from_slice(&next);
        match data(body).await? {
            Some(piece) => next = piece,
            None => return Ok(whole.freeze()),
        }
    }
}

/// The next piece of data; `None` at the end.
async fn data(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(piece)) => return Ok(Some(piece)),
            // Trailers say nothing that matters here.
            Ok(Err(_)) => {}
            Err(_) => return Err(Refusal::new(Slug::BadEncoding, "the body ends too early or is not framed")),
        }
    }
    Ok(None)
}

/// Reads and forgets what is left of a refused body; `false`: the connection cannot be used again.
pub async fn drain(body: &mut Incoming) -> bool {
    if body.size_hint().lower() > DRAIN_BYTES as u64 {
        return false;
    }
    let drained = tokio::time::timeout(DRAIN_TIME, async {
        let mut left = DRAIN_BYTES;
        while let Ok(Some(piece)) = data(body).await {
            match left.checked_sub(piece.len()) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
        body.is_end_stream()
    });
    drained.await.unwrap_or(false)
}
