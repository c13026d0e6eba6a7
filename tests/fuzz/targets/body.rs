//! The edge's body decoder: no input panics it, and every event of a post it takes is valid or named as invalid.
#![no_main]

#[path = "../../../ingest/src/logic"]
#[allow(dead_code, unused_imports, reason = "the edge uses the rest")]
mod logic {
    mod avro_post;
    pub mod check;
    pub mod decode;
    mod json;
    mod json_post;
}

use logic::check::Window;
use logic::decode::{Format, MAX_EVENTS, decode};

const WINDOW: Window = Window { oldest_ms: 1_760_000_000_000, newest_ms: 1_790_000_000_000 };

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((format, body)) = data.split_first() else { return };
    let format = if format % 2 == 0 { Format::Json } else { Format::Avro };
    if let Ok(decoded) = decode(body, format, WINDOW) {
        assert_eq!(decoded.received as usize, decoded.events.len() + decoded.rejections.len());
        assert!((1..=MAX_EVENTS).contains(&(decoded.received as usize)));
        assert!(decoded.rejections.windows(2).all(|pair| pair[0].index < pair[1].index));
    }
});
