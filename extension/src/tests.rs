//! Tests that run inside a backend.
