//! Free TCP ports, for programs that have to be told theirs before they start.

use crate::failure::{Failure, Outcome};
use rand::seq::SliceRandom;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below the ports that Linux gives to outgoing connections (`ip_local_port_range`, 32768 and above by default): one of those
/// may be anybody's while the program that was told it is stopped and started again.
const PORTS: Range<u16> = 20_000..32_000;

/// A port on 127.0.0.1 that nobody listens on right now. Another program may take it first; a cluster's start is tried again then.
pub fn free_port() -> Outcome<u16> {
    let mut ports: Vec<u16> = PORTS.collect();
    ports.shuffle(&mut rand::rng());
    ports
        .into_iter()
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| Failure::new(format!("every port of 127.0.0.1 in {PORTS:?} is taken")))
}
