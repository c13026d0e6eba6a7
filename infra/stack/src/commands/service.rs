//! `down`, and `stop` and `start` of one service.

use crate::cli::{OneService, Target};
use crate::console;
use crate::control::{self, Order};
use crate::launcher;
use crate::paths::Paths;
use anyhow::{Result, bail};
use std::thread;
use std::time::{Duration, Instant};

/// Every service may take its grace.
const DOWN_WITHIN: Duration = Duration::from_secs(150);

/// Stops a stack, and returns when its launcher is gone.
///
/// # Errors
/// It does not stop.
pub fn down(target: &Target) -> Result<()> {
    let paths = Paths::of(target)?;
    if let Ok(_lock) = launcher::take(&paths) {
        launcher::remove_traces(&paths);
        console::say("nothing is up");
        return Ok(());
    }
    let begun = Instant::now();
    control::give(&paths.var, &Order::Down, |_answer| {})?;
    while launcher::take(&paths).is_err() {
        if begun.elapsed() > DOWN_WITHIN {
            bail!("the launcher does not stop; see {}", paths.log("launcher").display());
        }
        thread::sleep(Duration::from_millis(20));
    }
    console::say(&format!("everything stopped in {:.1} s; the data stay", begun.elapsed().as_secs_f64()));
    Ok(())
}

/// Stops one service.
///
/// # Errors
/// No such service, or no stack.
pub fn stop(one: &OneService) -> Result<()> {
    let order = Order::Stop { service: one.service.clone() };
    control::give(&Paths::of(&one.target)?.var, &order, |_answer| {})?;
    console::say(&format!("{} stopped", one.service));
    Ok(())
}

/// Starts one service and waits until it is ready.
///
/// # Errors
/// No such service, no stack, or one that does not come up.
pub fn start(one: &OneService) -> Result<()> {
    let order = Order::Start { service: one.service.clone() };
    control::give(&Paths::of(&one.target)?.var, &order, |_answer| {})?;
    console::say(&format!("{} ready", one.service));
    Ok(())
}
