//! pg_herald.
