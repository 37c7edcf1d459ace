//! The simulator as its users meet it: the real program, called over HTTP.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is the report of a failed test; the lint's own exception does not reach helper functions"
)]

mod callbacks;
mod chances;
mod clock;
mod control;
mod create;
mod credentials;
mod faults;
mod inbound;
mod limits;
mod opt_out;
mod parameters;
mod receiver;
mod records;
mod refused;
mod reporting;
mod rules;
mod simulator;
mod verify;
