//! CPU time of this process, all threads: what a rebuild costs.

use std::fs;

/// Clock ticks per second of Linux's process accounting, fixed in its interface.
const TICKS_PER_S: u64 = 100;

/// User and system time so far, ms; 0 where the kernel does not tell.
pub(super) fn used_ms() -> u64 {
    fs::read_to_string("/proc/self/stat").ok().and_then(|text| ticks(&text)).unwrap_or(0) * 1000 / TICKS_PER_S
}

/// Fields 14 and 15; the second one, the name, may hold spaces and ends with the last parenthesis.
fn ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        assert_eq!(ticks("1 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0"), Some(300));
        assert_eq!(ticks("nothing"), None);
    }
}
