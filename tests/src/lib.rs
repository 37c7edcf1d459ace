//! A whole pg_herald on one machine: a throw-away Postgres cluster with the extension, the Twilio simulator and the daemon.
//!
//! The end-to-end tests, `./dev demo` and `./dev up` start and remove these parts through this library and nothing else.
#![forbid(unsafe_code)]

pub mod checker;
pub mod cluster;
pub mod daemon;
pub mod demo;
pub mod detached;
pub mod failure;
pub mod fault_proxy;
pub mod figures;
pub mod guard;
mod identity;
pub mod load;
pub mod people;
pub mod ports;
pub mod process;
pub mod programs;
pub mod readme;
pub mod simulator;
pub mod stack;
pub mod trial;

pub use failure::{Explain, Failure, Outcome};
pub use stack::Stack;
