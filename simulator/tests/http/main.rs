//! The simulator as its users meet it: the real program, called over HTTP.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is the report of a failed test; the lint's own exception does not reach helper functions"
)]

mod callbacks;
mod control;
mod create;
mod faults;
mod inbound;
mod opt_out;
mod receiver;
mod records;
mod simulator;
mod verify;
