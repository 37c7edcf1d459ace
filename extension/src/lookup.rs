//! What must be known of an event before it is written: its type, earlier use of its key, and what its payload is like.

use std::rc::Rc;

use pgrx::datum::{AnyElement, Uuid};

use crate::json;
use crate::queries::EMIT_EARLIER;
use crate::query::jsonb;
use crate::registry::{self, EventType};
use crate::report::Result;
use crate::text::{self, Body, Version};

/// Where a payload or metadata may have the correlation id.
const CORRELATION: [&str; 2] = ["correlation_id", "correlationId"];

/// What the registry says of an event type, and what its use of the dedup key was.
pub struct Lookup {
    /// The type, its text and the installation's rules.
    pub rules: Rc<EventType>,
    /// The event that has the dedup key, if one has.
    pub earlier: Option<Uuid>,
    /// It had the same payload.
    pub is_repeat: bool,
    correlation_id: Option<String>,
    has_object: bool,
}

/// Reads what the registry says of an event type now.
pub fn lookup(
    event_type: &str,
    target: Option<Uuid>,
    dedup_key: Option<&str>,
    payload: Option<AnyElement>,
    metadata: Option<AnyElement>,
) -> Result<Lookup> {
    let rules = registry::event_type(event_type)?;
    let (earlier, is_repeat) = match dedup_key {
        Some(key) => earlier(event_type, target, key, payload)?,
        None => (None, false),
    };
    let correlation_id = [payload, metadata]
        .into_iter()
        .flatten()
        .find_map(|object| CORRELATION.iter().find_map(|key| json::field(object, key)));
    Ok(Lookup {
        rules,
        earlier,
        is_repeat,
        correlation_id,
        has_object: payload.is_none_or(json::is_object),
    })
}

/// The event that has the key, and whether its payload was this one.
fn earlier(
    event_type: &str,
    target: Option<Uuid>,
    dedup_key: &str,
    payload: Option<AnyElement>,
) -> Result<(Option<Uuid>, bool)> {
    let arguments = [
        event_type.into(),
        target.into(),
        dedup_key.into(),
        jsonb(payload),
    ];
    let found = EMIT_EARLIER.keyed_row(&arguments, |row| {
        Ok((row.want(1, "event id")?, row.want(2, "payload")?))
    })?;
    Ok(match found {
        Some((id, is_repeat)) => (Some(id), is_repeat),
        None => (None, false),
    })
}

impl Lookup {
    /// The text of an event of this type, or why it has none. Problems make the event wait in quarantine.
    pub fn compose(
        &self,
        event_type: &str,
        payload: Option<AnyElement>,
    ) -> Result<(Option<Body>, Vec<String>)> {
        if !self.rules.is_known {
            return Ok((None, vec![format!("unknown_event_type: {event_type}")]));
        }
        if !self.has_object {
            // Filters and variables look into an object: anything else would match nobody, silently.
            return Ok((None, vec!["payload_not_an_object".to_owned()]));
        }
        let composed = match (&self.rules.version, &self.rules.template_key) {
            (Some(version), _) => text::compose(version, payload)?,
            (None, None) => text::compose(&Version::of_message(), payload)?,
            (None, Some(key)) => Err(format!("template_missing: {key}")),
        };
        Ok(match composed {
            Ok(body) => (Some(body), Vec::new()),
            Err(problem) => (None, vec![problem]),
        })
    }

    /// The variables that a payload of this type must have, or why there is no text.
    pub fn needs(&self, event_type: &str) -> std::result::Result<Vec<String>, String> {
        if !self.rules.is_known {
            return Err(format!("unknown_event_type: {event_type}"));
        }
        match (&self.rules.version, &self.rules.template_key) {
            (Some(version), _) => text::needs(version),
            (None, None) => text::needs(&Version::of_message()),
            (None, Some(key)) => Err(format!("template_missing: {key}")),
        }
    }

    /// The correlation id, or the problem with it.
    pub fn correlation(&self) -> std::result::Result<Option<Uuid>, String> {
        match &self.correlation_id {
            None => Ok(None),
            Some(text) => match uuid::Uuid::parse_str(text) {
                Ok(id) => Ok(Some(Uuid::from_bytes(id.into_bytes()))),
                Err(_) => Err(format!("invalid_correlation_id: {text}")),
            },
        }
    }
}
