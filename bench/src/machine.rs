//! The machine a result was measured on, and the versions of what was measured.

use herald_tests::Outcome;
use herald_tests::cluster::run;
use herald_tests::programs;
use serde::{Deserialize, Serialize};
use std::process::Command;

/// Where something was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// How many cores this process may use.
    pub(crate) cores: usize,
    /// The model's name.
    pub(crate) processor: String,
    /// Memory in GiB.
    pub(crate) memory_gib: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// The server.
    pub(crate) postgres: String,
    /// The compiler.
    pub(crate) rust: String,
    /// The commit that was measured, with a mark if files differ from it.
    pub(crate) commit: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Outcome<Machine> {
        let postgres = programs::postgres_bin()?.join("postgres");
        Ok(Machine {
            cores: std::thread::available_parallelism()?.get(),
            processor: field("/proc/cpuinfo", "model name"),
            memory_gib: field("/proc/meminfo", "MemTotal")
                .trim_end_matches(" kB")
                .parse::<u64>()
                .unwrap_or(0)
                .div_ceil(1024 * 1024),
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_string(),
            postgres: run(Command::new(postgres).arg("--version"))?
                .trim()
                .to_string(),
            rust: answer("rustc", &["--version"]),
            commit: answer("git", &["describe", "--always", "--dirty", "--exclude=*"]),
        })
    }
}

/// What a program says, or that it is not here.
fn answer(program: &str, arguments: &[&str]) -> String {
    run(Command::new(program).args(arguments))
        .map_or_else(|_| "unknown".to_string(), |text| text.trim().to_string())
}

/// The value of the first line `name : value` of a file of the kernel's.
fn field(path: &str, name: &str) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(
            || "unknown".to_string(),
            |(_, value)| value.trim().to_string(),
        )
}
