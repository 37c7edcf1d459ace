//! Twilio simulator.
#![forbid(unsafe_code)]
fn main() {}
