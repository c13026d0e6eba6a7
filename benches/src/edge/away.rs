//! Kafka is killed under load: how long posts wait for their 503, and how soon all is well again.

use super::connection::Connection;
use super::kafka::Kafka;
use super::posts::Posts;
use super::process::Service;
use crate::report::Report;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// Posts go on for so long after the kill.
const AWAY: Duration = Duration::from_secs(5);
/// Between the posts of a connection.
const PAUSE: Duration = Duration::from_millis(5);
const CONNECTIONS: usize = 32;
/// For the edge to find Kafka again after its start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers as they came: when asked, when answered, what.
type Answers = Rc<RefCell<Vec<(Instant, Instant, u16)>>>;

/// Reports the longest wait for a 503, and the time from Kafka's return to the first 200.
pub fn measure(
    report: &mut Report,
    runtime: &tokio::runtime::Runtime,
    service: &Service,
    posts: &Posts,
    kafka: &Kafka,
) -> anyhow::Result<()> {
    let requests = Rc::new(posts.requests()?);
    let (killed, answers) = runtime.block_on(kill_under_load(service, kafka, Rc::clone(&requests)))?;
    let refused: Vec<_> = answers.iter().filter(|(.., status)| *status == 503).collect();
    let from = |asked: Instant| asked.max(killed);
    let longest = refused.iter().map(|(asked, answered, _)| *answered - from(*asked)).max().unwrap_or_default();
    report.figure("edge: Kafka killed, longest wait for a 503", longest.as_secs_f64() * 1e3, "ms", Some(1000.0));
    let refused_after = |(asked, ..): &&&(Instant, Instant, u16)| *asked > killed + Duration::from_secs(1);
    let mut later: Vec<_> =
        refused.iter().filter(refused_after).map(|(asked, answered, _)| *answered - *asked).collect();
    later.sort_unstable();
    let p99 = later.get(later.len() * 99 / 100).copied().unwrap_or_default();
    report.figure("edge: Kafka away for a second, p99 of a 503", p99.as_secs_f64() * 1e3, "ms", None);
    let odd = answers.iter().filter(|(asked, _, status)| *asked > killed && !matches!(status, 200 | 503)).count();
    anyhow::ensure!(odd == 0, "{odd} answers were neither 200 nor 503");

    kafka.restart()?;
    let back = Instant::now();
    let recovered = runtime.block_on(first_success(service, &requests[0], back))?;
    report.figure("edge: Kafka back, time to the first 200", recovered.as_secs_f64(), "s", None);
    Ok(())
}

async fn kill_under_load(
    service: &Service,
    kafka: &Kafka,
    requests: Rc<Vec<Vec<u8>>>,
) -> anyhow::Result<(Instant, Vec<(Instant, Instant, u16)>)> {
    let local = LocalSet::new();
    let answers = Answers::default();
    let until = Instant::now() + Duration::from_secs(1) + AWAY;
    let mut tasks = Vec::new();
    for nth in 0..CONNECTIONS {
        let (answers, requests) = (Rc::clone(&answers), Rc::clone(&requests));
        let mut connection = Connection::open(service.address()).await?;
        tasks.push(local.spawn_local(async move {
            for request in requests.iter().skip(nth).step_by(CONNECTIONS).cycle() {
                let asked = Instant::now();
                if asked >= until {
                    break;
                }
                let status = connection.post(request).await?;
                answers.borrow_mut().push((asked, Instant::now(), status));
                tokio::time::sleep(PAUSE).await;
            }
            anyhow::Ok(())
        }));
    }
    local
        .run_until(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let killed = Instant::now();
            kafka.kill()?;
            for task in tasks {
                task.await??;
            }
            anyhow::Ok((killed, answers.take()))
        })
        .await
}

async fn first_success(service: &Service, request: &[u8], back: Instant) -> anyhow::Result<Duration> {
    let mut connection = Connection::open(service.address()).await?;
    while back.elapsed() < PATIENCE {
        if connection.post(request).await? == 200 {
            return Ok(back.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("no post is taken {PATIENCE:?} after Kafka came back")
}
