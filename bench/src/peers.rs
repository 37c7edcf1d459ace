//! Other queues on Postgres.
