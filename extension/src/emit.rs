//! `emit_notification_event`, both overloads: look up, judge, make the text, write what follows.

use herald_core::priority::Priority;
use pgrx::datum::{AnyElement, DatumWithOid, TimestampWithTimeZone, Uuid};
use pgrx::prelude::*;

use crate::id::new_id;
use crate::in_app::Heading;
use crate::lookup::{Lookup, lookup};
use crate::query::{Interpreted, jsonb};
use crate::report::{Result, invalid, null_argument, report};
use crate::text::Body;
use crate::variants::Variants;
use crate::{broadcast, json, notify, query, targeted};

/// What `notification_events.event_source` may say.
const SOURCES: [&str; 4] = [
    "database_trigger",
    "worker_job",
    "api_action",
    "cron_scheduler",
];
const DEFAULT_SOURCE: &str = "api_action";
/// The channel inside the application.
pub const IN_APP: &str = "in_app";

/// How often emit looks again when a concurrent transaction takes the same dedup key.
const DEDUP_TRIES: usize = 3;

/// The arguments of both overloads, and what only our own callers set.
pub struct Request {
    /// A registered type.
    pub event_type: String,
    /// One of [`SOURCES`]; anything else is noted.
    pub source: String,
    /// Who did it.
    pub actor: Option<Uuid>,
    /// The one recipient; `None` = every subscriber.
    pub target: Option<Uuid>,
    /// The facts.
    pub payload: Option<AnyElement>,
    /// The caller's notes.
    pub metadata: Option<AnyElement>,
    /// Not before this time.
    pub scheduled_for: Option<TimestampWithTimeZone>,
    /// Stands for this fact, for ever.
    pub dedup_key: Option<String>,
    /// Instead of the type's.
    pub priority: Option<String>,
    /// Not after this time.
    pub expires_at: Option<TimestampWithTimeZone>,
    /// Channels instead of the type's.
    pub channels: Option<Vec<String>>,
    /// What is known to be wrong already.
    pub problems: Vec<String>,
}

impl Request {
    /// An event of a type, with nothing said about it.
    pub fn of_type(event_type: &str) -> Self {
        Self {
            event_type: event_type.to_owned(),
            source: DEFAULT_SOURCE.to_owned(),
            actor: None,
            target: None,
            payload: None,
            metadata: None,
            scheduled_for: None,
            dedup_key: None,
            priority: None,
            expires_at: None,
            channels: None,
            problems: Vec::new(),
        }
    }

    /// The channels it goes out on.
    pub fn channels<'a>(&'a self, lookup: &'a Lookup) -> &'a [String] {
        self.channels.as_deref().unwrap_or(&lookup.rules.channels)
    }

    /// Its source as the tables know it.
    pub fn known_source(&self) -> &str {
        let source = Some(self.source.as_str()).filter(|source| SOURCES.contains(source));
        source.unwrap_or(DEFAULT_SOURCE)
    }

    /// Reads what the registry says of the event type now, and of the dedup key.
    pub fn look_up(&self) -> Result<Lookup> {
        lookup(
            &self.event_type,
            self.target,
            self.dedup_key.as_deref(),
            self.payload,
            self.metadata,
        )
    }
}

/// What became of a request.
pub enum Recorded {
    /// This event stands for it: a new one, or the first with the same key and payload.
    Event(Uuid),
    /// The key stands for another payload already, that of this event.
    KeyTaken(Uuid),
    /// A transaction that we cannot see has the key.
    KeyBusy,
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
        None => (source, payload.map(json::unpacked)),
    };
    record_or_raise(&Request {
        source: source.to_owned(),
        actor,
        target,
        payload,
        metadata,
        scheduled_for,
        ..Request::of_type(&event_type)
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
    let event_type = event_type.ok_or_else(|| null_argument("event_type"))?;
    record_or_raise(&Request {
        actor,
        target,
        payload: payload.map(json::unpacked),
        scheduled_for,
        dedup_key: dedup_key.map(str::to_owned),
        priority: priority.map(str::to_owned),
        expires_at,
        ..Request::of_type(event_type)
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

/// Writes an event with everything that follows from it, unless its key says that it is there already.
pub fn record(request: &Request) -> Result<Recorded> {
    for _ in 0..DEDUP_TRIES {
        let lookup = request.look_up()?;
        if let Some(earlier) = lookup.earlier {
            return Ok(match lookup.is_repeat {
                true => Recorded::Event(earlier),
                false => Recorded::KeyTaken(earlier),
            });
        }
        if let Some(id) = write(request, &lookup)? {
            return Ok(Recorded::Event(id));
        }
    }
    Ok(Recorded::KeyBusy)
}

/// As [`record`], with an error when the key is in the way.
fn record_or_raise(request: &Request) -> Result<Uuid> {
    let key = request.dedup_key.as_deref().unwrap_or("");
    match record(request)? {
        Recorded::Event(id) => Ok(id),
        Recorded::KeyTaken(earlier) => Err(report(
            PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
            format!(
                "dedup_key {key:?} was already used for an event of type {:?} with another payload",
                request.event_type
            ),
            "Use another key for another fact; the same key stands for the same payload, for ever.",
        )
        .set_detail(format!("The first event is {earlier}."))),
        Recorded::KeyBusy => Err(report(
            PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
            format!("dedup_key {key:?} is being used by another transaction"),
            "Run the transaction again.",
        )),
    }
}

/// An event that was looked at before it is written or explained.
pub struct Judged {
    /// Its text, unless a problem stands in the way.
    pub body: Option<Body>,
    /// Its texts in other languages.
    pub variants: Variants,
    /// Why it cannot go out.
    pub problems: Vec<String>,
    /// Title and link inside the application.
    pub heading: Heading,
    /// The correlation id, if it is one.
    pub correlation_id: Option<Uuid>,
    /// How urgent it is.
    pub priority: Priority,
}

/// Makes the text and finds the problems.
pub fn judge(request: &Request, lookup: &Lookup) -> Result<Judged> {
    let mut problems = request.problems.clone();
    let (body, faults) = lookup.compose(&request.event_type, request.payload)?;
    problems.extend(faults);
    let correlation_id = lookup.correlation().unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let wanted = request
        .priority
        .as_deref()
        .unwrap_or(&lookup.rules.default_priority);
    let priority = wanted.parse().unwrap_or_else(|_| {
        problems.push(format!("unknown_priority: {wanted}"));
        Priority::Normal
    });
    let channels = request.channels(lookup);
    let (mut variants, mut heading) = (Variants::default(), Heading::default());
    if problems.is_empty() {
        if let (true, Some(key)) = (lookup.rules.has_variants, &lookup.rules.template_key) {
            variants = Variants::compose(key, request.target, None, request.payload)?;
        }
        if channels.iter().any(|name| name == IN_APP) {
            heading = Heading::of(request.payload)?;
        }
    }
    Ok(Judged {
        body,
        variants,
        problems,
        heading,
        correlation_id,
        priority,
    })
}

/// Writes the event and what follows from it. `None`: a concurrent transaction has the same dedup key.
fn write(request: &Request, lookup: &Lookup) -> Result<Option<Uuid>> {
    // Not as a setting of the function: each setting is paid for with every call.
    let _interpreted = Interpreted::begin();
    let mut judged = judge(request, lookup)?;
    if lookup.rules.strict && !judged.problems.is_empty() {
        return Err(invalid(
            format!(
                "event of type {:?} was not emitted: {}",
                request.event_type,
                judged.problems.join("; ")
            ),
            "The type is strict. Mend the call, or set strict = false in herald.notification_event_types \
             to have such events kept in quarantine.",
        ));
    }
    let status = match (judged.problems.is_empty(), request.target) {
        (false, _) => "quarantined",
        (true, Some(_)) => "fanned_out",
        (true, None) if broadcast::is_small(&request.event_type)? => "fanned_out",
        (true, None) => "fanning_out",
    };
    if !SOURCES.contains(&request.source.as_str()) {
        // Worth a note, no reason to withhold a text.
        let note = format!("unknown_event_source: {}", request.source);
        judged.problems.push(note);
    }
    let shortened = judged.body.as_ref().and_then(Body::note);
    judged.problems.extend(shortened);
    judged.problems.append(&mut judged.variants.notes);
    match request.target {
        Some(target) => targeted::write(request, target, lookup, &judged, status),
        None => broadcast::write(request, lookup, &judged, status),
    }
}

/// The arguments of the statements that emit and explain.
pub fn arguments<'a>(
    request: &'a Request,
    lookup: &'a Lookup,
    judged: &'a Judged,
    status: &'a str,
) -> [DatumWithOid<'a>; 34] {
    let body = judged.body.as_ref();
    let channels = request.channels(lookup);
    let [locales, bodies, encodings, segments, templates] = judged.variants.arguments();
    let [title, action_url] = judged.heading.arguments();
    [
        new_id().into(),
        request.event_type.as_str().into(),
        request.known_source().into(),
        request.actor.into(),
        request.target.into(),
        jsonb(request.payload),
        jsonb(request.metadata),
        judged.correlation_id.into(),
        request.dedup_key.as_deref().into(),
        judged.priority.as_str().into(),
        judged.priority.queue_rank().into(),
        request.scheduled_for.into(),
        request.expires_at.into(),
        lookup.rules.template_id.into(),
        status.into(),
        judged.problems.clone().into(),
        body.map(|body| body.text.as_str()).into(),
        body.map(|body| body.encoding).into(),
        body.map(|body| body.segments).into(),
        channels.to_vec().into(),
        lookup.rules.is_active.into(),
        lookup.rules.admin_only.into(),
        notify::wakes().into(),
        lookup.rules.expires_after.into(),
        lookup.rules.prefixes.clone().into(),
        lookup.rules.spread.into(),
        lookup.rules.minimum.into(),
        locales,
        bodies,
        encodings,
        segments,
        templates,
        title,
        action_url,
    ]
}
