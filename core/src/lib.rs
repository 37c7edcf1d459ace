//! The pure rules of pg_herald.
#![forbid(unsafe_code)]
