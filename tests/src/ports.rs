//! Free TCP ports, for programs that have to be told theirs before they start.

use crate::failure::Outcome;
use std::net::{Ipv4Addr, TcpListener};

/// A port on 127.0.0.1 that nobody listens on right now. Another program may take it first: a start that fails on it is retried.
pub fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
