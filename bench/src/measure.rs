//! How much is measured.

use crate::machine::Machine;
use herald_tests::Outcome;

/// How much is measured, and where.
pub(crate) struct Measure {
    /// Whether numbers and rounds are small.
    pub(crate) quick: bool,
    rounds: Option<usize>,
    seconds: Option<u64>,
    /// Where.
    pub(crate) machine: Machine,
}

impl Measure {
    /// With what the command line says.
    pub(crate) fn new(
        quick: bool,
        rounds: Option<usize>,
        seconds: Option<u64>,
    ) -> Outcome<Measure> {
        Ok(Measure {
            quick,
            rounds,
            seconds,
            machine: Machine::here()?,
        })
    }

    /// As one that measured nothing.
    #[cfg(test)]
    pub(crate) fn nowhere() -> Measure {
        Measure {
            quick: false,
            rounds: None,
            seconds: None,
            machine: Machine::default(),
        }
    }

    /// How often each thing is measured, in turns.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { usual })
    }

    /// How long one run of pgbench takes.
    pub(crate) fn seconds(&self) -> u64 {
        self.seconds.unwrap_or(if self.quick { 1 } else { 2 })
    }

    /// A count: the usual one, or the small one.
    pub(crate) fn count(&self, usual: usize, quick: usize) -> usize {
        if self.quick { quick } else { usual }
    }
}
