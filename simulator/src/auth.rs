//! HTTP Basic with the account SID and its auth token, with an API key and its secret, or with test credentials.
//!
//! Sources: <https://www.twilio.com/docs/usage/requests-to-twilio> and
//! <https://www.twilio.com/docs/iam/test-credentials>.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

use crate::error::ApiError;
use crate::server::ConcurrentRequests;
use crate::simulator::Simulator;

/// The secrets of the one account.
pub(crate) struct Credentials {
    /// `AC…`
    pub(crate) account_sid: String,
    /// `SK…` and its secret.
    api_keys: Vec<(String, String)>,
    /// Account SID and token of the test credentials.
    test: Option<(String, String)>,
    initial_tokens: Tokens,
    tokens: Mutex<Tokens>,
}

/// The auth tokens: both open the API, the primary one signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Key of every callback signature.
    pub(crate) primary: String,
    /// Made before a rotation.
    pub(crate) secondary: Option<String>,
}

/// Whose request it is: the account with its own token or an API key. Test credentials are refused (403, 20008), and
/// so is another account in the path (404, 20404), and a request too many at once (429, 20429). As an extractor it goes before the other arguments of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller;

/// As [`Caller`], and test credentials are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnyCaller {
    /// The account.
    Live,
    /// The test credentials: nothing is stored and nobody is called back.
    Test,
}

impl Credentials {
    /// The credentials the command line gave.
    pub(crate) fn new(
        account_sid: String,
        tokens: Tokens,
        api_keys: Vec<(String, String)>,
        test: Option<(String, String)>,
    ) -> Self {
        Self {
            account_sid,
            api_keys,
            test,
            tokens: Mutex::new(tokens.clone()),
            initial_tokens: tokens,
        }
    }

    /// The tokens as they are now.
    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Back to the tokens of the command line.
    pub(crate) fn reset(&self) {
        *self.tokens() = self.initial_tokens.clone();
    }

    /// Reads the `Authorization` header. Error: 401 with code 20003 for wrong or missing credentials.
    fn authenticate(&self, headers: &HeaderMap) -> Result<AnyCaller, ApiError> {
        let (user, password) = basic(headers).ok_or_else(ApiError::unauthenticated)?;
        if user == self.account_sid && self.tokens().include(&password) {
            return Ok(AnyCaller::Live);
        }
        let pair = (user, password);
        if self.api_keys.contains(&pair) {
            return Ok(AnyCaller::Live);
        }
        if self.test.as_ref() == Some(&pair) {
            return Ok(AnyCaller::Test);
        }
        Err(ApiError::unauthenticated())
    }

    /// The account of the test credentials.
    pub(crate) fn test_account_sid(&self) -> &str {
        self.account_of(AnyCaller::Test)
    }

    /// The account a caller may name in the path.
    fn account_of(&self, caller: AnyCaller) -> &str {
        match (caller, &self.test) {
            (AnyCaller::Test, Some((account_sid, _))) => account_sid,
            _ => &self.account_sid,
        }
    }

    /// Checks the `Authorization` header, then the account in the path of the request, if there is one.
    ///
    /// Errors: 401 with code 20003 for wrong or missing credentials, 404 with code 20404 for another account.
    fn authorize(
        &self,
        headers: &HeaderMap,
        account_in_path: Option<&str>,
        path: &str,
    ) -> Result<AnyCaller, ApiError> {
        let caller = self.authenticate(headers)?;
        match account_in_path {
            Some(account) if account != self.account_of(caller) => Err(ApiError::not_found(path)),
            _ => Ok(caller),
        }
    }
}

impl Tokens {
    fn include(&self, password: &str) -> bool {
        self.primary == password || self.secondary.as_deref() == Some(password)
    }

    /// Makes a secondary token; an earlier one is gone.
    pub(crate) fn make_secondary(&mut self) -> &str {
        self.secondary.insert(Uuid::new_v4().simple().to_string())
    }

    /// The secondary token becomes the primary one, which is gone. `None`: there is no secondary token.
    pub(crate) fn promote(&mut self) -> Option<&str> {
        self.primary = self.secondary.take()?;
        Some(&self.primary)
    }
}

impl FromRequestParts<Arc<Simulator>> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        simulator: &Arc<Simulator>,
    ) -> Result<Self, ApiError> {
        check_concurrency(parts, simulator)?;
        // The rejection says that the route has no parameters, so no account either.
        let params = RawPathParams::from_request_parts(parts, simulator)
            .await
            .ok();
        let account = params.as_ref().and_then(|params| {
            let mut accounts = params.iter().filter(|(name, _)| *name == "account");
            accounts.next().map(|(_, value)| value)
        });
        // `{account}` ends in `.json` where it is the last segment of the path.
        let account = account.map(|account| account.strip_suffix(".json").unwrap_or(account));
        simulator
            .credentials
            .authorize(&parts.headers, account, parts.uri.path())
    }
}

impl FromRequestParts<Arc<Simulator>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        simulator: &Arc<Simulator>,
    ) -> Result<Self, ApiError> {
        match AnyCaller::from_request_parts(parts, simulator).await? {
            AnyCaller::Live => Ok(Self),
            AnyCaller::Test => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                20008,
                "Resource not accessible with Test Account Credentials",
            )),
        }
    }
}

/// Refuses a request that comes while too many others are under way: 429 with code 20429, and nothing was done.
fn check_concurrency(parts: &Parts, simulator: &Simulator) -> Result<(), ApiError> {
    let limit = simulator.settings().concurrency_limit;
    let count = parts.extensions.get::<ConcurrentRequests>();
    match count {
        Some(&ConcurrentRequests(count)) if limit > 0 && count > limit => {
            Err(ApiError::of_code(20429).saying("Too Many Requests"))
        }
        _ => Ok(()),
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
        let tokens = Tokens {
            primary: "to:ken".to_owned(),
            secondary: None,
        };
        let pair = |user: &str, password: &str| (user.to_owned(), password.to_owned());
        let keys = vec![pair("SK1", "secret"), pair("SK2", "other")];
        Credentials::new("AC1".to_owned(), tokens, keys, Some(pair("ACtest", "test")))
    }

    fn authorize(
        credentials: &Credentials,
        header: Option<&str>,
        account: &str,
    ) -> Result<AnyCaller, i32> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(header::AUTHORIZATION, header.parse().unwrap());
        }
        credentials
            .authorize(&headers, Some(account), "/path")
            .map_err(|error| error.code)
    }

    fn as_user(user_password: &str, account: &str) -> Result<AnyCaller, i32> {
        authorize(&credentials(), Some(&basic_header(user_password)), account)
    }

    fn basic_header(user_password: &str) -> String {
        format!("Basic {}", STANDARD.encode(user_password))
    }

    #[test]
    fn token_and_api_keys_are_accepted() {
        for good in ["AC1:to:ken", "SK1:secret", "SK2:other"] {
            assert_eq!(as_user(good, "AC1"), Ok(AnyCaller::Live), "{good}");
        }
        assert_eq!(as_user("ACtest:test", "ACtest"), Ok(AnyCaller::Test));
    }

    #[test]
    fn anything_else_is_20003() {
        for wrong in [
            "AC1:secret",
            "SK1:to:ken",
            "SK1:other",
            "AC2:to:ken",
            "AC1:test",
            "ACtest:to:ken",
            ":",
            "AC1",
        ] {
            assert_eq!(as_user(wrong, "AC1"), Err(20003), "{wrong}");
        }
        for header in [None, Some("Bearer x"), Some("Basic %")] {
            assert_eq!(
                authorize(&credentials(), header, "AC1"),
                Err(20003),
                "{header:?}"
            );
        }
    }

    #[test]
    fn another_account_is_20404() {
        for (user, account) in [
            ("AC1:to:ken", "AC2"),
            ("AC1:to:ken", "ACtest"),
            ("ACtest:test", "AC1"),
        ] {
            assert_eq!(as_user(user, account), Err(20404), "{user} {account}");
        }
    }

    #[test]
    fn a_secondary_token_opens_the_api_and_is_promoted() {
        let credentials = credentials();
        assert_eq!(credentials.tokens().promote(), None);
        let secondary = credentials.tokens().make_secondary().to_owned();
        let header = basic_header(&format!("AC1:{secondary}"));
        assert_eq!(
            authorize(&credentials, Some(&header), "AC1"),
            Ok(AnyCaller::Live)
        );
        assert_eq!(credentials.tokens().primary, "to:ken");

        assert_eq!(credentials.tokens().promote(), Some(secondary.as_str()));
        let old = authorize(&credentials, Some(&basic_header("AC1:to:ken")), "AC1");
        assert_eq!(old, Err(20003));
        credentials.reset();
        assert_eq!(credentials.tokens().primary, "to:ken");
    }
}
