//! The log against a mock broker.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::config::Config;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use std::time::Instant;

const EVENTS: &str = "telemetry.events.v1";

type Cluster = MockCluster<'static, DefaultProducerContext>;

async fn cluster_with(partitions: i32, records: usize) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(EVENTS, partitions, 1).unwrap();
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
    for _ in 0..records {
        producer.send(FutureRecord::to(EVENTS).key("1").payload("record"), None).await.unwrap();
    }
    cluster
}

fn log_of(cluster: &Cluster, instance: &str) -> KafkaLog {
    let mut config = Config::load(None).unwrap();
    // The mock broker waits for about a session before it shares partitions out anew, but for 3 s at first, whatever the
    // session: a member with a shorter one is forgotten meanwhile, and its request to join is never answered.
    config.worker.session_timeout = Duration::from_secs(5);
    let kafka = KafkaConfig { bootstrap: cluster.bootstrap_servers() };
    KafkaLog::subscribe(&kafka, &config.worker, config.events.topic, instance).unwrap()
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
    let cluster = cluster_with(1, 3).await;
    let mut log = log_of(&cluster, "member");
    poll_until(&mut log, |polled| matches!(polled, Polled::Assigned(_)));
    log.start(&[(0, 0)]).unwrap();
    poll_until(&mut log, |polled| matches!(polled, Polled::Records(1..)));
    // A table is away, the member keeps alive, and loses its partitions meanwhile.
    log.keep_alive().unwrap();
    log.release(&[0]).unwrap();
    log.start(&[(0, 0)]).unwrap();
    poll_until(&mut log, |polled| matches!(polled, Polled::Records(1..)));
}

/// What a member was told, in order, and what it has.
#[derive(Default)]
struct Told {
    opened: Vec<i32>,
    given_back: Vec<i32>,
    has: Vec<i32>,
}

/// Polls once and does at once what is asked.
fn follow(log: &mut KafkaLog, told: &mut Told) {
    let appetite = Appetite { records: 10, bytes: 1 << 20, wait: Duration::from_millis(50) };
    match log.poll(appetite, &mut |_record| {}).unwrap() {
        Polled::Assigned(assigned) => {
            let partitions: Vec<i32> = assigned.iter().map(|one| one.partition).collect();
            log.start(&partitions.iter().map(|partition| (*partition, 0)).collect::<Vec<_>>()).unwrap();
            told.opened.extend(&partitions);
            told.has.extend(partitions);
        }
        Polled::Revoked(partitions) | Polled::Lost(partitions) => {
            log.release(&partitions).unwrap();
            told.has.retain(|partition| !partitions.contains(partition));
            told.given_back.extend(partitions);
        }
        Polled::Records(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_piled_up_during_an_outage_cost_one_failure() {
    let cluster = cluster_with(1, 3).await;
    let mut log = log_of(&cluster, "member");
    poll_until(&mut log, |polled| matches!(polled, Polled::Assigned(_)));
    log.start(&[(0, 0)]).unwrap();
    poll_until(&mut log, |polled| matches!(polled, Polled::Records(1..)));
    cluster.broker_down(1).unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    let appetite = Appetite { records: 10, bytes: 1 << 20, wait: Duration::ZERO };
    let failed = (0..20).filter(|_| log.poll(appetite, &mut |_record| {}).is_err()).count();
    assert!(failed <= 2, "the last error alone, and perhaps one that came meanwhile: {failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_joins_takes_some_partitions_and_the_others_are_not_touched() {
    let cluster = cluster_with(4, 8).await;
    let (mut first, mut first_told) = (log_of(&cluster, "first"), Told::default());
    let deadline = Instant::now() + Duration::from_secs(60);
    while first_told.has.len() < 4 {
        assert!(Instant::now() < deadline, "{:?}", first_told.has);
        follow(&mut first, &mut first_told);
    }
    let (mut second, mut second_told) = (log_of(&cluster, "second"), Told::default());
    while second_told.has.len() < 2 || first_told.has.len() > 2 {
        assert!(Instant::now() < deadline, "{:?} {:?}", first_told.has, second_told.has);
        follow(&mut first, &mut first_told);
        follow(&mut second, &mut second_told);
    }
    assert_eq!((first_told.opened.len(), first_told.given_back.len()), (4, 2), "two stay where they are");
    let mut moved = (first_told.given_back, second_told.opened);
    moved.0.sort_unstable();
    moved.1.sort_unstable();
    assert_eq!(moved.0, moved.1, "what the one gave back, and nothing else, is opened by the other");
}
