//! Errors as Postgres users see them: SQLSTATE, what failed with its value, and what to do next.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::spi::SpiError;

/// The result of everything here: pgrx raises the report as it stands.
pub type Result<T> = std::result::Result<T, ErrorReport>;

/// An error with its code, message and hint.
#[track_caller]
pub fn report(
    code: PgSqlErrorCode,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> ErrorReport {
    ErrorReport::new(code, message.into(), "pg_herald").set_hint(hint.into())
}

/// 22004: a NULL where a value is needed; `argument` names it.
pub fn null_argument(argument: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
        format!("{argument} must not be null"),
        format!("Pass a value for {argument}."),
    )
}

/// 22023: a value that is not allowed.
pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        message,
        hint,
    )
}

/// P0002: an id that names nothing.
pub fn not_found(message: impl Into<String>, hint: impl Into<String>) -> ErrorReport {
    report(PgSqlErrorCode::ERRCODE_NO_DATA_FOUND, message, hint)
}

/// 55000: the database is not in the state that the call needs.
pub fn wrong_state(message: impl Into<String>, hint: impl Into<String>) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        message,
        hint,
    )
}

/// An error of the SPI layer itself (a statement's own errors pass through as they are): a defect of this library.
pub fn internal(error: SpiError) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        format!("pg_herald could not run one of its statements: {error}"),
        "Please report this with the call that caused it.",
    )
}

/// XX000: a statement gave no row or a NULL where there is always a value.
pub fn unexpected(what: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        format!("pg_herald got no {what}"),
        "Was a row of schema herald deleted? SELECT herald_install() restores what is missing.",
    )
}
