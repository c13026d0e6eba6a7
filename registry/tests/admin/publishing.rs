//! From a change to its value: the publisher is woken by the commit.

use crate::world::World;
use registry::config::PublisherConfig;
use registry::metrics::Metrics;
use registry::publisher::Publisher;
use registry::sink::{SendError, Sink};
use registry::store::Waiting;
use reqwest::Method;
use runtime::shutdown::Shutdown;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// A topic in memory that tells when each value arrived.
struct Memory(UnboundedSender<(Waiting, Instant)>);

impl Sink for Memory {
    async fn send(&mut self, batch: &[Waiting]) -> Result<(), SendError> {
        for value in batch {
            self.0.send((value.clone(), Instant::now())).unwrap();
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_published_within_a_second_without_waiting_for_the_next_look() {
    let world = World::start().await;
    let (sender, mut arrived) = unbounded_channel();
    // Looking only once an hour: what arrives was woken.
    let config = PublisherConfig { poll: Duration::from_secs(3_600), heartbeat: Duration::from_secs(3_600) };
    let mut publisher =
        Publisher::new(world.store.clone(), Memory(sender), world.clock.clone(), config, Metrics::default());
    let (trigger, shutdown) = Shutdown::new();
    let running = tokio::spawn(async move { publisher.run(&shutdown).await });
    while world.store.count_waiting().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while arrived.try_recv().is_ok() {}
    let (token, path) = (world.county(), format!("/v1/admin/schools/{}", world.places.school));
    let key = format!("s{}", world.places.school);
    let mut delays = Vec::new();
    for round in 0..100 {
        let name = json!({"name": format!("虚构第{round}小学")});
        world.change(Method::PATCH, &path, &path, &token, name).await.expect(200);
        let answered = Instant::now();
        let when = loop {
            let (value, when) = tokio::time::timeout(Duration::from_secs(10), arrived.recv()).await.unwrap().unwrap();
            if value.record_key == key {
                break when;
            }
        };
        delays.push(when.saturating_duration_since(answered));
    }
    delays.sort_unstable();
    assert!(delays[98] < Duration::from_secs(1), "p99 {:?}", delays[98]);
    trigger.fire();
    running.await.unwrap();
}
