//! Processes that outlive the program that started them, known for sure.

use crate::failure::{Failure, Outcome};
use crate::guard::shell;
use crate::process::POLL;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::time::{Duration, Instant};

/// How long a process may take to end when it is asked to.
const DRAIN: Duration = Duration::from_secs(15);

/// A process and the moment it began: a number alone may belong to another process by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    id: u32,
    began: u64,
}

impl ProcessIdentity {
    /// Notes a live process.
    pub(crate) fn of(id: u32) -> Outcome<ProcessIdentity> {
        let began = began(id)?.ok_or_else(|| Failure::new(format!("process {id} has ended")))?;
        Ok(ProcessIdentity { id, began })
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> Outcome<bool> {
        Ok(began(self.id)? == Some(self.began))
    }

    /// SIGTERM, and SIGKILL if that does not help. Nothing if it has ended.
    pub(crate) fn end(&self) -> Outcome<()> {
        let id = self.id.to_string();
        for (signal, limit) in [("TERM", DRAIN), ("KILL", Duration::from_secs(5))] {
            let deadline = Instant::now() + limit;
            if !self.is_alive()? {
                return Ok(());
            }
            // It may end by itself in this moment.
            let _sent = shell(
                "kill -s \"$1\" \"$2\"",
                &[OsStr::new(signal), OsStr::new(&id)],
            )?;
            while self.is_alive()? && Instant::now() < deadline {
                std::thread::sleep(POLL);
            }
        }
        match self.is_alive()? {
            true => Err(Failure::new(format!("process {id} does not end"))),
            false => Ok(()),
        }
    }
}

/// When a process began, in the kernel's ticks since boot; `None` if there is none (a zombie counts as none).
fn began(id: u32) -> Outcome<Option<u64>> {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else {
        return Ok(None);
    };
    // The second field, the name in parentheses, may contain anything; see proc_pid_stat(5) for the order of the rest.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = rest.split_whitespace().collect();
    match (fields.first(), fields.get(19)) {
        (Some(&"Z"), _) => Ok(None),
        (_, Some(began)) => Ok(Some(began.parse()?)),
        _ => Err(Failure::new(format!(
            "/proc/{id}/stat cannot be read: {stat}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_with_the_same_number_is_not_ours() {
        let ours = ProcessIdentity::of(std::process::id()).unwrap();
        assert!(ours.is_alive().unwrap());
        let later = ProcessIdentity {
            began: ours.began + 1,
            ..ours
        };
        assert!(!later.is_alive().unwrap());
        // Ending it does nothing then; otherwise this test would not come to its end.
        later.end().unwrap();
    }
}
