//! `emit_notification_event`, both overloads: look up, judge, make the text, write everything in one statement.

use herald_core::priority::Priority;
use pgrx::datum::{AnyElement, Interval, TimestampWithTimeZone, Uuid};
use pgrx::prelude::*;

use crate::queries::{
    COUNT_RECIPIENTS, EMIT_BROADCAST, EMIT_BROADCAST_ONCE, EMIT_LOOKUP, EMIT_TARGETED,
    EMIT_TARGETED_ONCE,
};
use crate::query::{Query, jsonb};
use crate::report::{Result, invalid, null_argument, report, unexpected};
use crate::text::{self, Body};
use crate::{notify, query};

/// What `notification_events.event_source` may say.
const SOURCES: [&str; 4] = [
    "database_trigger",
    "worker_job",
    "api_action",
    "cron_scheduler",
];
const DEFAULT_SOURCE: &str = "api_action";

/// How often emit looks again when a concurrent transaction takes the same dedup key.
const DEDUP_TRIES: usize = 3;

/// The arguments of both overloads.
pub struct Request {
    event_type: String,
    source: String,
    actor: Option<Uuid>,
    target: Option<Uuid>,
    payload: Option<AnyElement>,
    metadata: Option<AnyElement>,
    scheduled_for: Option<TimestampWithTimeZone>,
    dedup_key: Option<String>,
    priority: Option<String>,
    expires_at: Option<TimestampWithTimeZone>,
}

/// What the registry says of an event type, and what its use of the dedup key was.
pub struct Lookup {
    is_known: bool,
    is_active: bool,
    strict: bool,
    admin_only: bool,
    channels: Vec<String>,
    default_priority: String,
    expires_after: Option<Interval>,
    template_key: Option<String>,
    /// The template version in use.
    pub template_id: Option<Uuid>,
    template: Option<String>,
    required: Vec<String>,
    earlier: Option<Uuid>,
    is_repeat: bool,
    correlation_id: Option<String>,
    has_object: bool,
}

/// See `sql/api/`: the original system's signature.
#[pg_extern(sql = false)]
fn emit_origin(
    event_type: Option<&str>,
    source: Option<&str>,
    actor: Option<Uuid>,
    target: Option<Uuid>,
    payload: Option<AnyElement>,
    metadata: Option<AnyElement>,
    scheduled_for: Option<TimestampWithTimeZone>,
) -> Result<Uuid> {
    let event_type = event_type
        .ok_or_else(|| null_argument("p_event_type"))?
        .to_owned();
    let source = source.unwrap_or(DEFAULT_SOURCE);
    // emit_notification_event('x.y', '{"a": 1}') with an untyped literal means the payload, and lands here.
    let (source, payload) = match misplaced_payload(source) {
        Some(object) => (DEFAULT_SOURCE, query::jsonb_of(object)),
        None => (source, payload),
    };
    record(&Request {
        event_type,
        source: source.to_owned(),
        actor,
        target,
        payload,
        metadata,
        scheduled_for,
        dedup_key: None,
        priority: None,
        expires_at: None,
    })
}

/// See `sql/api/`: the short signature.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)] // One parameter per SQL parameter.
fn emit(
    event_type: Option<&str>,
    payload: Option<AnyElement>,
    target: Option<Uuid>,
    actor: Option<Uuid>,
    scheduled_for: Option<TimestampWithTimeZone>,
    dedup_key: Option<&str>,
    priority: Option<&str>,
    expires_at: Option<TimestampWithTimeZone>,
) -> Result<Uuid> {
    record(&Request {
        event_type: event_type
            .ok_or_else(|| null_argument("event_type"))?
            .to_owned(),
        source: DEFAULT_SOURCE.to_owned(),
        actor,
        target,
        payload,
        metadata: None,
        scheduled_for,
        dedup_key: dedup_key.map(str::to_owned),
        priority: priority.map(str::to_owned),
        expires_at,
    })
}

/// An event without facts for one user, from within the library; the key keeps it from being repeated.
pub fn emit_once(event_type: &str, target: Uuid, dedup_key: &str) -> Result<Uuid> {
    record(&Request {
        event_type: event_type.to_owned(),
        source: DEFAULT_SOURCE.to_owned(),
        actor: None,
        target: Some(target),
        payload: None,
        metadata: None,
        scheduled_for: None,
        dedup_key: Some(dedup_key.to_owned()),
        priority: None,
        expires_at: None,
    })
}

/// A JSON object that stands where the source should be.
pub fn misplaced_payload(source: &str) -> Option<serde_json::Value> {
    if SOURCES.contains(&source) || !source.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(source)
        .ok()
        .filter(serde_json::Value::is_object)
}

fn record(request: &Request) -> Result<Uuid> {
    for _ in 0..DEDUP_TRIES {
        let lookup = lookup(
            &request.event_type,
            request.target,
            request.dedup_key.as_deref(),
            request.payload,
            request.metadata,
        )?;
        if let Some(earlier) = lookup.earlier {
            return repeated(request, &lookup, earlier);
        }
        if let Some(id) = write(request, &lookup)? {
            return Ok(id);
        }
    }
    Err(report(
        PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
        format!(
            "dedup_key {:?} is being used by another transaction",
            request.dedup_key.as_deref().unwrap_or("")
        ),
        "Run the transaction again.",
    ))
}

/// The dedup key was used before: by the same call, or by another one.
fn repeated(request: &Request, lookup: &Lookup, earlier: Uuid) -> Result<Uuid> {
    if lookup.is_repeat {
        return Ok(earlier);
    }
    Err(report(
        PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
        format!(
            "dedup_key {:?} was already used for an event of type {:?} with another payload",
            request.dedup_key.as_deref().unwrap_or(""),
            request.event_type
        ),
        "Use another key for another fact; the same key stands for the same payload, for ever.",
    )
    .set_detail(format!("The first event is {earlier}.")))
}

/// Reads what the registry says of an event type now.
pub fn lookup(
    event_type: &str,
    target: Option<Uuid>,
    dedup_key: Option<&str>,
    payload: Option<AnyElement>,
    metadata: Option<AnyElement>,
) -> Result<Lookup> {
    let arguments = [
        event_type.into(),
        target.into(),
        dedup_key.into(),
        jsonb(payload),
        jsonb(metadata),
    ];
    let found = EMIT_LOOKUP.row(&arguments, |row| {
        Ok(Lookup {
            is_known: row.want(1, "event type")?,
            is_active: row.want(2, "event type")?,
            strict: row.want(3, "event type")?,
            admin_only: row.want(4, "event type")?,
            channels: row.want(5, "event type")?,
            default_priority: row.want(6, "event type")?,
            expires_after: row.get(7)?,
            template_key: row.get(8)?,
            template_id: row.get(9)?,
            template: row.get(10)?,
            required: row.get(11)?.unwrap_or_default(),
            earlier: row.get(12)?,
            is_repeat: row.want(13, "event type")?,
            correlation_id: row.get(14)?,
            has_object: row.want(15, "payload")?,
        })
    })?;
    found.ok_or_else(|| unexpected("event type"))
}

impl Lookup {
    /// The text of an event of this type, or why it has none. Problems make the event wait in quarantine.
    pub fn compose(
        &self,
        event_type: &str,
        payload: Option<AnyElement>,
    ) -> Result<(Option<Body>, Vec<String>)> {
        if !self.is_known {
            return Ok((None, vec![format!("unknown_event_type: {event_type}")]));
        }
        if !self.has_object {
            // Filters and variables look into an object: anything else would match nobody, silently.
            return Ok((None, vec!["payload_not_an_object".to_owned()]));
        }
        let template = match (&self.template, &self.template_key) {
            (Some(template), _) => template,
            (None, None) => text::MESSAGE_TEMPLATE,
            (None, Some(key)) => return Ok((None, vec![format!("template_missing: {key}")])),
        };
        Ok(match text::compose(template, &self.required, payload)? {
            Ok(body) => (Some(body), Vec::new()),
            Err(problem) => (None, vec![problem]),
        })
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

/// Writes the event and what follows from it. `None`: a concurrent transaction has the same dedup key.
fn write(request: &Request, lookup: &Lookup) -> Result<Option<Uuid>> {
    let (body, mut problems) = lookup.compose(&request.event_type, request.payload)?;
    let correlation_id = lookup.correlation().unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let wanted = request
        .priority
        .as_deref()
        .unwrap_or(&lookup.default_priority);
    let priority = wanted.parse().unwrap_or_else(|_| {
        problems.push(format!("unknown_priority: {wanted}"));
        Priority::Normal
    });
    if lookup.strict && !problems.is_empty() {
        return Err(invalid(
            format!(
                "event of type {:?} was not emitted: {}",
                request.event_type,
                problems.join("; ")
            ),
            "The type is strict. Mend the call, or set strict = false in herald.notification_event_types \
             to have such events kept in quarantine.",
        ));
    }
    let status = match (problems.is_empty(), request.target) {
        (false, _) => "quarantined",
        (true, Some(_)) => "fanned_out",
        (true, None) if is_small(&request.event_type)? => "fanned_out",
        (true, None) => "fanning_out",
    };
    let source = if SOURCES.contains(&request.source.as_str()) {
        request.source.as_str()
    } else {
        // Worth a note, no reason to withhold a text.
        problems.push(format!("unknown_event_source: {}", request.source));
        DEFAULT_SOURCE
    };
    let statement: &Query = match (request.target.is_some(), request.dedup_key.is_some()) {
        (true, false) => &EMIT_TARGETED,
        (true, true) => &EMIT_TARGETED_ONCE,
        (false, false) => &EMIT_BROADCAST,
        (false, true) => &EMIT_BROADCAST_ONCE,
    };
    let arguments = [
        new_id().into(),
        request.event_type.as_str().into(),
        source.into(),
        request.actor.into(),
        request.target.into(),
        jsonb(request.payload),
        jsonb(request.metadata),
        correlation_id.into(),
        request.dedup_key.as_deref().into(),
        priority.as_str().into(),
        priority.queue_rank().into(),
        request.scheduled_for.into(),
        request.expires_at.into(),
        lookup.template_id.into(),
        status.into(),
        problems.into(),
        body.as_ref().map(|body| body.text.as_str()).into(),
        body.as_ref().map(|body| body.encoding).into(),
        body.as_ref().map(|body| body.segments).into(),
        lookup.channels.clone().into(),
        lookup.is_active.into(),
        lookup.admin_only.into(),
        notify::wakes().into(),
        lookup.expires_after.into(),
    ];
    statement.row(&arguments, |row| row.want(1, "event id"))
}

/// Whether a broadcast has so few recipients that the caller's transaction serves them.
fn is_small(event_type: &str) -> Result<bool> {
    let small = COUNT_RECIPIENTS.row(&[event_type.into()], |row| {
        row.want(1, "setting inline_fan_out_limit")
    })?;
    small.ok_or_else(|| unexpected("count of recipients"))
}

/// A new UUIDv7: ids in order of time, so an insert goes to the end of an index.
pub fn new_id() -> Uuid {
    Uuid::from_bytes(uuid::Uuid::now_v7().into_bytes())
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_uuid_v7() -> Uuid {
    new_id()
}
