//! Load: a closed loop that saturates, and an open loop that keeps its rate whatever the edge does.

use super::connection::Connection;
use super::posts::Posts;
use super::process::Service;
use crate::percentile::percentile_ms;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// Every token is used once before measuring, and the rest of this time is for warming up.
const WARM: Duration = Duration::from_secs(4);
/// The time measured.
const SPAN: Duration = Duration::from_secs(10);
/// Connections of the open loop; more than can be busy at once unless the edge falls behind.
const OPEN_CONNECTIONS: usize = 1000;

/// What a run yields.
pub struct Run {
    latencies: Vec<Duration>,
    cpu: Duration,
    elapsed: Duration,
}

impl Run {
    /// CPU of the process per accepted post, us.
    pub fn cpu_us_per_post(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.latencies.len() as f64
    }

    /// Accepted posts per second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Percentile of the latencies, ms.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        percentile_ms(&self.latencies, percent)
    }
}

/// What the connections of a run share.
struct Shared {
    requests: Vec<Vec<u8>>,
    next: Cell<usize>,
    /// Latencies count from here on.
    measured_from: Instant,
    until: Instant,
    latencies: RefCell<Vec<Duration>>,
}

impl Shared {
    fn new(posts: &Posts) -> anyhow::Result<Rc<Shared>> {
        let requests = posts.requests()?;
        let begun = Instant::now();
        let (measured_from, until) = (begun + WARM, begun + WARM + SPAN);
        Ok(Rc::new(Shared { requests, next: Cell::new(0), measured_from, until, latencies: RefCell::default() }))
    }

    fn request(&self) -> &[u8] {
        let nth = self.next.get();
        self.next.set(nth + 1);
        &self.requests[nth % self.requests.len()]
    }

    /// Sends the next request on a connection; its latency counts from `intended`.
    async fn send(&self, connection: &mut Connection, intended: Instant) -> anyhow::Result<()> {
        let status = connection.post(self.request()).await?;
        anyhow::ensure!(status == 200, "the edge answers {status}");
        let now = Instant::now();
        if now >= self.measured_from && now < self.until {
            self.latencies.borrow_mut().push(now - intended);
        }
        Ok(())
    }
}

/// Each connection sends its next post when it has the answer to the last.
pub async fn closed(service: &Service, posts: &Posts, connections: usize) -> anyhow::Result<Run> {
    let shared = Shared::new(posts)?;
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let shared = Rc::clone(&shared);
        let mut connection = Connection::open(service.address()).await?;
        tasks.push(local.spawn_local(async move {
            while Instant::now() < shared.until {
                shared.send(&mut connection, Instant::now()).await?;
            }
            anyhow::Ok(())
        }));
    }
    finish(service, &shared, local, tasks).await
}

/// So many posts a second, due at even distances; a connection that is free takes the next one that is due.
pub async fn open(service: &Service, posts: &Posts, rate: u32) -> anyhow::Result<Run> {
    let shared = Shared::new(posts)?;
    let local = LocalSet::new();
    let (due, queue) = tokio::sync::mpsc::unbounded_channel::<Instant>();
    let queue = Rc::new(tokio::sync::Mutex::new(queue));
    let mut tasks = Vec::new();
    for _ in 0..OPEN_CONNECTIONS {
        let (shared, queue) = (Rc::clone(&shared), Rc::clone(&queue));
        let mut connection = Connection::open(service.address()).await?;
        tasks.push(local.spawn_local(async move {
            loop {
                let next = queue.lock().await.recv().await;
                let Some(intended) = next else { return anyhow::Ok(()) };
                shared.send(&mut connection, intended).await?;
            }
        }));
    }
    let until = shared.until;
    tasks.push(local.spawn_local(async move {
        let gap = Duration::from_secs(1) / rate;
        let mut intended = Instant::now();
        while intended < until {
            while intended <= Instant::now() {
                due.send(intended)?;
                intended += gap;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        anyhow::Ok(())
    }));
    finish(service, &shared, local, tasks).await
}

/// Takes the CPU over the measured time, and waits for the tasks.
async fn finish(
    service: &Service,
    shared: &Rc<Shared>,
    local: LocalSet,
    tasks: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>,
) -> anyhow::Result<Run> {
    local
        .run_until(async {
            tokio::time::sleep_until(shared.measured_from.into()).await;
            let before = service.process().cpu()?;
            tokio::time::sleep_until(shared.until.into()).await;
            let cpu = service.process().cpu()? - before;
            for task in tasks {
                task.await??;
            }
            anyhow::Ok(Run { latencies: shared.latencies.take(), cpu, elapsed: SPAN })
        })
        .await
}
