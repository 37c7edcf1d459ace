//! Where the programs are that the harness starts, and as whom it starts them.

use crate::failure::{Explain, Failure, Outcome};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The system account a program runs as.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// User and group id to change to; `None` stays who we are.
    change_to: Option<(u32, u32)>,
}

impl Account {
    /// Who we are.
    pub fn current() -> Account {
        Account { change_to: None }
    }

    /// Who Postgres runs as: it refuses root, so root becomes the user `postgres`.
    pub fn of_postgres() -> Outcome<Account> {
        if our_user_id()? != 0 {
            return Ok(Account::current());
        }
        let change_to = Some((account_id("-u")?, account_id("-g")?));
        Ok(Account { change_to })
    }

    /// A command that will run as this account.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.change_to {
            command.uid(user).gid(group);
        }
        command
    }

    /// Gives a file or directory to this account.
    pub fn own(&self, path: &Path) -> Outcome<()> {
        match self.change_to {
            None => Ok(()),
            Some((user, group)) => std::os::unix::fs::chown(path, Some(user), Some(group))
                .explain(|| format!("cannot give {} to the user postgres", path.display())),
        }
    }
}

fn our_user_id() -> Outcome<u32> {
    Ok(std::fs::metadata("/proc/self")
        .explain(|| "cannot read /proc/self".to_string())?
        .uid())
}

fn account_id(option: &str) -> Outcome<u32> {
    let output = Command::new("id").arg(option).arg("postgres").output()?;
    if !output.status.success() {
        return Err(Failure::new(
            "Postgres refuses to run as root and there is no user \"postgres\": install the package postgresql-common or run as another user",
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

/// Directory of the programs of the private Postgres 15 that has pg_herald installed: `HERALD_PG_BIN`, else
/// `$HERALD_PG_HOME/pg15/bin`, else where `./dev` puts it by default.
pub fn postgres_bin() -> Outcome<PathBuf> {
    let bin = match (
        std::env::var_os("HERALD_PG_BIN"),
        std::env::var_os("HERALD_PG_HOME"),
    ) {
        (Some(bin), _) => PathBuf::from(bin),
        (None, Some(home)) => Path::new(&home).join("pg15/bin"),
        (None, None) => PathBuf::from(format!("/var/tmp/pg_herald-{}/pg15/bin", our_user_id()?)),
    };
    existing(bin.join("postgres"), "the private Postgres").map(|_| bin)
}

/// The daemon: `HERALD_BIN`, else `herald` beside the running program.
pub fn herald() -> Outcome<PathBuf> {
    built("HERALD_BIN", "herald")
}

/// The simulator: `TWILIO_SIMULATOR_BIN`, else `twilio-simulator` beside the running program.
pub fn twilio_simulator() -> Outcome<PathBuf> {
    built("TWILIO_SIMULATOR_BIN", "twilio-simulator")
}

/// Test programs run from `target/debug/deps`, all others from `target/debug`.
fn built(variable: &str, name: &str) -> Outcome<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return existing(PathBuf::from(path), name);
    }
    let mut directory = std::env::current_exe()?;
    directory.pop();
    if directory.ends_with("deps") {
        directory.pop();
    }
    existing(directory.join(name), name)
}

/// The library that makes a program see another time, of the package libfaketime.
pub fn libfaketime() -> Outcome<PathBuf> {
    // One directory for each architecture.
    let libraries = std::fs::read_dir("/usr/lib").explain(|| "cannot read /usr/lib".to_string())?;
    let found = libraries
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::new("libfaketime is not installed: run `./dev test faults`, which installs what these tests need")
    })
}

fn existing(path: PathBuf, what: &str) -> Outcome<PathBuf> {
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::new(format!(
        "{what} is not at {}: run `./dev test e2e`, which builds everything these tests need",
        path.display()
    )))
}
