//! One device, then one school, posts a thousand times its share; nobody else notices.

use super::storm::{Second, Storm};
use crate::edge::posts::{Posts, SCHOOL};
use crate::edge::process::Service;
use crate::report::Report;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Devices that keep to their share, each of a school of its own.
const OTHERS: u32 = 1500;
/// Posts of each per second: the share.
const SHARE: f64 = 1.0;
/// How much more the greedy one posts.
const GREED: f64 = 1000.0;
const LASTING: Duration = Duration::from_secs(40);
const CONNECTIONS: usize = 500;

/// Reports what the others are refused: nothing.
pub fn measure(report: &mut Report, runtime: &Runtime, service: &Service, directory: &Path) -> anyhow::Result<()> {
    let others: Vec<u32> = (1..=OTHERS).map(|nth| nth * SCHOOL).collect();
    let others = Posts::of(directory, others, super::DEVICES)?;
    let greedy = [("device", vec![0]), ("school", (0..SCHOOL).collect::<Vec<u32>>())];
    for (name, devices) in greedy {
        let greedy = Posts::of(directory, devices, super::DEVICES)?;
        let (quiet, loud) = runtime.block_on(async {
            let quiet = Storm { connections: CONNECTIONS, rate: f64::from(OTHERS) * SHARE, lasting: LASTING };
            let loud = Storm { connections: CONNECTIONS, rate: GREED * SHARE, lasting: LASTING };
            tokio::try_join!(quiet.run(service, &others), loud.run(service, &greedy))
        })?;
        let refused = total(&quiet, Second::asked) - total(&quiet, Second::accepted);
        report.figure(&format!("a greedy {name}: posts of others refused"), refused as f64, "posts", Some(0.0));
        let share = total(&loud, Second::accepted) as f64 / total(&loud, Second::asked).max(1) as f64;
        report.figure(&format!("a greedy {name}: share of its own that is taken"), share, "", None);
    }
    Ok(())
}

fn total(seconds: &[Second], count: impl Fn(&Second) -> usize) -> usize {
    seconds.iter().map(count).sum()
}
