//! A program running in the background with its output in a file.

use crate::failure::{Explain, Failure, Outcome};
use crate::guard::{self, Guard};
use crate::programs::Account;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a wait looks again.
pub const POLL: Duration = Duration::from_millis(5);

/// A program that was started and whose output is appended to a log file. It is killed when this value is dropped.
pub struct Process {
    name: &'static str,
    log: PathBuf,
    /// Where in the log this start begins.
    log_start: u64,
    running: Option<Running>,
}

struct Running {
    child: Child,
    guard: Guard,
}

/// The signals the tests send.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Ask it to end.
    Terminate,
    /// Freeze it.
    Stop,
    /// Let a frozen one go on.
    Continue,
}

impl Process {
    /// Starts `command` with its output appended to `log`.
    pub fn start(name: &'static str, mut command: Command, log: &Path) -> Outcome<Process> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .explain(|| format!("cannot write {}", log.display()))?;
        let log_start = output.metadata()?.len();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Its own group: Ctrl-C is for us, and what `./dev up` leaves running outlives the terminal.
            .process_group(0)
            .spawn()
            .explain(|| format!("cannot start {name}"))?;
        let id = child.id().to_string();
        let guard = Guard::arm(&Account::current(), "kill -KILL \"$1\"", &[OsStr::new(&id)])?;
        Ok(Process {
            name,
            log: log.to_path_buf(),
            log_start,
            running: Some(Running { child, guard }),
        })
    }

    /// Its process id, unless it has ended.
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// Waits until it has written a line that contains `marker`; returns what follows the marker in that line.
    pub async fn wait_for_line(&mut self, marker: &str, limit: Duration) -> Outcome<String> {
        let deadline = Instant::now() + limit;
        loop {
            let output = self.output()?;
            let complete_lines = output.rsplit_once('\n').map_or("", |(lines, _)| lines);
            if let Some(line) = complete_lines
                .lines()
                .find_map(|line| line.split_once(marker))
            {
                return Ok(line.1.to_string());
            }
            if let Some(status) = self.try_wait()? {
                return Err(Failure::new(format!(
                    "{} ended ({status}) before it wrote \"{marker}\":\n{output}",
                    self.name
                )));
            }
            if Instant::now() > deadline {
                return Err(Failure::new(format!(
                    "{} did not write \"{marker}\" within {limit:?}:\n{output}",
                    self.name
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What it has written since this start.
    pub fn output(&self) -> Outcome<String> {
        let bytes =
            std::fs::read(&self.log).explain(|| format!("cannot read {}", self.log.display()))?;
        let start = usize::try_from(self.log_start)?.min(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[start..]).into_owned())
    }

    /// Sends a signal; an error if it has ended.
    pub fn signal(&self, signal: Signal) -> Outcome<()> {
        let id = self
            .id()
            .ok_or_else(|| Failure::new(format!("{} has ended", self.name)))?
            .to_string();
        let name = match signal {
            Signal::Terminate => "TERM",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
        };
        match guard::shell(
            "kill -s \"$1\" \"$2\"",
            &[OsStr::new(name), OsStr::new(&id)],
        )? {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "cannot send SIG{name} to {} (pid {id})",
                self.name
            ))),
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            guard::end(&mut running.child);
            running.guard.disarm();
        }
    }

    /// Waits for its end.
    pub async fn wait(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(Failure::new(format!(
                    "{} did not end within {limit:?}:\n{}",
                    self.name,
                    self.output()?
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Its exit status if it has ended; an error if that was asked before.
    fn try_wait(&mut self) -> Outcome<Option<ExitStatus>> {
        let running = self
            .running
            .as_mut()
            .ok_or_else(|| Failure::new(format!("{} has ended before", self.name)))?;
        let Some(status) = running.child.try_wait()? else {
            return Ok(None);
        };
        if let Some(running) = self.running.take() {
            running.guard.disarm();
        }
        Ok(Some(status))
    }

    /// Lets it run on after us; returns its process id.
    pub fn leave_running(mut self) -> Outcome<u32> {
        let running = self
            .running
            .take()
            .ok_or_else(|| Failure::new(format!("{} has ended", self.name)))?;
        running.guard.disarm();
        Ok(running.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last lines of a log file, for reports; says so when there is none.
pub fn tail(log: &Path, lines: usize) -> String {
    match std::fs::read(log) {
        Err(error) => format!("(no log: {error})"),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
    }
}

/// Creates an empty file that only its owner may read.
pub(crate) fn private_file(path: &Path) -> Outcome<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .explain(|| format!("cannot write {}", path.display()))
}
