//! Refusals in Verify's own form.

use crate::error::ApiError;

/// 60200, naming the parameter.
pub(super) fn invalid(parameter: &str, value: &str) -> ApiError {
    ApiError::of_code(60200).saying(format!("Invalid parameter `{parameter}`: {value}"))
}

/// 20404 with the path as Verify writes it: without the version.
pub(super) fn not_found(path: &str) -> ApiError {
    ApiError::not_found(path.strip_prefix("/v2").unwrap_or(path))
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
            let error = ApiError::of_code(code);
            assert_eq!(error.status.as_u16(), status, "{code}");
        }
    }

    #[test]
    fn a_path_is_shown_without_the_version() {
        let text = format!("{:?}", not_found("/v2/Services/VA1/VerificationCheck"));
        assert!(text.contains(" /Services/VA1/VerificationCheck "), "{text}");
    }
}
