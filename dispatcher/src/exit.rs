//! Exit codes, after `sysexits.h`, so that systemd and scripts can tell a typing error from an outage.

use std::process::ExitCode;

/// Why a command ended. `clap` itself ends with 2 on a wrong command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Done = 0,
    /// `herald check` found at least one problem.
    Problems = 1,
    /// Something outside does not answer: Postgres, or the HTTP address is taken (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// A defect of herald itself (`EX_SOFTWARE`).
    Internal = 70,
    /// Ended with results that could not be written; their texts become `unknown` and are looked up (`EX_TEMPFAIL`).
    Temporary = 75,
    /// The operating system refused the HTTP address (`EX_NOPERM`).
    Permission = 77,
    /// The configuration is wrong: a restart will not help (`EX_CONFIG`).
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
