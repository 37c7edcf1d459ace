//! The benchmarks.

mod daemon;
mod emit;

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
    /// How fast one daemon sends what is due.
    Daemon,
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
            Part::Daemon => "daemon",
        }
    }

    /// Carries it out.
    pub(crate) async fn run(self, measure: &Measure) -> Outcome<Report> {
        match self {
            Part::Emit => emit::run(measure).await,
            Part::Daemon => daemon::run(measure).await,
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
