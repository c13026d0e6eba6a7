//! The open loop: a post falls due at even distances, and is late if the edge is.

use super::markers::Markers;
use super::posts::Devices;
use crate::edge::connection::Connection;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::LocalSet;

/// More than can be busy at once unless the edge falls behind.
const CONNECTIONS: usize = 1_000;

/// What the edge took in the measured time.
pub struct Posted {
    /// From due to answered.
    pub latencies: Vec<Duration>,
    /// From the first post due to the last answer.
    elapsed: Duration,
}

impl Posted {
    /// Posts a second; less than was due if the edge fell behind.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// A post that is due.
struct Due {
    at: Instant,
    turn: usize,
    nth: u32,
    measured: bool,
}

type Queue = Rc<tokio::sync::Mutex<UnboundedReceiver<Due>>>;

/// Posts for `warm + span`.
pub async fn open(
    edge: SocketAddr,
    devices: &Devices,
    markers: &Markers,
    rate: u32,
    warm: Duration,
    span: Duration,
) -> anyhow::Result<Posted> {
    let (due, queue) = unbounded_channel();
    let queue = Rc::new(tokio::sync::Mutex::new(queue));
    let latencies = RefCell::default();
    let senders = (0..CONNECTIONS).map(|_| send(edge, devices, markers, Rc::clone(&queue), &latencies));
    let senders = futures::future::try_join_all(senders);
    let paced = async {
        let gap = Duration::from_secs(1) / rate;
        let begun = Instant::now() + Duration::from_millis(200);
        let (posts, warm_posts) = ((warm + span).as_nanos() / gap.as_nanos(), warm.as_nanos() / gap.as_nanos());
        for post in 0..posts as usize {
            let at = begun + gap * post as u32;
            if at > Instant::now() {
                tokio::time::sleep_until(at.into()).await;
            }
            let (turn, nth) = (post % devices.len(), (post / devices.len()) as u32);
            due.send(Due { at, turn, nth, measured: post as u128 >= warm_posts })?;
        }
        drop(due);
        anyhow::Ok(begun + warm)
    };
    let (measured_from, _) = LocalSet::new().run_until(futures::future::try_join(paced, senders)).await?;
    Ok(Posted { latencies: latencies.into_inner(), elapsed: measured_from.elapsed() })
}

async fn send(
    edge: SocketAddr,
    devices: &Devices,
    markers: &Markers,
    queue: Queue,
    latencies: &RefCell<Vec<Duration>>,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(edge).await?;
    loop {
        let next = queue.lock().await.recv().await;
        let Some(due) = next else { return Ok(()) };
        let request = devices.request(due.turn, due.nth)?;
        if due.measured {
            markers.sent(devices.device(due.turn).device_no, due.nth, due.at);
        }
        let status = connection.post(&request).await?;
        anyhow::ensure!(status == 200, "the edge answers {status}");
        if due.measured {
            latencies.borrow_mut().push(due.at.elapsed());
        }
    }
}
