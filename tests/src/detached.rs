//! `./dev up` and `./dev down`: a stack that outlives the program that started it.
//!
//! The directory holds two files of KEY=value lines: `state`, what was started (for `down`), and `env`, where it is (for
//! people); `env` appears when everything is ready.

use crate::cluster::{self, Cluster};
use crate::failure::{Explain, Failure, Outcome};
use crate::guard::shell;
use crate::process::{POLL, private_file};
use crate::stack::{DATABASE, Stack, StackOptions};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the daemon may drain before it is killed.
const DRAIN: Duration = Duration::from_secs(15);

/// What `up` found or did.
#[derive(Debug, PartialEq, Eq)]
pub enum Up {
    /// It was running already.
    AlreadyRunning,
    /// It has been started.
    Started,
}

/// Starts a stack that keeps running, unless the one in `directory` is complete and alive.
pub async fn up(directory: &Path) -> Outcome<Up> {
    if let Some(state) = State::read(directory)? {
        if directory.join("env").exists() && state.is_alive()? {
            return Ok(Up::AlreadyRunning);
        }
        down(directory)?;
    }
    let mut options = StackOptions::for_tests()?;
    options.cluster.fsync = true;
    options.simulator = Vec::new();
    let Stack {
        client,
        daemon,
        simulator,
        cluster,
    } = Stack::with(options).await?;
    drop(client);
    std::fs::create_dir_all(directory)
        .explain(|| format!("cannot make {}", directory.display()))?;
    let mut env = environment(&cluster, &daemon.url, &simulator.url, &simulator.account);
    let cluster_directory = cluster.directory().to_path_buf();
    let bin = cluster.bin().to_path_buf();
    let herald = daemon
        .id()
        .ok_or_else(|| Failure::new("the daemon has ended"))?;
    let provider = simulator
        .process()
        .id()
        .ok_or_else(|| Failure::new("the simulator has ended"))?;
    let state = State {
        cluster: cluster_directory,
        bin,
        processes: vec![identify(herald)?, identify(provider)?],
    };
    state.write(directory)?;
    cluster.leave_running();
    simulator.leave_running()?;
    daemon.leave_running()?;
    writeln!(env, "HERALD_PID={herald}\nSIMULATOR_PID={provider}")?;
    write_whole(&directory.join("env"), &env)?;
    Ok(Up::Started)
}

fn environment(
    cluster: &Cluster,
    herald: &str,
    simulator: &str,
    account: &crate::simulator::TwilioAccount,
) -> String {
    format!(
        "DATABASE_URL={}\nHERALD_URL={herald}\nSIMULATOR_URL={simulator}\nTWILIO_ACCOUNT_SID={}\nTWILIO_AUTH_TOKEN={}\n",
        cluster.url(DATABASE),
        account.sid,
        account.auth_token
    )
}

/// Ends and removes the stack of `directory`, whatever is left of it; `false` if there is none.
pub fn down(directory: &Path) -> Outcome<bool> {
    let Some(state) = State::read(directory)? else {
        return Ok(false);
    };
    for process in &state.processes {
        end(process)?;
    }
    cluster::remove(&state.cluster, &state.bin)?;
    std::fs::remove_dir_all(directory)
        .explain(|| format!("cannot remove {}", directory.display()))?;
    Ok(true)
}

/// A process and the moment it began: a number alone may belong to another process by now.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ProcessIdentity {
    id: u32,
    began: u64,
}

fn identify(id: u32) -> Outcome<ProcessIdentity> {
    let began = began(id)?.ok_or_else(|| Failure::new(format!("process {id} has ended")))?;
    Ok(ProcessIdentity { id, began })
}

/// When a process began, in the kernel's ticks since boot; `None` if there is none (a zombie counts as none).
fn began(id: u32) -> Outcome<Option<u64>> {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else {
        return Ok(None);
    };
    // The second field, the name in parentheses, may contain anything; see proc_pid_stat(5) for the order of the rest.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    match (fields.first(), fields.get(19)) {
        (Some(&"Z"), _) => Ok(None),
        (_, Some(began)) => Ok(Some(began.parse()?)),
        _ => Err(Failure::new(format!(
            "/proc/{id}/stat cannot be read: {stat}"
        ))),
    }
}

fn is_alive(process: &ProcessIdentity) -> Outcome<bool> {
    Ok(began(process.id)? == Some(process.began))
}

/// SIGTERM, and SIGKILL if that does not help.
fn end(process: &ProcessIdentity) -> Outcome<()> {
    let id = process.id.to_string();
    for (signal, limit) in [("TERM", DRAIN), ("KILL", Duration::from_secs(5))] {
        let deadline = Instant::now() + limit;
        if !is_alive(process)? {
            return Ok(());
        }
        // It may end by itself in this moment.
        let _sent = shell(
            "kill -s \"$1\" \"$2\"",
            &[OsStr::new(signal), OsStr::new(&id)],
        )?;
        while is_alive(process)? && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }
    match is_alive(process)? {
        true => Err(Failure::new(format!("process {id} does not end"))),
        false => Ok(()),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct State {
    cluster: PathBuf,
    bin: PathBuf,
    processes: Vec<ProcessIdentity>,
}

impl State {
    fn is_alive(&self) -> Outcome<bool> {
        for process in &self.processes {
            if !is_alive(process)? {
                return Ok(false);
            }
        }
        cluster::is_running(&self.cluster, &self.bin)
    }

    fn write(&self, directory: &Path) -> Outcome<()> {
        let mut text = format!(
            "CLUSTER={}\nPOSTGRES_BIN={}\n",
            self.cluster.display(),
            self.bin.display()
        );
        for process in &self.processes {
            writeln!(text, "PROCESS_{}={}", process.id, process.began)?;
        }
        write_whole(&directory.join("state"), &text)
    }

    /// `None` if nothing was started there.
    fn read(directory: &Path) -> Outcome<Option<State>> {
        let path = directory.join("state");
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Ok(None);
        };
        let mut values: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let mut take = |name: &str| {
            values
                .remove(name)
                .map(PathBuf::from)
                .ok_or_else(|| Failure::new(format!("{} has no {name}", path.display())))
        };
        let (cluster, bin) = (take("CLUSTER")?, take("POSTGRES_BIN")?);
        let mut processes = Vec::new();
        for (name, began) in values {
            if let Some(id) = name.strip_prefix("PROCESS_") {
                processes.push(ProcessIdentity {
                    id: id.parse()?,
                    began: began.parse()?,
                });
            }
        }
        Ok(Some(State {
            cluster,
            bin,
            processes,
        }))
    }
}

/// Writes a file only its owner may read; readers see all of it or nothing.
fn write_whole(path: &Path, text: &str) -> Outcome<()> {
    let unfinished = path.with_extension("unfinished");
    private_file(&unfinished)?.write_all(text.as_bytes())?;
    std::fs::rename(&unfinished, path).explain(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_read_as_it_was_written() {
        let directory = std::env::temp_dir().join(format!("herald-state-{}", std::process::id()));
        assert_eq!(State::read(&directory).unwrap(), None);
        std::fs::create_dir(&directory).unwrap();
        let state = State {
            cluster: PathBuf::from("/tmp/herald-1"),
            bin: PathBuf::from("/some where/bin"),
            processes: vec![identify(std::process::id()).unwrap()],
        };
        state.write(&directory).unwrap();
        assert_eq!(State::read(&directory).unwrap(), Some(state));
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn another_process_with_the_same_number_is_not_ours() {
        let ours = identify(std::process::id()).unwrap();
        assert!(is_alive(&ours).unwrap());
        assert!(
            !is_alive(&ProcessIdentity {
                began: ours.began + 1,
                ..ours.clone()
            })
            .unwrap()
        );
        // Ending it does nothing then; otherwise this test would not come to its end.
        end(&ProcessIdentity {
            began: ours.began + 1,
            ..ours
        })
        .unwrap();
    }

    #[test]
    fn down_without_up_does_nothing() {
        assert!(!down(Path::new("/nowhere")).unwrap());
    }
}
