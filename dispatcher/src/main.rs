//! The herald daemon.
#![forbid(unsafe_code)]
fn main() {}
