//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

/// Sends what pg_herald has queued, through Twilio, and records what becomes of it.
#[derive(Debug, Parser)]
#[command(name = "herald", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// TOML file with settings, also named by HERALD_CONFIG; the environment goes before it
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Settings come from the TOML file and from the environment; `herald config` lists them all.
Exit codes: 0 done, 1 check found problems, resolve or arm was refused, why knows no such event, 2 wrong command line,
69 unavailable (database, or the HTTP
address is taken), 70 defect, 75 ended before all results were written, 77 not permitted, 78 wrong configuration.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the daemon: send, receive callbacks, until SIGTERM or SIGINT
    Run,
    /// Check configuration, database, public URL and Twilio account; one line for each, with the way out
    Check(CheckArgs),
    /// Show how sending goes: the queue, what is in doubt, breakers, the last success
    Status(StatusArgs),
    /// Say whether sending is armed for this database, and make it the one to send from after a restore or a promotion
    Arm(ArmArgs),
    /// Decide by hand what became of a text of which nobody knows whether Twilio took it
    Resolve(ResolveArgs),
    /// Tell what happened to an event and why, from emit to the last word; numbers are masked, texts not shown
    Why(WhyArgs),
    /// List every setting, its value and where it comes from; secrets are not shown
    Config,
}

/// Options of `herald check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Connect to nothing: configuration only
    #[arg(long)]
    pub(crate) offline: bool,
    /// One JSON array instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `herald arm`.
#[derive(Debug, Args)]
pub(crate) struct ArmArgs {
    /// Arm it: texts that were due are looked for at Twilio before they may go
    #[arg(long)]
    pub(crate) yes: bool,
    /// This daemon is another one for a database that is armed already, and its state directory is new
    #[arg(long, conflicts_with = "yes")]
    pub(crate) join: bool,
}

/// Arguments of `herald resolve`.
#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// Id of the message, as in the view herald.unknown_messages and in the log
    pub(crate) message: Uuid,
    /// What became of it
    #[command(subcommand)]
    pub(crate) decision: Decision,
}

/// What an operator knows of a text in doubt.
#[derive(Debug, Subcommand)]
pub(crate) enum Decision {
    /// Twilio has it, as the message with this SID
    Accepted {
        /// SM or MM and 32 hexadecimal digits
        sid: String,
    },
    /// Twilio never took it: it is sent again, if its event type allows that
    NotSent,
}

/// Options of `herald status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// One JSON array instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `herald why`.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// The event's id, as emit_notification_event() returned it
    pub(crate) event: Uuid,
    /// One recipient's id; without it all of them
    pub(crate) user: Option<Uuid>,
    /// One JSON array instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
