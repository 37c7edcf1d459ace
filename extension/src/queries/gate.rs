//! Everything that the gate is part of: emit, fan-out, explain, may_text, the claim. The parts are text that is put in when a
//! plan is made, so that they cannot differ and the planner sees through them.

use pgrx::pg_sys::BuiltinOid::{
    self, BOOLOID, INT2ARRAYOID, INT2OID, INT4OID, INTERVALOID, JSONBOID, TEXTARRAYOID, TEXTOID,
    TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, UUIDARRAYOID, UUIDOID,
};

use super::{BREAKER, query};
use crate::query::Query;

const RULES: &str = include_str!("../../../sql/queries/rules.sql");
pub(super) const GATE: &str = include_str!("../../../sql/queries/gate.sql");
pub(super) const OPEN_AT: &str = include_str!("../../../sql/queries/open_at.sql");
/// The time zone of the person in row "p".
pub const ZONE: &str = include_str!("../../../sql/queries/zone.sql");
const PERSON: &str = include_str!("../../../sql/queries/person.sql");
const VALIDITY: &str = include_str!("../../../sql/queries/validity.sql");
const LIMITS: &str = include_str!("../../../sql/queries/limits.sql");
const SOURCE: &str = include_str!("../../../sql/queries/emit_source.sql");
const DECIDE: &str = include_str!("../../../sql/queries/decide.sql");
pub(super) const CONSIDERED: &str = include_str!("../../../sql/queries/considered.sql");
pub(super) const AUDIENCE: &str = include_str!("../../../sql/queries/audience.sql");
pub(super) const EVENT: &str = include_str!("../../../sql/queries/emit_event.sql");
const FAN_OUT_SOURCE: &str = include_str!("../../../sql/queries/fan_out_source.sql");
const FAN_OUT: &str = include_str!("../../../sql/queries/fan_out.sql");
pub(super) const DELIVER: &str = include_str!("../../../sql/queries/deliver.sql");
pub(super) const TEXTS: &str = include_str!("../../../sql/queries/texts.sql");
/// Notifications inside the application; an event without that channel does not pay for them.
pub(super) const IN_APP: &str = include_str!("../../../sql/queries/in_app.sql");
const DEFERRAL: &str = include_str!("../../../sql/queries/fan_out_deferral.sql");
/// Gives reservations back; part of the statements that learn that a text was not sent.
pub const REFUND: &str = include_str!("../../../sql/queries/refund.sql");

/// The one user an event is for, subscribed or not.
pub(super) const TARGET: &str = "left join herald.notification_subscriptions s \
                      on s.event_type = source.event_type and s.user_id = source.target_user_id";
/// What the subscription of the one user says; of many, those who do not want it are not even looked at.
pub(super) const SUBSCRIBED: &str = "s.id is not null as is_subscribed, s.is_active as is_subscription_active, \
                        source.payload @> s.filters as is_filter_met";
const ALL_SUBSCRIBED: &str =
    "true as is_subscribed, true as is_subscription_active, true as is_filter_met";
/// Every subscription, in the order of the index. The limit is none, but the planner does not see that: it takes a limit
/// for a reason to walk the index, where it would otherwise read everybody's subscriptions to every type.
const EVERYBODY: &str = "cross join lateral (select s.id, s.user_id, s.sms_enabled, s.email_enabled, s.push_enabled, s.in_app_enabled \
                         from herald.notification_subscriptions s \
                         where s.event_type = source.event_type and s.is_active and source.payload @> s.filters \
                         order by s.user_id limit (select 2147483647)) s";
/// The next chunk of subscriptions, in the order of the index.
const CHUNK: &str = "cross join lateral (select s.id, s.user_id, s.sms_enabled, s.email_enabled, s.push_enabled, s.in_app_enabled \
                         from herald.notification_subscriptions s \
                     where s.event_type = source.event_type and s.is_active and source.payload @> s.filters \
                       and s.user_id > coalesce(source.fan_out_cursor, '00000000-0000-0000-0000-000000000000') \
                     order by s.user_id limit $6) s";

/// An insert that a used key stops; an event without key does not pay for the check.
pub(super) const ONCE: &str =
    "on conflict (dedup_key, event_type, target_user_id) where dedup_key is not null do nothing";
/// Nobody is concerned by an event in quarantine, nor now by one whose fan-out is left to the daemon.
const FANNED_OUT: &str = "where source.status = 'fanned_out'";
const FANNED_OUT_ONCE: &str = "where source.status = 'fanned_out' and exists (select from event)";

/// The template of a text: that of the language it is in.
const TEXT_TEMPLATE: &str = "coalesce(source.template_ids[d.variant], source.template_id)";
/// Of many rows one wakes the daemons.
const FIRST: &str = "row_number() over () = 1";

const EMIT_ARGUMENTS: [BuiltinOid; 34] = [
    UUIDOID,
    TEXTOID,
    TEXTOID,
    UUIDOID,
    UUIDOID,
    JSONBOID,
    JSONBOID,
    UUIDOID,
    TEXTOID,
    TEXTOID,
    INT2OID,
    TIMESTAMPTZOID,
    TIMESTAMPTZOID,
    UUIDOID,
    TEXTOID,
    TEXTARRAYOID,
    TEXTOID,
    TEXTOID,
    INT2OID,
    TEXTARRAYOID,
    BOOLOID,
    BOOLOID,
    BOOLOID,
    INTERVALOID,
    TEXTARRAYOID,
    INT4OID,
    INT4OID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    INT2ARRAYOID,
    UUIDARRAYOID,
    TEXTOID,
    TEXTOID,
];

const EXPLAIN_ARGUMENTS: [BuiltinOid; 35] = {
    let mut arguments = [TIMESTAMPTZOID; 35];
    let mut place = 0;
    while place < EMIT_ARGUMENTS.len() {
        arguments[place] = EMIT_ARGUMENTS[place];
        place += 1;
    }
    arguments
};

macro_rules! emit_query {
    ($(#[$doc:meta])* $name:ident, $text:expr, $conflict:expr, $only:expr, $in_app:expr) => {
        $(#[$doc])*
        pub const $name: Query = Query {
            name: stringify!($name),
            text: $text,
            parts: &[
                ("{source}", SOURCE),
                ("{now}", "now()"),
                ("{event}", EVENT),
                ("{returning}", "returning id"),
                ("{decide}", DECIDE),
                ("{considered}", CONSIDERED),
                ("{audience}", AUDIENCE),
                ("{fan_out}", FAN_OUT),
                ("{deliver}", DELIVER),
                ("{texts}", TEXTS),
("{text_template}", TEXT_TEMPLATE),
                ("{in_app}", $in_app),
                ("{deferral}", DEFERRAL),
                ("{first}", FIRST),
                ("{recipients}", EVERYBODY),
                ("{subscribed}", ALL_SUBSCRIBED),
                ("{only}", $only),
                ("{on_conflict}", $conflict),
                ("{gate}", GATE),
                ("{open_at}", OPEN_AT),
                ("{due}", "source.due_at"),
                ("{urgency}", "source.priority"),
                ("{setting}", "source"),
                ("{zone}", ZONE),
            ],
            arguments: &EMIT_ARGUMENTS,
            writes: true,
            without: &[],
        };
    };
}

/// Decides and writes.
const WHOLE_EMIT: &str = include_str!("../../../sql/queries/emit.sql");
emit_query!(/** What the gate says of every subscriber. */
    EMIT_BROADCAST_DECIDE, ONLY_DECIDED, "", FANNED_OUT, "");
emit_query!(/** An event for every subscriber. */
    EMIT_BROADCAST, WHOLE_EMIT, "", FANNED_OUT, "");
emit_query!(/** An event for every subscriber, with a dedup key. */
    EMIT_BROADCAST_ONCE, WHOLE_EMIT, ONCE, FANNED_OUT_ONCE, "");
emit_query!(/** An event for every subscriber, also inside the application. */
    EMIT_BROADCAST_IN_APP, WHOLE_EMIT, "", FANNED_OUT, IN_APP);
emit_query!(/** An event for every subscriber, with a dedup key, also inside the application. */
    EMIT_BROADCAST_ONCE_IN_APP, WHOLE_EMIT, ONCE, FANNED_OUT_ONCE, IN_APP);

macro_rules! explain_query {
    ($(#[$doc:meta])* $name:ident, $recipients:expr, $subscribed:expr) => {
        $(#[$doc])*
        pub const $name: Query = Query {
            name: stringify!($name),
            text: include_str!("../../../sql/queries/explain.sql"),
            parts: &[
                ("{source}", SOURCE),
                ("{now}", "coalesce($35, now())"),
                ("{decide}", DECIDE),
                ("{considered}", CONSIDERED),
                ("{audience}", AUDIENCE),
                ("{recipients}", $recipients),
                ("{subscribed}", $subscribed),
                ("{only}", ""),
                ("{limits}", LIMITS),
                ("{gate}", GATE),
                ("{person}", PERSON),
                ("{open_at}", OPEN_AT),
                ("{due}", "source.due_at"),
                ("{urgency}", "source.priority"),
                ("{setting}", "source"),
                ("{zone}", ZONE),
            ],
            arguments: &EXPLAIN_ARGUMENTS,
            writes: false,
            without: &[],
        };
    };
}

explain_query!(/** What an event for one user would come to. */ EXPLAIN_TARGETED, TARGET, SUBSCRIBED);
explain_query!(/** What an event for every subscriber would come to. */ EXPLAIN_BROADCAST, EVERYBODY, ALL_SUBSCRIBED);

query!(/** An event type, its text and the installation's rules. */ EVENT_TYPE_RULES, "event_type_rules.sql", false, [TEXTOID],
    "{rules}" = RULES);
query!(/** The tables that a backend keeps in memory. */ REGISTRY_TABLES, "registry_tables.sql", false, []);
query!(/** Earlier use of a key. */ EMIT_EARLIER, "emit_earlier.sql", false, [TEXTOID, UUIDOID, TEXTOID, JSONBOID]);

const CHUNK_ARGUMENTS: [BuiltinOid; 13] = [
    UUIDOID,
    TEXTOID,
    TEXTOID,
    INT2OID,
    BOOLOID,
    INT4OID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    INT2ARRAYOID,
    UUIDARRAYOID,
    TEXTOID,
    TEXTOID,
];

macro_rules! chunk_query {
    ($(#[$doc:meta])* $name:ident, $text:expr, $first:expr, $recipients:expr, $subscribed:expr, $only:expr) => {
        $(#[$doc])*
        pub const $name: Query = Query {
            name: stringify!($name),
            text: $text,
            parts: &[
                ("{source}", FAN_OUT_SOURCE),
                ("{rules}", RULES),
                ("{decide}", DECIDE),
                ("{considered}", CONSIDERED),
                ("{audience}", AUDIENCE),
                ("{fan_out}", FAN_OUT),
                ("{deliver}", DELIVER),
                ("{texts}", TEXTS),
("{text_template}", TEXT_TEMPLATE),
                ("{in_app}", IN_APP),
                ("{first}", $first),
                ("{recipients}", $recipients),
                ("{subscribed}", $subscribed),
                ("{only}", $only),
                ("{gate}", GATE),
                ("{open_at}", OPEN_AT),
                ("{due}", "source.due_at"),
                ("{urgency}", "source.priority"),
                ("{setting}", "source"),
                ("{zone}", ZONE),
            ],
            arguments: &CHUNK_ARGUMENTS,
            writes: true,
            without: &[],
        };
    };
}

/// Decides and writes.
const WHOLE_CHUNK: &str = include_str!("../../../sql/queries/fan_out_chunk.sql");
/// Only decides, a chunk or everybody.
const ONLY_DECIDED: &str = include_str!("../../../sql/queries/only_decide.sql");

chunk_query!(/** Writes one chunk of a deferred fan-out. */
    FAN_OUT_CHUNK, WHOLE_CHUNK, FIRST, CHUNK, ALL_SUBSCRIBED, "");
chunk_query!(/** What the gate says of one chunk of a deferred fan-out. */
    FAN_OUT_DECIDE, ONLY_DECIDED, FIRST, CHUNK, ALL_SUBSCRIBED, "");
query!(/** Notes how far a fan-out has come. */ FAN_OUT_PROGRESS, "fan_out_progress.sql", true, [UUIDOID, UUIDOID, INT4OID, BOOLOID]);
chunk_query!(/** The whole fan-out of an event for one user that was in quarantine. */
    FAN_OUT_TARGET, WHOLE_CHUNK, "true", TARGET, SUBSCRIBED, "where source.fan_out_cursor is null");

macro_rules! claim_query {
    ($(#[$doc:meta])* $name:ident $(, $without:literal)*) => {
        query!($(#[$doc])* $name, "claim.sql", true, [UUIDOID, INT4OID, UUIDOID, INT2ARRAYOID, TIMESTAMPTZARRAYOID],
            "{breaker}" = BREAKER, "{rules}" = RULES, "{limits}" = LIMITS, "{gate}" = GATE, "{person}" = PERSON,
            "{open_at}" = OPEN_AT, "{due}" = "now()", "{urgency}" = "m.priority", "{setting}" = "rules", "{zone}" = "at_home.zone", "{zone_of_person}" = ZONE,
            "{validity}" = VALIDITY, "{too_late_at}" = "going.too_late_at";
            without $($without),*);
    };
}

claim_query!(/** Takes due texts into a batch. */ CLAIM);
claim_query!(/** The same where no breaker is open and there is no cap. */ CLAIM_PER_TYPE, "breakers", "caps");
claim_query!(/** The same where, beyond that, only persons have limits. */ CLAIM_PLAIN, "breakers", "caps", "types");
query!(/** What is due, if it is not much. */ CLAIM_LOOK, "claim_look.sql", true, [INT2ARRAYOID, TIMESTAMPTZARRAYOID], "{zone}" = ZONE);
query!(/** Takes one text that may go. */ CLAIM_ONE, "claim_one.sql", true,
    [UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID, UUIDOID, BOOLOID, BOOLOID, TIMESTAMPTZOID],
    "{validity}" = VALIDITY, "{too_late_at}" = "$9::timestamptz");
query!(/** Whether a person may be texted. */ MAY_TEXT, "may_text.sql", false, [UUIDOID, TIMESTAMPTZOID, TEXTOID],
    "{rules}" = RULES, "{limits}" = LIMITS, "{gate}" = GATE, "{person}" = PERSON, "{open_at}" = OPEN_AT,
    "{due}" = "coalesce($2, now())", "{urgency}" = "$3", "{setting}" = "rules", "{zone}" = ZONE);
