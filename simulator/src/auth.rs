//! HTTP Basic with the account SID and its auth token, or with an API key and its secret.
//!
//! Source: <https://www.twilio.com/docs/usage/requests-to-twilio>.

use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::error::ApiError;

/// The secrets of the one account.
pub(crate) struct Credentials {
    /// `AC…`
    pub(crate) account_sid: String,
    /// Key of every callback signature, and a password.
    pub(crate) auth_token: String,
    /// `SK…` and its secret.
    pub(crate) api_key: Option<(String, String)>,
}

impl Credentials {
    /// Checks the `Authorization` header and then the account in the path of the request.
    ///
    /// Errors: 401 with code 20003 for wrong or missing credentials, 404 with code 20404 for another account.
    pub(crate) fn authorize(
        &self,
        headers: &HeaderMap,
        account_in_path: &str,
        path: &str,
    ) -> Result<(), ApiError> {
        if !self.knows(headers) {
            return Err(ApiError::unauthenticated());
        }
        if account_in_path != self.account_sid {
            return Err(ApiError::not_found(path));
        }
        Ok(())
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = basic(headers) else {
            return false;
        };
        if user == self.account_sid {
            return password == self.auth_token;
        }
        self.api_key
            .as_ref()
            .is_some_and(|(key, secret)| user == *key && password == *secret)
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials {
            account_sid: "AC1".to_owned(),
            auth_token: "to:ken".to_owned(),
            api_key: Some(("SK1".to_owned(), "secret".to_owned())),
        }
    }

    fn code(header: Option<&str>, account: &str) -> Option<i32> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(header::AUTHORIZATION, header.parse().unwrap());
        }
        let result = credentials().authorize(&headers, account, "/path");
        result.err().map(|error| error.code)
    }

    fn basic_header(user_password: &str) -> String {
        format!("Basic {}", STANDARD.encode(user_password))
    }

    #[test]
    fn token_and_api_key_are_accepted() {
        assert_eq!(code(Some(&basic_header("AC1:to:ken")), "AC1"), None);
        assert_eq!(code(Some(&basic_header("SK1:secret")), "AC1"), None);
    }

    #[test]
    fn anything_else_is_20003() {
        for wrong in ["AC1:secret", "SK1:to:ken", "AC2:to:ken", ":", "AC1"] {
            assert_eq!(
                code(Some(&basic_header(wrong)), "AC1"),
                Some(20003),
                "{wrong}"
            );
        }
        assert_eq!(code(None, "AC1"), Some(20003));
        assert_eq!(code(Some("Bearer x"), "AC1"), Some(20003));
        assert_eq!(code(Some("Basic %"), "AC1"), Some(20003));
    }

    #[test]
    fn another_account_is_20404() {
        assert_eq!(code(Some(&basic_header("AC1:to:ken")), "AC2"), Some(20404));
    }
}
