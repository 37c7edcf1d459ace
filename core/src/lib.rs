//! The pure rules of pg_herald: statuses, phone numbers, segments, templates, Twilio's error codes and signatures.
//!
//! Nothing here does I/O, reads a clock or knows Postgres. The extension, the daemon and the simulator all take these
//! facts from this crate, so a fact has one home.
#![forbid(unsafe_code)]

mod words;

pub mod backoff;
pub mod callback;
pub mod catalogue;
pub mod country;
pub mod evidence;
pub mod gate;
mod hex;
pub mod in_app;
pub mod keywords;
pub mod limits;
pub mod outcome;
pub mod phone;
pub mod priority;
pub mod quiet_hours;
pub mod reason;
pub mod resolve;
pub mod segments;
pub mod signature;
pub mod status;
pub mod template;
pub mod trigger;
pub mod twilio_keywords;
pub mod twiml;
pub mod verification;

pub use words::UnknownWord;
