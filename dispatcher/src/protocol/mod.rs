//! The decisions of the sending protocol, without I/O: what is held and how much may be claimed, whether a text may still
//! be written, what happens to results that cannot be stored, which doubt a list settles, and for which database sending
//! is armed.
//!
//! Clock, database and Twilio come in as arguments and go out as return values. The tasks of the daemon are made of these
//! parts, and a simulation can drive the very same ones.

pub(crate) mod arming;
pub(crate) mod backlog;
pub(crate) mod gate;
pub(crate) mod held;
pub(crate) mod look;
