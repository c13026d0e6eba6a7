//! Lists of schools: each filter asked for many times over, pages of one filter one after the other.

use super::client::Client;
use super::serve::Registry;
use anyhow::ensure;
use std::time::{Duration, Instant};

/// Pages that are asked for with each filter, after some to warm up.
const ROUNDS: usize = 100;
const WARM: usize = 5;

/// Name and request of each list; those that find nothing have to look at every school.
const LISTS: [(&str, &str); 14] = [
    ("province, all pages", "440000/schools?"),
    ("province, direct", "440000/schools?direct=true"),
    ("city", "440100/schools?"),
    ("county", "440106/schools?"),
    ("name, found", "440000/schools?name=%E7%AC%AC"),
    ("name, not found", "440000/schools?name=zzz"),
    ("type", "440000/schools?school_type=%E5%88%9D%E4%B8%AD"),
    ("ownership, not found", "440000/schools?ownership=%E6%B0%91%E5%8A%9E"),
    ("status normal", "440000/schools?status=normal"),
    ("status suspended", "440000/schools?status=suspended"),
    ("not initialised", "440000/schools?initialised=false"),
    ("without devices", "440000/schools?has_devices=false"),
    ("tag, not found", "440000/schools?tag=x"),
    ("changed lately, not found", "440000/schools?updated_since=2099-01-01"),
];

/// The times of each list's pages.
pub async fn measure(registry: &Registry) -> anyhow::Result<Vec<(&'static str, Vec<Duration>)>> {
    let mut client = Client::open(registry.address(), &registry.token()?).await?;
    let mut measured = Vec::new();
    for (name, list) in LISTS {
        measured.push((name, pages(&mut client, &format!("/v1/admin/areas/{list}")).await?));
    }
    Ok(measured)
}

/// Follows the cursor, and begins again at the end.
async fn pages(client: &mut Client, first: &str) -> anyhow::Result<Vec<Duration>> {
    let (mut times, mut path) = (Vec::with_capacity(ROUNDS), first.to_owned());
    for round in 0..WARM + ROUNDS {
        let asked = Instant::now();
        let answer = client.get(&path).await?;
        ensure!(answer.status == 200, "{path} gave {}", answer.status);
        if round >= WARM {
            times.push(asked.elapsed());
        }
        path = match answer.body["next"].as_str() {
            Some(cursor) => format!("{first}&cursor={cursor}"),
            None => first.to_owned(),
        };
    }
    Ok(times)
}
