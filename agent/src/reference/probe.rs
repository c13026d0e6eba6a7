//! A burst: TCP handshakes with an anchor, timed by the monotonic clock.

use super::config::ProbeConfig;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

/// A reply after this is lost (METRICS section 4).
const LOST_AFTER: Duration = Duration::from_secs(3);

/// Round trips in microseconds without the warm-up; `None`: lost.
pub async fn burst(config: &ProbeConfig) -> Vec<Option<i32>> {
    let mut ticks = interval(config.interval);
    let mut probes = Vec::with_capacity(config.probes);
    for _ in 0..config.probes {
        ticks.tick().await;
        probes.push(tokio::spawn(probe(config.address)));
    }
    let mut rtt_us = Vec::with_capacity(config.probes);
    for probe in probes.into_iter().skip(1) {
        rtt_us.push(probe.await.unwrap_or(None));
    }
    rtt_us
}

async fn probe(address: std::net::SocketAddr) -> Option<i32> {
    let left = Instant::now();
    let answer = timeout(LOST_AFTER, TcpStream::connect(address)).await;
    let elapsed_us = i32::try_from(left.elapsed().as_micros()).unwrap_or(i32::MAX);
    match answer {
        // A refusal is a reply too: the anchor is there and its round trip is known.
        Ok(Ok(_)) => Some(elapsed_us),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Some(elapsed_us),
        Ok(Err(_)) | Err(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::event::Link;

    #[tokio::test]
    async fn the_warm_up_is_not_reported() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let interval = Duration::from_millis(10);
        let config = ProbeConfig { anchor: "a".into(), address, probes: 5, interval, link: Link::Wired };
        let rtt_us = burst(&config).await;
        assert_eq!(rtt_us.len(), 4);
        assert!(rtt_us.iter().all(|rtt| rtt.is_some_and(|us| us < 3_000_000)));
    }
}
