//! Accepted means durable: an answer waits for the log, and says what the log says. With the control that breaks it.

use crate::client::{TestEdge, event, post};
use ingest::sink::Sink;
use ingest::sink::delivery::Delivery;
use ingest::sink::memory::MemorySink;
use schemas::record::{EventRecord, RejectedRecord};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A log that acknowledges when the test says so.
struct SlowLog {
    taken: Mutex<Sender<Arc<Delivery>>>,
}

impl SlowLog {
    fn new() -> (SlowLog, Receiver<Arc<Delivery>>) {
        let (taken, receiver) = channel();
        (SlowLog { taken: Mutex::new(taken) }, receiver)
    }
}

impl Sink for SlowLog {
    fn is_up(&self) -> bool {
        true
    }

    fn send(&self, _record: &EventRecord, delivery: &Arc<Delivery>) {
        self.taken.lock().unwrap().send(Arc::clone(delivery)).unwrap();
    }

    fn reject(&self, _record: &RejectedRecord) {}
}

/// Posts one event to a log that says `stored` when it is asked to; the status of the answer.
fn answer_after(stored: bool) -> u16 {
    let (log, taken) = SlowLog::new();
    let edge = TestEdge::on(log, |_| {}, true);
    let (sender, answers) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send(edge.send(&post(&[event()]), &[]).status).unwrap());
        let delivery = taken.recv_timeout(Duration::from_secs(10)).unwrap();
        // The log has the record, but has not acknowledged it: the edge is silent.
        assert!(answers.recv_timeout(Duration::from_millis(100)).is_err(), "answered before the acknowledgement");
        edge.check_counts_under_way();
        delivery.settle(stored);
        answers.recv_timeout(Duration::from_secs(10)).unwrap()
    })
}

#[test]
fn no_answer_comes_before_the_acknowledgement_and_it_says_what_the_log_says() {
    assert_eq!(answer_after(true), 200);
    assert_eq!(answer_after(false), 503);
}

/// A log that acknowledges first and loses every second record: the broken mechanism.
#[derive(Default)]
struct HastyLog {
    kept: MemorySink,
    turn: Mutex<u32>,
}

impl Sink for HastyLog {
    fn is_up(&self) -> bool {
        true
    }

    fn send(&self, record: &EventRecord, delivery: &Arc<Delivery>) {
        let mut turn = self.turn.lock().unwrap();
        *turn += 1;
        if turn.is_multiple_of(2) {
            delivery.settle(true);
        } else {
            self.kept.send(record, delivery);
        }
    }

    fn reject(&self, record: &RejectedRecord) {
        self.kept.reject(record);
    }
}

/// Posts some events; how many the answers call accepted, and how many the log holds.
fn accepted_and_stored<S: Sink + 'static>(sink: S, log: impl Fn(&S) -> &MemorySink) -> (u64, u64) {
    let edge = TestEdge::on(sink, |_| {}, true);
    let accepted = (0..6).map(|_| edge.send(&post(&[event()]), &[]).body["accepted"].as_u64().unwrap_or(0)).sum();
    let stored = log(&edge.sink).records().iter().map(|record| record.events.len() as u64).sum();
    (accepted, stored)
}

#[test]
fn what_is_accepted_is_in_the_log() {
    assert_eq!(accepted_and_stored(MemorySink::default(), |sink| sink), (6, 6));
}

#[test]
fn control_a_log_that_acknowledges_before_it_stores_is_seen() {
    let (accepted, stored) = accepted_and_stored(HastyLog::default(), |sink| &sink.kept);
    assert_eq!((accepted, stored), (6, 3), "the check must see the three that were lost");
}
