//! Equal questions that are under way at one time are answered once.
//!
//! Whoever asks first begins; who asks the same before it is done waits for the same result. The work is driven by
//! those who wait: one who leaves (a closed connection) takes nothing from the others, and when the last one leaves,
//! the work is dropped, which ends its statements. A result is not kept: the next question begins anew.

use futures::future::{BoxFuture, FutureExt, Shared, WeakShared};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Work that several wait for.
type Flight<V> = Shared<BoxFuture<'static, V>>;

/// What is under way, by question.
pub struct Flights<K, V> {
    under_way: Mutex<HashMap<K, WeakShared<BoxFuture<'static, V>>>>,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Flights<K, V> {
        Flights { under_way: Mutex::new(HashMap::new()) }
    }
}

impl<K: Eq + Hash, V: Clone> Flights<K, V> {
    /// The result of the question: of the work that is under way for it, or else of what `begin` returns. The flag tells
    /// whether there was such work.
    pub fn join(&self, question: K, begin: impl FnOnce() -> BoxFuture<'static, V>) -> (Flight<V>, bool) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = under_way.get(&question).and_then(alive) {
            return (flight, true);
        }
        under_way.retain(|_, flight| alive(flight).is_some());
        let flight = begin().shared();
        under_way.extend(flight.downgrade().map(|weak| (question, weak)));
        (flight, false)
    }
}

/// Work that someone waits for and that is not done.
fn alive<V: Clone>(flight: &WeakShared<BoxFuture<'static, V>>) -> Option<Flight<V>> {
    flight.upgrade().filter(|flight| flight.peek().is_none())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    /// Work that waits for a gate, and counts how often it was begun and how often it was dropped before its end.
    #[derive(Default)]
    struct Counted {
        begun: AtomicUsize,
        dropped: AtomicUsize,
        gate: Notify,
    }

    struct Dropped(Arc<Counted>, bool);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.dropped.fetch_add(usize::from(!self.1), Ordering::SeqCst);
        }
    }

    fn work(counted: &Arc<Counted>) -> BoxFuture<'static, usize> {
        let counted = counted.clone();
        async move {
            let number = counted.begun.fetch_add(1, Ordering::SeqCst);
            let mut end = Dropped(counted.clone(), false);
            counted.gate.notified().await;
            end.1 = true;
            number
        }
        .boxed()
    }

    #[tokio::test]
    async fn equal_questions_share_and_others_do_not() {
        let (flights, counted) = (Flights::default(), Arc::new(Counted::default()));
        let waiting: Vec<_> = (0..50).map(|_| tokio::spawn(flights.join("a", || work(&counted)).0)).collect();
        let other = tokio::spawn(flights.join("b", || work(&counted)).0);
        while counted.begun.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        counted.gate.notify_waiters();
        let mut results = Vec::new();
        for one in waiting {
            results.push(one.await.unwrap());
        }
        assert!(results.iter().all(|result| *result == results[0]) && other.await.unwrap() != results[0]);
        assert_eq!(counted.begun.load(Ordering::SeqCst), 2, "one for fifty, one for the other");
    }

    #[tokio::test]
    async fn who_leaves_takes_nothing_from_the_others_and_the_last_one_ends_the_work() {
        let (flights, counted) = (Flights::default(), Arc::new(Counted::default()));
        let leaver = tokio::spawn(flights.join("a", || work(&counted)).0);
        while counted.begun.load(Ordering::SeqCst) < 1 {
            tokio::task::yield_now().await;
        }
        let (second, joined) = flights.join("a", || work(&counted));
        assert!(joined);
        let second = tokio::spawn(second);
        leaver.abort();
        assert!(leaver.await.unwrap_err().is_cancelled());
        tokio::task::yield_now().await;
        assert_eq!(counted.dropped.load(Ordering::SeqCst), 0, "the second still waits");
        counted.gate.notify_one();
        assert_eq!(second.await.unwrap(), 0, "the result of the work that the leaver began");

        let last = tokio::spawn(flights.join("a", || work(&counted)).0);
        while counted.begun.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        last.abort();
        assert!(last.await.unwrap_err().is_cancelled());
        assert_eq!(counted.dropped.load(Ordering::SeqCst), 1, "nobody waits any more");
    }

    #[tokio::test]
    async fn what_is_done_is_not_kept() {
        let (flights, counted) = (Flights::default(), Arc::new(Counted::default()));
        for round in 0..3 {
            counted.gate.notify_one();
            let (flight, joined) = flights.join("a", || work(&counted));
            assert!(!joined);
            assert_eq!(flight.clone().await, round);
            assert!(!flights.join("a", || work(&counted)).1, "done, though someone still holds it");
        }
    }
}
