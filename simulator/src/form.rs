//! Reading `application/x-www-form-urlencoded` parameters.

use axum::http::{HeaderMap, header};

/// Decoded form parameters in the order they came; a key may be repeated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(pub(crate) Vec<(String, String)>);

impl Form {
    /// Reads a query string or a form body.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// Reads the body of a POST. As at Twilio, a body of another content type has no parameters.
    pub(crate) fn from_body(headers: &HeaderMap, body: &[u8]) -> Self {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Self::parse(body);
        }
        Self::default()
    }

    /// The first value of `name`, or `None` when the parameter was not sent.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(key, _)| key == name);
        first.map(|(_, value)| value.as_str())
    }

    /// The first value of `name`, where an empty value counts as not sent.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// Whether a switch is on; clients write `true` and `True`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.value(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// All values of `name`, in order.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_type(content_type: &str) -> Form {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        Form::from_body(
            &headers,
            b"To=%2B14155550100&Body=a+b&From=&MediaUrl=1&MediaUrl=2",
        )
    }

    #[test]
    fn values_are_decoded_and_found_by_name() {
        let form = with_type("application/x-www-form-urlencoded; charset=UTF-8");
        assert_eq!(form.value("To"), Some("+14155550100"));
        assert_eq!(form.value("Body"), Some("a b"));
        assert_eq!(form.value("From"), Some(""));
        assert_eq!(form.filled("From"), None);
        assert_eq!(form.values("MediaUrl").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(form.value("Other"), None);
    }

    #[test]
    fn a_body_of_another_type_has_no_parameters() {
        assert_eq!(with_type("application/json"), Form::default());
        assert_eq!(Form::from_body(&HeaderMap::new(), b"To=1"), Form::default());
    }
}
