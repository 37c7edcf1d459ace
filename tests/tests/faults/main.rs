//! The promise "never twice, never lost" on real parts, while everything goes wrong that can: one test for each fault, each
//! with its row in one table (docs/FAULTS.md).
//!
//! `./dev test faults` runs the short form, `./dev soak` the long one. `HERALD_FAULTS_SEED=n` gives the chances of a run again.
#![forbid(unsafe_code)]

mod answers;
mod checker;
mod clock;
mod comparison;
mod copies;
mod database;
mod disk;
mod failover;
mod kills;
mod limits;
mod mixture;
mod network;
mod several;
