//! What a process uses, as the kernel tells it.

use herald_tests::{Failure, Outcome};
use std::time::Duration;

/// What the kernel counts for a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Time on a core, of all its threads.
    pub(crate) processor: Duration,
    /// Memory that is its own or mapped and present, in MiB.
    pub(crate) resident_mib: f64,
}

/// Ticks in which the kernel tells times of processes; fixed for user space on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Of the process with this id.
pub(crate) fn usage(id: u32) -> Outcome<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The second field, the name in parentheses, may contain anything; see proc_pid_stat(5) for the order of the rest.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    let ticks = |index: usize| -> Outcome<f64> {
        Ok(fields
            .get(index)
            .ok_or_else(|| Failure::new(format!("/proc/{id}/stat is too short")))?
            .parse()?)
    };
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let resident: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("0 kB")
        .trim()
        .trim_end_matches(" kB")
        .parse()?;
    Ok(Usage {
        processor: Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND),
        resident_mib: resident / 1024.0,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn our_own_usage_can_be_read() {
        let usage = super::usage(std::process::id()).unwrap();
        assert!(usage.resident_mib > 0.5, "{usage:?}");
    }
}
