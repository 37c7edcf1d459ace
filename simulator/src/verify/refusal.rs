//! Refusals of Verify: the code decides the HTTP status, as the error catalogue has it.

use axum::http::StatusCode;
use herald_core::catalogue;

use crate::error::ApiError;

/// A refusal with the status and the meaning that the catalogue gives for `code`.
pub(super) fn refusal(code: i32) -> ApiError {
    let meaning = catalogue::lookup(code).map_or("Refused", |entry| entry.meaning);
    ApiError::new(status_of(code), code, meaning)
}

/// 60200, naming the parameter.
pub(super) fn invalid(parameter: &str, value: &str) -> ApiError {
    let message = format!("Invalid parameter `{parameter}`: {value}");
    ApiError::bad_request(60200, message)
}

/// 20404 with the path as Verify writes it: without the version.
pub(super) fn not_found(path: &str) -> ApiError {
    ApiError::not_found(path.strip_prefix("/v2").unwrap_or(path))
}

/// The HTTP status of a code. The catalogue names it last in the surface, as in `verify 403`, where Twilio states it;
/// the rest of Verify's codes are refusals of a forbidden number.
pub(super) fn status_of(code: i32) -> StatusCode {
    let stated = catalogue::lookup(code)
        .and_then(|entry| entry.surface.rsplit(' ').next())
        .and_then(|word| word.parse().ok())
        .and_then(|status| StatusCode::from_u16(status).ok());
    stated.unwrap_or(match code {
        20500 => StatusCode::INTERNAL_SERVER_ERROR,
        20503 => StatusCode::SERVICE_UNAVAILABLE,
        60000.. => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_decides_the_status() {
        for (code, status) in [
            (20404, 404),
            (20429, 429),
            (20500, 500),
            (20503, 503),
            (60200, 400),
            (60202, 429),
            (60203, 429),
            (60205, 403),
            (60212, 429),
            (60221, 400),
            (60223, 400),
            (60238, 403),
            (60410, 403),
            (60605, 403),
        ] {
            assert_eq!(refusal(code).status.as_u16(), status, "{code}");
        }
    }

    #[test]
    fn a_path_is_shown_without_the_version() {
        let text = format!("{:?}", not_found("/v2/Services/VA1/VerificationCheck"));
        assert!(text.contains(" /Services/VA1/VerificationCheck "), "{text}");
    }
}
