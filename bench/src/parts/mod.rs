//! The benchmarks.

mod backlog;
mod callbacks;
mod daemon;
mod daemons;
mod deferred;
mod emit;
mod fan_out;
mod hot;
mod idle;
mod instructions;
mod latency;
mod nothing;
mod snapshot;
mod wake;
mod wal;

use crate::measure::Measure;
use crate::row::Report;
use clap::ValueEnum;
use herald_tests::Outcome;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// What emit costs the business transaction.
    Emit,
    /// What waking the daemon costs the transactions that emit.
    Wake,
    /// An emit whose subscriber gets nothing.
    Nothing,
    /// How fast a broadcast is written.
    FanOut,
    /// A broadcast to a million.
    Deferred,
    /// How fast one daemon sends what is due.
    Daemon,
    /// From the call of emit to the request when nothing else happens.
    Latency,
    /// How much WAL a text costs.
    Wal,
    /// What a transaction that was left open does.
    Snapshot,
    /// Millions of due texts.
    Backlog,
    /// How many callbacks one daemon takes.
    Callbacks,
    /// Several daemons on one database.
    Daemons,
    /// What a daemon uses when there is nothing to do.
    Idle,
    /// Whether changes stay on their page and the queue stays small.
    Hot,
    /// Instructions of the pure functions.
    Instructions,
}

impl Part {
    /// All of them, in the order of the table.
    pub(crate) fn all() -> Vec<Part> {
        Part::value_variants().to_vec()
    }

    /// What its line is called when it failed.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Part::Emit => "targeted emit",
            Part::Wake => "wake-up's share of emit",
            Part::Nothing => "emit from which nothing follows",
            Part::FanOut => "fan-out",
            Part::Deferred => "deferred fan-out",
            Part::Daemon => "daemon",
            Part::Latency => "idle latency",
            Part::Wal => "WAL per text",
            Part::Snapshot => "forgotten snapshot",
            Part::Backlog => "backlog",
            Part::Callbacks => "status callbacks",
            Part::Daemons => "several daemons",
            Part::Idle => "idle daemon",
            Part::Hot => "HOT updates",
            Part::Instructions => "instruction counts",
        }
    }

    /// Carries it out.
    pub(crate) async fn run(self, measure: &Measure) -> Outcome<Report> {
        match self {
            Part::Emit => emit::run(measure).await,
            Part::Wake => wake::run(measure).await,
            Part::Nothing => nothing::run(measure).await,
            Part::FanOut => fan_out::run(measure).await,
            Part::Deferred => deferred::run(measure).await,
            Part::Daemon => daemon::run(measure).await,
            Part::Latency => latency::run(measure).await,
            Part::Wal => wal::run(measure).await,
            Part::Snapshot => snapshot::run(measure).await,
            Part::Backlog => backlog::run(measure).await,
            Part::Callbacks => callbacks::run(measure).await,
            Part::Daemons => daemons::run(measure).await,
            Part::Idle => idle::run(measure).await,
            Part::Hot => hot::run(measure).await,
            Part::Instructions => instructions::run(measure).await,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .to_possible_value()
            .map(|value| value.get_name().to_string());
        formatter.write_str(name.as_deref().unwrap_or_default())
    }
}
