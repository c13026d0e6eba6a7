//! The posts: whole HTTP requests, made before they are needed.

use anyhow::Context;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemas::event::{Burst, Event, Heartbeat, Link, Method, Post, Span};
use schemas::token::{AUDIENCE_EDGE, DeviceClaims, ISSUER};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Probes of a burst.
const PROBES: u32 = 63;
/// Devices of a school.
pub const SCHOOL: u32 = 150;

/// Devices that post, with their tokens.
pub struct Posts {
    devices: Vec<(u32, String)>,
    registered: u32,
}

impl Posts {
    /// So many devices that post, spread over all that are registered.
    pub fn spread(directory: &Path, registered: u32, posting: u32) -> anyhow::Result<Posts> {
        let step = registered / posting;
        Posts::of(directory, (0..posting).map(|i| i * step).collect(), registered)
    }

    /// These devices, with tokens signed by the keys in the directory, which are made if there are none.
    pub fn of(directory: &Path, devices: Vec<u32>, registered: u32) -> anyhow::Result<Posts> {
        let keys = registry::keys::Keys::open(directory)?;
        let key = EncodingKey::from_ed_pem(&keys.device_pem)?;
        let devices = devices.into_iter().map(|device_no| Ok((device_no, token(&key, device_no)?)));
        Ok(Posts { devices: devices.collect::<anyhow::Result<_>>().context("sign tokens")?, registered })
    }

    /// A line for the report.
    pub fn describe(&self) -> String {
        let bytes = serde_json::to_vec(&post(0, now_ms(), 0)).map_or(0, |body| body.len());
        format!(
            "one heartbeat and one {PROBES}-probe burst a post, {bytes} bytes of JSON, bodies differ; {} devices post \
             in turn, {} are registered",
            self.devices.len(),
            self.registered
        )
    }

    /// One request per device, as of now: good for two minutes.
    pub fn requests(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let now_ms = now_ms();
        self.devices.iter().enumerate().map(|(i, (device_no, token))| request(*device_no, token, now_ms, i)).collect()
    }
}

/// School of a synthetic device.
pub fn school_of(device_no: u32) -> u32 {
    1 + device_no / SCHOOL
}

/// Identity of a synthetic device.
pub fn device_id(device_no: u32) -> Uuid {
    uuid::Builder::from_random_bytes((u128::from(device_no) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
        .into_uuid()
}

fn token(key: &EncodingKey, device_no: u32) -> anyhow::Result<String> {
    let iat = now_ms() / 1000;
    let claims = DeviceClaims {
        iss: ISSUER.into(),
        aud: AUDIENCE_EDGE.into(),
        sub: device_id(device_no),
        dno: device_no,
        iat,
        exp: iat + 86_400,
        generation: 1,
    };
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, key)?)
}

fn request(device_no: u32, token: &str, now_ms: i64, nth: usize) -> anyhow::Result<Vec<u8>> {
    let body = serde_json::to_vec(&post(device_no, now_ms, nth as u32))?;
    let mut request = format!(
        "POST /v1/events HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    Ok(request)
}

fn post(device_no: u32, now_ms: i64, nth: u32) -> Post {
    let span = |from_ms_ago, to_ms_ago| Span { from_ms_ago, to_ms_ago };
    let jitter = |i: u32| (device_no.wrapping_mul(2_654_435_761).wrapping_add(i.wrapping_mul(40_503)) >> 7) % 9_000;
    let heartbeat = Heartbeat {
        seq: nth % 5000,
        at_ms: now_ms - 1000,
        on: vec![span(2_400_000 + nth, 0)],
        active: vec![span(300_000, 120_000 + nth % 60_000), span(90_000, 0)],
        apps: Vec::new(),
    };
    let burst = Burst {
        seq: nth % 5000,
        at_ms: now_ms - 2000,
        anchor: "anchor-gz-01".into(),
        method: Method::Udp,
        link: Link::Wired,
        busy: false,
        interval_ms: 200,
        rtt_us: (0..PROBES).map(|i| (i % 31 != 30).then(|| (9_000 + jitter(i)) as i32)).collect(),
    };
    Post {
        boot_id: device_id(device_no ^ 0x5555_5555),
        sent_at_ms: now_ms,
        clock_offset_ms: 0,
        agent: "1.0.3".into(),
        events: vec![Event::Heartbeat(heartbeat), Event::Burst(burst)],
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
