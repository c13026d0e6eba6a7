//! The envelope of a post around events that are already written out.

use crate::logic::spool::Entry;
use schemas::time::format_rfc3339_ms;
use uuid::Uuid;

/// What a post says besides its events.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Boot that all events belong to.
    pub boot_id: Uuid,
    /// The moment the request leaves, corrected, ms.
    pub sent_at_ms: i64,
    /// What the agent adds to its wall clock, ms.
    pub clock_offset_ms: i64,
    /// Agent version, `[0-9A-Za-z.+-]`.
    pub agent: &'a str,
}

/// The JSON body of a post (CONTRACT section 1).
#[must_use]
pub fn write(envelope: &Envelope<'_>, entries: &[Entry]) -> Vec<u8> {
    let size: usize = entries.iter().map(|entry| entry.json.len() + 1).sum();
    let mut body = format!(
        "{{\"boot_id\":\"{}\",\"sent_at\":\"{}\",\"clock_offset_ms\":{},\"agent\":\"{}\",\"events\":[",
        envelope.boot_id,
        format_rfc3339_ms(envelope.sent_at_ms),
        envelope.clock_offset_ms,
        envelope.agent,
    );
    body.reserve_exact(size + 2);
    for (i, entry) in entries.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        body.push_str(&entry.json);
    }
    body.push_str("]}");
    body.into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use crate::logic::spool::tests::entry;
    use schemas::event::{Event, Post, Power, PowerKind};

    #[test]
    fn it_equals_the_contracts_serialization() {
        let event = |seq| {
            let at_ms = 1_790_000_000_000 + i64::from(seq) * 1_000;
            Event::Power(Power { seq, at_ms, kind: PowerKind::Boot })
        };
        let post = Post {
            boot_id: Uuid::from_u128(1),
            sent_at_ms: 1_790_000_100_000,
            clock_offset_ms: -5,
            agent: "1.0.3".into(),
            events: vec![event(0), event(1)],
        };
        let envelope =
            Envelope { boot_id: post.boot_id, sent_at_ms: post.sent_at_ms, clock_offset_ms: -5, agent: "1.0.3" };
        let body = write(&envelope, &[entry(1, 0), entry(1, 1)]);
        assert_eq!(String::from_utf8(body).unwrap(), serde_json::to_string(&post).unwrap());
    }
}
