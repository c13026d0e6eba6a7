//! `grow`: more partitions.

use crate::cli::GrowOptions;
use crate::console;
use crate::control::{self, Answer, Order};
use crate::paths::Paths;
use anyhow::Result;

/// Has the launcher grow, and tells how it goes.
///
/// # Errors
/// No stack, or what the launcher says.
pub fn run(options: &GrowOptions) -> Result<()> {
    let order = Order::Grow { partitions: options.partitions };
    control::give(&Paths::of(&options.target)?.var, &order, |answer| {
        if let Answer::Line(line) = answer {
            console::say(&line);
        }
    })
}
