//! `GET …/Messages.json`: filters and pages, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::Uri;
use serde::Serialize;

use super::cursor::Cursor;
use super::filter::Filter;
use super::resource::MessageResource;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::form::Form;
use crate::simulator::Simulator;

const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 1000;

/// One page of the list. All URIs are relative to the host.
#[derive(Debug, Serialize)]
pub(crate) struct MessagePage {
    end: usize,
    first_page_uri: String,
    messages: Vec<MessageResource>,
    next_page_uri: Option<String>,
    page: usize,
    page_size: usize,
    previous_page_uri: Option<String>,
    start: usize,
    uri: String,
}

/// Lists messages that were not deleted.
pub(crate) async fn list(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    RawQuery(query): RawQuery,
    uri: Uri,
) -> Result<Json<MessagePage>, ApiError> {
    let account = &simulator.credentials.account_sid;
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let filter = Filter::read(&query)?;
    let page_size = page_size(&query)?;
    let page: usize = query
        .filled("Page")
        .and_then(|page| page.parse().ok())
        .unwrap_or(0);

    let store = simulator.store();
    let cursor = Cursor::read(&query, &store)?;
    let found = cursor.page(store.messages(), &filter, page_size);
    let page_uri =
        |page: usize, token: Option<String>| page_uri(uri.path(), &query, page_size, page, token);
    let start = page * page_size;
    Ok(Json(MessagePage {
        end: start + found.messages.len().saturating_sub(1),
        first_page_uri: page_uri(0, None),
        next_page_uri: found
            .older
            .map(|sid| page_uri(page + 1, Some(format!("PA{sid}")))),
        page,
        page_size,
        previous_page_uri: found
            .newer
            .map(|sid| page_uri(page.saturating_sub(1), Some(format!("PB{sid}")))),
        start,
        uri: uri.to_string(),
        messages: found
            .messages
            .iter()
            .map(|message| MessageResource::new(message, account))
            .collect(),
    }))
}

fn page_size(query: &Form) -> Result<usize, ApiError> {
    let Some(text) = query.filled("PageSize") else {
        return Ok(DEFAULT_PAGE_SIZE);
    };
    match text.parse() {
        Ok(size @ 1..=MAX_PAGE_SIZE) => Ok(size),
        Ok(size) if size > MAX_PAGE_SIZE => {
            let message = format!("'PageSize' {size} is over the limit of {MAX_PAGE_SIZE}");
            Err(ApiError::bad_request(20007, message))
        }
        _ => Err(invalid("PageSize", text)),
    }
}

/// The refusal of a filter or page parameter.
pub(super) fn invalid(name: &str, value: &str) -> ApiError {
    ApiError::bad_request(20422, format!("'{name}' {value} is not valid"))
}

/// The filters stay in the URI of every page.
fn page_uri(
    path: &str,
    query: &Form,
    page_size: usize,
    page: usize,
    token: Option<String>,
) -> String {
    let filters = query
        .0
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "PageSize" | "Page" | "PageToken"));
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    encoded
        .extend_pairs(filters)
        .append_pair("PageSize", &page_size.to_string())
        .append_pair("Page", &page.to_string());
    if let Some(token) = token {
        encoded.append_pair("PageToken", &token);
    }
    format!("{path}?{}", encoded.finish())
}
