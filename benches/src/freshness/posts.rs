//! The posts: a heartbeat and a 63-probe burst of the present moment.

use super::stack::Device;
use schemas::event::{Burst, Event, Heartbeat, Link, Method, Post, Span};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

const PROBES: u32 = 63;

/// Devices that post in turn, each in one boot of this run.
pub struct Devices {
    all: Vec<(Device, Uuid)>,
    started_ms: i64,
}

impl Devices {
    /// New boots of these devices.
    pub fn new(devices: Vec<Device>) -> Devices {
        let all = devices.into_iter().map(|device| (device, Uuid::new_v4())).collect();
        Devices { all, started_ms: now_ms() }
    }

    /// Number of devices.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// A device by its turn.
    pub fn device(&self, turn: usize) -> &Device {
        &self.all[turn].0
    }

    /// A line for the report.
    pub fn describe(&self) -> String {
        let bytes = serde_json::to_vec(&self.post(0, 0)).map_or(0, |body| body.len());
        format!("one heartbeat and one {PROBES}-probe burst a post, {bytes} bytes of JSON, bodies differ")
    }

    /// The whole HTTP request of a device's `nth` post.
    pub fn request(&self, turn: usize, nth: u32) -> anyhow::Result<Vec<u8>> {
        let body = serde_json::to_vec(&self.post(turn, nth))?;
        let mut request = format!(
            "POST /v1/events HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.all[turn].0.token,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        Ok(request)
    }

    fn post(&self, turn: usize, nth: u32) -> Post {
        let (device, boot_id) = &self.all[turn];
        let at_ms = now_ms();
        let on_ms = u32::try_from(at_ms - self.started_ms).unwrap_or(0) + 60_000;
        let span = |from_ms_ago, to_ms_ago| Span { from_ms_ago, to_ms_ago };
        let spread = |i: u32| {
            (device.device_no.wrapping_mul(2_654_435_761).wrapping_add((nth * PROBES + i) * 40_503) >> 7) % 9_000
        };
        let heartbeat = Heartbeat {
            seq: nth,
            at_ms,
            on: vec![span(on_ms, 0)],
            active: vec![span(50_000, 30_000 + device.device_no % 10_000), span(15_000, 0)],
            apps: Vec::new(),
        };
        let burst = Burst {
            seq: nth,
            at_ms,
            anchor: "gd-edu-1".into(),
            method: Method::Udp,
            link: Link::Wired,
            busy: false,
            interval_ms: 200,
            rtt_us: (0..PROBES).map(|i| (i % 31 != 30).then(|| (9_000 + spread(i)) as i32)).collect(),
        };
        Post {
            boot_id: *boot_id,
            sent_at_ms: at_ms,
            clock_offset_ms: 0,
            agent: "1.0.3".into(),
            events: vec![Event::Heartbeat(heartbeat), Event::Burst(burst)],
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
