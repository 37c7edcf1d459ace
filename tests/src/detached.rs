//! `./dev up` and `./dev down`: a stack that outlives the program that started it.
//!
//! The directory holds two files: `state.json`, what was started (for `down`), and `env`, where it is as KEY=value lines (for
//! people and their programs). `env` appears when everything is ready.

use crate::cluster::{self, Cluster};
use crate::failure::{Explain, Failure, Outcome};
use crate::identity::ProcessIdentity;
use crate::process::private_file;
use crate::simulator::TwilioAccount;
use crate::stack::{DATABASE, Stack, StackOptions};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// What `up` found or did.
#[derive(Debug, PartialEq, Eq)]
pub enum Up {
    /// It was running already.
    AlreadyRunning,
    /// It has been started.
    Started,
}

/// What was started.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    cluster: PathBuf,
    postgres_bin: PathBuf,
    herald: ProcessIdentity,
    simulator: ProcessIdentity,
    postmaster: ProcessIdentity,
}

/// Starts a stack that keeps running, unless the one in `directory` is complete and alive; what is left of a broken one goes first.
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
    let stack = Stack::with(options).await?;
    std::fs::create_dir_all(directory)
        .explain(|| format!("cannot make {}", directory.display()))?;
    leave_running(stack, directory)?;
    Ok(Up::Started)
}

fn leave_running(stack: Stack, directory: &Path) -> Outcome<()> {
    let Stack {
        daemon,
        simulator,
        cluster,
        ..
    } = stack;
    let herald_id = daemon
        .id()
        .ok_or_else(|| Failure::new("the daemon has ended"))?;
    let simulator_id = simulator
        .process()
        .id()
        .ok_or_else(|| Failure::new("the simulator has ended"))?;
    let state = State {
        cluster: cluster.directory().to_path_buf(),
        postgres_bin: cluster.bin().to_path_buf(),
        herald: ProcessIdentity::of(herald_id)?,
        simulator: ProcessIdentity::of(simulator_id)?,
        postmaster: ProcessIdentity::of(cluster.postmaster_id()?)?,
    };
    let mut env = locations(&cluster, &daemon.url, &simulator.url, &simulator.account);
    writeln!(env, "HERALD_PID={herald_id}\nSIMULATOR_PID={simulator_id}")?;
    state.write(directory)?;
    cluster.leave_running();
    simulator.leave_running()?;
    daemon.leave_running()?;
    write_whole(&directory.join("env"), &env)
}

fn locations(cluster: &Cluster, herald: &str, simulator: &str, account: &TwilioAccount) -> String {
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
    state.herald.end()?;
    state.simulator.end()?;
    cluster::remove(&state.cluster, &state.postgres_bin)?;
    // It is still alive if somebody removed its files behind its back.
    state.postmaster.end()?;
    std::fs::remove_dir_all(directory)
        .explain(|| format!("cannot remove {}", directory.display()))?;
    Ok(true)
}

impl State {
    fn is_alive(&self) -> Outcome<bool> {
        Ok(self.herald.is_alive()? && self.simulator.is_alive()? && self.postmaster.is_alive()?)
    }

    fn file(directory: &Path) -> PathBuf {
        directory.join("state.json")
    }

    fn write(&self, directory: &Path) -> Outcome<()> {
        write_whole(
            &State::file(directory),
            &serde_json::to_string_pretty(self)?,
        )
    }

    /// `None` if nothing was started there.
    fn read(directory: &Path) -> Outcome<Option<State>> {
        let path = State::file(directory);
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .explain(|| format!("cannot read {}", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::new(format!(
                "cannot read {}: {error}",
                path.display()
            ))),
        }
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
        let ourselves = ProcessIdentity::of(std::process::id()).unwrap();
        let state = State {
            cluster: PathBuf::from("/tmp/herald-1"),
            postgres_bin: PathBuf::from("/some where/bin"),
            herald: ourselves.clone(),
            simulator: ourselves.clone(),
            postmaster: ourselves,
        };
        state.write(&directory).unwrap();
        assert!(state.is_alive().unwrap());
        assert_eq!(State::read(&directory).unwrap(), Some(state));
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn down_without_up_does_nothing() {
        assert!(!down(Path::new("/nowhere")).unwrap());
    }
}
