//! Compares every row with the workload's own arithmetic.

use super::stack::Backend;
use super::workload::{Expected, PER_SCHOOL, Workload};
use anyhow::{Context, ensure};
use std::collections::HashMap;

/// Compares device rows one by one and school rows by their sums; returns the number of device rows.
pub fn rows(backend: &Backend, workload: &Workload) -> anyhow::Result<usize> {
    let day = workload.day();
    let text = backend.query(&format!(
        "SELECT device_no, ver, events, on_s, active_s, lessons, first_s, last_s, arraySum(app_s), sessions, used \
         FROM device_day_final WHERE day = '{day}' FORMAT TSV"
    ))?;
    let found = text.lines().map(device).collect::<anyhow::Result<HashMap<_, _>>>()?;
    ensure!(found.len() == workload.devices() as usize, "{} device rows", found.len());
    let mut schools: HashMap<u32, [u64; 4]> = HashMap::new();
    for device_no in 1..=workload.devices() {
        let expected = workload.expected(device_no);
        ensure!(
            found.get(&device_no) == Some(&expected),
            "device {device_no}: {:?}, expected {expected:?}",
            found.get(&device_no)
        );
        let used = u64::from(expected.active_s >= 600);
        let sums = schools.entry((device_no - 1) / PER_SCHOOL + 1).or_default();
        let own = [1, used, u64::from(expected.active_s), u64::from(expected.lessons.count_ones())];
        sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    school_rows(backend, workload, &schools)?;
    Ok(found.len())
}

fn device(line: &str) -> anyhow::Result<(u32, Expected)> {
    let fields: Vec<u32> = line.split('\t').map(str::parse).collect::<Result<_, _>>().context("read a device row")?;
    let [no, ver, events, on_s, active_s, lessons, first, last, app_s, sessions, used] = fields[..] else {
        anyhow::bail!("{} columns", fields.len())
    };
    ensure!(ver == events && sessions == 1 && used == u32::from(active_s >= 600), "device {no}: {fields:?}");
    Ok((no, Expected { ver, on_s, active_s, lessons: lessons as u8, bounds: (first, last), app_s }))
}

fn school_rows(backend: &Backend, workload: &Workload, schools: &HashMap<u32, [u64; 4]>) -> anyhow::Result<()> {
    let day = workload.day();
    let text = backend.query(&format!(
        "SELECT school_no, reporting, used, active_s, lessons_used FROM school_day_final WHERE day = '{day}' FORMAT TSV"
    ))?;
    ensure!(text.lines().count() == schools.len(), "{} school rows", text.lines().count());
    for line in text.lines() {
        let fields: Vec<u64> = line.split('\t').map(str::parse).collect::<Result<_, _>>()?;
        let expected = schools.get(&(fields[0] as u32));
        ensure!(expected.is_some_and(|sums| sums[..] == fields[1..]), "school row {line}, expected {expected:?}");
    }
    Ok(())
}
