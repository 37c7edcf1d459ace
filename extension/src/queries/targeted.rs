//! An event for one user: the gate's word on each channel, and the rows that follow from it.

use pgrx::pg_sys::BuiltinOid::{
    self, BOOLOID, INT2OID, INT4OID, JSONBOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID, UUIDOID,
};

use super::gate::{
    AUDIENCE, CONSIDERED, DELIVER, EVENT, GATE, IN_APP, ONCE, OPEN_AT, SUBSCRIBED, TARGET, TEXTS,
    ZONE,
};
use crate::query::Query;

const DECIDE_ARGUMENTS: [BuiltinOid; 13] = [
    UUIDOID,
    TEXTOID,
    JSONBOID,
    TEXTOID,
    BOOLOID,
    BOOLOID,
    TIMESTAMPTZOID,
    TIMESTAMPTZOID,
    TEXTARRAYOID,
    INT4OID,
    INT4OID,
    TEXTOID,
    TEXTARRAYOID,
];

/// What the gate says of one user on one channel, with the application's word on administrators and time zones.
pub const EMIT_DECIDE: Query = Query {
    name: "EMIT_DECIDE",
    text: include_str!("../../../sql/queries/emit_decide.sql"),
    parts: &[
        ("{considered}", CONSIDERED),
        ("{recipients}", TARGET),
        ("{subscribed}", SUBSCRIBED),
        ("{audience}", AUDIENCE),
        ("{gate}", GATE),
        ("{open_at}", OPEN_AT),
        ("{due}", "source.due_at"),
        ("{urgency}", "source.priority"),
        ("{setting}", "source"),
        ("{zone}", ZONE),
    ],
    arguments: &DECIDE_ARGUMENTS,
    writes: true,
    without: &[],
};

const WRITE_ARGUMENTS: [BuiltinOid; 31] = [
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
    BOOLOID,
    TIMESTAMPTZOID,
    TEXTOID,
    TEXTOID,
    UUIDOID,
    TEXTOID,
    TEXTOID,
    TIMESTAMPTZOID,
    TEXTOID,
    UUIDOID,
    UUIDOID,
    UUIDOID,
];

macro_rules! write_query {
    ($(#[$doc:meta])* $name:ident, $writes:literal, $conflict:expr, $channel:literal, $reason:literal, $returning:literal) => {
        $(#[$doc])*
        pub const $name: Query = Query {
            name: stringify!($name),
            text: include_str!("../../../sql/queries/emit_target.sql"),
            parts: &[
                ("{writes}", $writes),
                ("{event}", EVENT),
                ("{returning}", $returning),
                ("{on_conflict}", $conflict),
                ("{in_app}", IN_APP),
                ("{deliver}", DELIVER),
                ("{texts}", TEXTS),
                ("{text_template}", "$31"),
                ("{first}", "true"),
                ("{channel}", $channel),
                ("{reason}", $reason),
            ],
            arguments: &WRITE_ARGUMENTS,
            writes: true,
            without: &[],
        };
    };
}

write_query!(/** An event that concerns nobody now. */
    EMIT_EVENT, ", {event} select id from event", "", "null", "null", "returning id");
write_query!(/** The same with a dedup key: no row comes back if the key is used. */
    EMIT_EVENT_ONCE, ", {event} select id from event", ONCE, "null", "null", "returning id");
write_query!(/** An event and a delivery that is suppressed. */
    EMIT_SUPPRESSED, ", {event}, {deliver} select 1", "", "$25", "$28", "");
write_query!(/** An event with its text. */
    EMIT_TEXT, ", {event}, {deliver}, {texts} select 1", "", "'sms'", "null", "");
write_query!(/** An event with its notification inside the application. */
    EMIT_IN_APP, ", {event}, {in_app} {deliver} select 1", "", "'in_app'", "null", "");
write_query!(/** One more delivery of an event, suppressed. */
    MORE_SUPPRESSED, ", {deliver} select 1", "", "$25", "$28", "");
write_query!(/** One more delivery of an event, with its text. */
    MORE_TEXT, ", {deliver}, {texts} select 1", "", "'sms'", "null", "");
write_query!(/** One more delivery of an event, with its notification inside the application. */
    MORE_IN_APP, ", {in_app} {deliver} select 1", "", "'in_app'", "null", "");
