//! The log against a mock broker.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::config::Config;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use std::time::Instant;

type Cluster = MockCluster<'static, DefaultProducerContext>;

async fn cluster_with(records: usize) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(EVENTS, 1, 1).unwrap();
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
    for _ in 0..records {
        producer.send(FutureRecord::to(EVENTS).key("1").payload("record"), None).await.unwrap();
    }
    cluster
}

fn log_of(cluster: &Cluster) -> KafkaLog {
    let config = Config::load(None).unwrap();
    let kafka = KafkaConfig { bootstrap: cluster.bootstrap_servers() };
    KafkaLog::subscribe(&kafka, &config.worker, "member").unwrap()
}

/// Polls until `done` says so of something that a poll brought.
fn poll_until(log: &mut KafkaLog, mut done: impl FnMut(&Polled) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let appetite = Appetite { records: 10, bytes: 1 << 20, wait: Duration::from_millis(50) };
    while !log.poll(appetite, &mut |_record| {}).is_ok_and(|polled| done(&polled)) {
        assert!(Instant::now() < deadline, "the log brings nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_were_given_back_during_a_pause_are_read_when_they_return() {
    let cluster = cluster_with(3).await;
    let mut log = log_of(&cluster);
    poll_until(&mut log, |polled| matches!(polled, Polled::Assigned(_)));
    log.start(&[(0, 0)]).unwrap();
    poll_until(&mut log, |polled| matches!(polled, Polled::Records(1..)));
    // A table is away, the member keeps alive, and loses its partitions meanwhile.
    log.keep_alive().unwrap();
    log.release().unwrap();
    log.start(&[(0, 0)]).unwrap();
    poll_until(&mut log, |polled| matches!(polled, Polled::Records(1..)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_piled_up_during_an_outage_cost_one_failure() {
    let cluster = cluster_with(3).await;
    let mut log = log_of(&cluster);
    poll_until(&mut log, |polled| matches!(polled, Polled::Assigned(_)));
    log.start(&[(0, 0)]).unwrap();
    poll_until(&mut log, |polled| matches!(polled, Polled::Records(1..)));
    cluster.broker_down(1).unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    let appetite = Appetite { records: 10, bytes: 1 << 20, wait: Duration::ZERO };
    let failed = (0..20).filter(|_| log.poll(appetite, &mut |_record| {}).is_err()).count();
    assert!(failed <= 2, "the last error alone, and perhaps one that came meanwhile: {failed}");
}
