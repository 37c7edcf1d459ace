//! What all control endpoints share: reading JSON, parts of long lists, refusals in plain words.

use std::fmt::Display;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

/// A part of a list: what comes after place `since`, at most `limit`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    #[serde(default)]
    since: usize,
    limit: Option<usize>,
}

/// A refusal of a control request, as `{"error": "…"}`.
#[derive(Debug)]
pub(crate) struct ControlError {
    status: StatusCode,
    message: String,
}

/// `{"<name>": [...], "count": n}`, where the count is that of the whole list.
struct Listing<'a, I> {
    name: &'static str,
    items: &'a I,
    count: usize,
}

impl Window {
    /// The window of a query string.
    pub(crate) fn read(query: Result<Query<Self>, QueryRejection>) -> Result<Self, ControlError> {
        query
            .map(|Query(window)| window)
            .map_err(ControlError::not_understood)
    }

    /// The part of `items` in the window, under `name`. Written straight from the store: big runs have long lists.
    pub(crate) fn list<T: Serialize>(
        &self,
        name: &'static str,
        items: impl ExactSizeIterator<Item = T> + Clone,
    ) -> Response {
        let count = items.len();
        let items = items
            .skip(self.since)
            .take(self.limit.unwrap_or(usize::MAX));
        let items = &items;
        Json(Listing { name, items, count }).into_response()
    }
}

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Listing<'_, I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Items<'a, I>(&'a I);
        impl<I: Iterator<Item: Serialize> + Clone> Serialize for Items<'_, I> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.clone())
            }
        }
        let mut object = serializer.serialize_map(Some(2))?;
        object.serialize_entry(self.name, &Items(self.items))?;
        object.serialize_entry("count", &self.count)?;
        object.end()
    }
}

/// Reads JSON whatever the content type says, so that `curl -d` is enough.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(ControlError::not_understood)
}

impl ControlError {
    /// A refusal with any status.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// 400: the request was understood and makes no sense.
    pub(crate) fn refused(error: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }

    /// 400: not JSON, or with unknown fields.
    pub(crate) fn not_understood(error: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("not understood: {error}"))
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": self.message}))).into_response()
    }
}
