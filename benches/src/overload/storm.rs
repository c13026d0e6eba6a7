//! Many connections that post at a rate of their own, whatever they are answered.

use crate::edge::connection::Connection;
use crate::edge::posts::Posts;
use crate::edge::process::Service;
use crate::percentile::percentile_ms;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// Posts speak of the time at which they were made, and are refused two minutes later; so they are made anew so often.
const FRESH: Duration = Duration::from_secs(60);

/// See the module.
pub struct Storm {
    /// Connections, which share the rate.
    pub connections: usize,
    /// Posts per second, in all.
    pub rate: f64,
    /// How long.
    pub lasting: Duration,
}

/// What was answered within a second.
#[derive(Clone, Default)]
pub struct Second {
    refused: usize,
    /// Latencies of the posts that were taken.
    taken: Vec<Duration>,
}

impl Second {
    /// Posts that were taken.
    pub fn accepted(&self) -> usize {
        self.taken.len()
    }

    /// Posts that were answered.
    pub fn asked(&self) -> usize {
        self.taken.len() + self.refused
    }

    /// Nothing was refused, and p99 is below a limit.
    pub fn is_normal(&self, p99_ms: f64) -> bool {
        self.refused == 0 && percentile_ms(&self.taken, 99) < p99_ms
    }
}

struct Sky {
    begun: Instant,
    until: Instant,
    requests: RefCell<Rc<Vec<Vec<u8>>>>,
    next: Cell<usize>,
    seconds: RefCell<Vec<Second>>,
}

impl Storm {
    /// Answers, second by second.
    pub async fn run(&self, service: &Service, posts: &Posts) -> anyhow::Result<Vec<Second>> {
        let begun = Instant::now();
        let sky = Rc::new(Sky {
            begun,
            until: begun + self.lasting,
            requests: RefCell::new(Rc::new(posts.requests()?)),
            next: Cell::new(0),
            seconds: RefCell::new(vec![Second::default(); self.lasting.as_secs() as usize]),
        });
        let gap = Duration::from_secs_f64(self.connections as f64 / self.rate);
        let local = LocalSet::new();
        let mut tasks = Vec::new();
        for nth in 0..self.connections {
            let first = begun + gap.mul_f64(nth as f64 / self.connections as f64);
            let connection = Connection::open(service.address()).await?;
            tasks.push(local.spawn_local(blow(Rc::clone(&sky), connection, first, gap)));
        }
        local
            .run_until(async {
                while Instant::now() + FRESH < sky.until {
                    tokio::time::sleep(FRESH).await;
                    *sky.requests.borrow_mut() = Rc::new(posts.requests()?);
                }
                for task in tasks {
                    task.await??;
                }
                anyhow::Ok(())
            })
            .await?;
        Ok(sky.seconds.take())
    }
}

/// One sender. What it could not send in time is left out: the rate is offered, never made up for.
async fn blow(sky: Rc<Sky>, mut connection: Connection, mut due: Instant, gap: Duration) -> anyhow::Result<()> {
    while due < sky.until {
        tokio::time::sleep_until(due.into()).await;
        let requests = Rc::clone(&sky.requests.borrow());
        let nth = sky.next.get();
        sky.next.set(nth + 1);
        let asked = Instant::now();
        let status = connection.post(&requests[nth % requests.len()]).await?;
        sky.note(asked, status)?;
        while due <= Instant::now() {
            due += gap;
        }
    }
    Ok(())
}

impl Sky {
    fn note(&self, asked: Instant, status: u16) -> anyhow::Result<()> {
        anyhow::ensure!(matches!(status, 200 | 429 | 503), "the edge answers {status}");
        let now = Instant::now();
        if let Some(second) = self.seconds.borrow_mut().get_mut((now - self.begun).as_secs() as usize) {
            match status {
                200 => second.taken.push(now - asked),
                _ => second.refused += 1,
            }
        }
        Ok(())
    }
}
