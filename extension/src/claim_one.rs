//! A text that is due alone, which is what an idle daemon is woken for: what is known of its person is read without a statement,
//! and if nothing stands in its way it is claimed by a small one. All others are left to `claim.sql`, and so is every decision
//! but that. That both write the same is tested (`pg_test/sql/claim_one.sql`).

use std::rc::Rc;

use herald_core::gate::Subscription;
use herald_core::limits::{Count, has_room};
use herald_core::priority::Priority;
use pgrx::datetime;
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::claim::{QueuePlace, Text};
use crate::direct::Known;
use crate::direct::read::{Place, Table};
use crate::id::new_id;
use crate::person::{self, Person, Wanted};
use crate::queries::{CLAIM_LOOK, CLAIM_ONE};
use crate::query::{FreshSnapshot, Row};
use crate::quiet::{herald_closes_at, herald_day_start};
use crate::registry::{self, EventType};
use crate::report::{Result, unexpected};

const DELIVERIES: Table = Table {
    name: c"notification_deliveries",
    index: c"notification_deliveries_pkey",
    keys: &[(c"id", pg_sys::UUIDOID)],
    columns: &[
        (c"event_id", pg_sys::UUIDOID),
        (c"status", pg_sys::TEXTOID),
        (c"channel_identifier", pg_sys::TEXTOID),
    ],
};
const EVENTS: Table = Table {
    name: c"notification_events",
    index: c"notification_events_pkey",
    keys: &[(c"id", pg_sys::UUIDOID)],
    columns: &[
        (c"status", pg_sys::TEXTOID),
        (c"event_type", pg_sys::TEXTOID),
    ],
};

thread_local! {
    /// The two tables, if both are as we make them.
    static PLACES: Known<Option<[Place; 2]>> = const { Known::new() };
}

/// What became of a claim: its texts and where they stood in the queue.
type Claimed = (Vec<Text>, Vec<QueuePlace>);

/// What `claim_look.sql` found due, locked by this transaction.
struct Due {
    message: Uuid,
    attempt: i32,
    place: QueuePlace,
    text: Option<DueText>,
}

/// Its text and the person it is for.
struct DueText {
    user: Uuid,
    /// None for a text that was queued without an event.
    delivery: Option<Uuid>,
    priority: String,
    body: String,
    expires_at: Option<TimestampWithTimeZone>,
    person_id: Uuid,
    zone: String,
    counts: Counts,
}

/// What a person has been sent, and how much it may be.
struct Counts {
    most_per_day: i32,
    day: Count,
    hour: Count,
}

/// What a delivery and its event say.
#[derive(Default)]
struct Origin {
    event_type: String,
    is_cancelled: bool,
    is_deferred: bool,
    number: Option<String>,
}

/// Claims the one text that is due, or finds that nothing is. `None`: more is due, or something stands in its way.
pub fn claim(
    worker: Uuid,
    ranks: &[i16],
    floors: &[Option<TimestampWithTimeZone>],
) -> Result<Option<Claimed>> {
    let arguments = [ranks.to_vec().into(), floors.to_vec().into()];
    let due = CLAIM_LOOK.rows(&arguments, Due::read)?;
    match &due[..] {
        [] => Ok(Some((Vec::new(), Vec::new()))),
        [due] => due.claim(worker),
        _ => Ok(None),
    }
}

impl Due {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            message: row.want(1, "message")?,
            attempt: row.want(2, "attempt")?,
            place: (row.want(3, "rank")?, row.want(4, "due time")?),
            text: DueText::read(row)?,
        })
    }

    fn claim(&self, worker: Uuid) -> Result<Option<Claimed>> {
        let Some(text) = &self.text else {
            return Ok(None);
        };
        let Some(going) = text.going()? else {
            return Ok(None);
        };
        let batch = new_id();
        let arguments = [
            worker.into(),
            batch.into(),
            self.message.into(),
            self.attempt.into(),
            going.number.as_str().into(),
            text.person_id.into(),
            going.is_day.into(),
            going.is_hour.into(),
            going.too_late_at.into(),
        ];
        let written = CLAIM_ONE.row(&arguments, |row| {
            Ok((row.want(1, "lease")?, row.get::<i32>(2)?))
        })?;
        let (lease, validity) = written.ok_or_else(|| unexpected("setting lease_seconds"))?;
        let text = (
            batch,
            self.message,
            self.attempt,
            going.number,
            text.body.clone(),
            text.priority.clone(),
            validity,
            lease,
        );
        Ok(Some((vec![text], vec![self.place])))
    }
}

/// A text that nothing stands in the way of.
struct Going {
    number: String,
    is_day: bool,
    is_hour: bool,
    too_late_at: TimestampWithTimeZone,
}

impl DueText {
    /// `None`: the text or its person is locked, settled, or of another kind.
    fn read(row: &Row<'_>) -> Result<Option<Self>> {
        let Some(person_id) = row.get(10)? else {
            return Ok(None);
        };
        let time = |column| row.want::<TimestampWithTimeZone>(column, "time of a count");
        Ok(Some(Self {
            user: row.want(5, "user")?,
            delivery: row.get(6)?,
            priority: row.want(7, "priority")?,
            body: row.want(8, "text")?,
            expires_at: row.get(9)?,
            person_id,
            zone: row.want(11, "time zone")?,
            counts: Counts {
                most_per_day: row.want(12, "limit")?,
                day: Count {
                    texts: row.want(13, "count")?,
                    since: time(14)?.into(),
                },
                hour: Count {
                    texts: row.want(15, "count")?,
                    since: time(16)?.into(),
                },
            },
        }))
    }

    /// `None`: something stands in its way, or it takes a statement to know.
    fn going(&self) -> Result<Option<Going>> {
        let Some((person, rules)) = self.person()? else {
            return Ok(None);
        };
        let at = datetime::now().into();
        let priority: Priority = self.priority.parse().map_err(|_| unexpected("priority"))?;
        let expires_at = self.expires_at.map(i64::from);
        let wanted = Wanted {
            subscription: person.subscription,
            priority,
            due_at: at,
            expires_at,
        };
        let Ok(verdict) = person.gate(self.user, Some(&self.zone), &rules, &wanted) else {
            return Ok(None);
        };
        let counts = &self.counts;
        let today = [0, 1].map(|days| herald_day_start(at, &self.zone, days));
        let (of_day, of_hour) = (
            counts.day.of_day(today[0], today[1]),
            counts.hour.of_hour(at),
        );
        let has_room = has_room(of_day, Some(counts.most_per_day))
            && has_room(of_day, person.most_per_day)
            && has_room(of_hour, person.most_per_hour);
        if verdict.refusal.is_some() || verdict.open_at != Some(at) || !has_room {
            return Ok(None);
        }
        let closes_at = match person.quiet_hours {
            Some((start, end)) if !person.takes_always(priority) => {
                herald_closes_at(at, start, end, &self.zone)
            }
            _ => i64::MAX,
        };
        let too_late_at = expires_at.map_or(closes_at, |at| at.min(closes_at));
        Ok(Some(Going {
            number: person.phone_number.ok_or_else(|| unexpected("number"))?,
            is_day: of_day.is_some(),
            is_hour: of_hour.is_some(),
            too_late_at: too_late_at.try_into().map_err(|_| unexpected("time"))?,
        }))
    }

    /// The person, as they want this text, and the rules for it. `None`: somebody has cancelled it, or it takes a statement.
    fn person(&self) -> Result<Option<(Person, Rc<EventType>)>> {
        let Some(delivery) = self.delivery else {
            let person = person::look(self.user, registry::NO_TYPE, None).map(|person| Person {
                subscription: Subscription::Active,
                is_enabled: true,
                ..person
            });
            return Ok(person.zip(Some(registry::installation()?)));
        };
        let Some(origin) = origin(delivery) else {
            return Ok(None);
        };
        let rules = registry::event_type(&origin.event_type)?;
        let person = person::look(self.user, &origin.event_type, None).map(|person| Person {
            // What was wanted when it was emitted is wanted.
            subscription: match person.subscription {
                Subscription::Filtered => Subscription::Active,
                other => other,
            },
            ..person
        });
        let person = person.filter(|person| {
            let is_noted = !origin.is_deferred && origin.number == person.phone_number;
            is_noted && !origin.is_cancelled && rules.is_known && !rules.admin_only
        });
        Ok(person.zip(Some(rules)))
    }
}

/// What a delivery and its event say. `None`: they are gone, or the tables are not as we make them.
fn origin(delivery: Uuid) -> Option<Origin> {
    let _now = FreshSnapshot::begin();
    let find = || Some([Place::find(&DELIVERIES)?, Place::find(&EVENTS)?]);
    let (state, places) = PLACES.with(|places| places.get(find));
    let [deliveries, events] = places.as_ref().as_ref()?;
    let mut origin = Origin::default();
    let mut event: Option<Uuid> = None;
    deliveries.row(state, &[delivery.into_datum()?], |row| {
        event = row.get(0);
        origin.is_deferred = row.get::<&str>(1) == Some("deferred");
        origin.number = row.get(2);
    })?;
    let mut event_type = None;
    events.row(state, &[event?.into_datum()?], |row| {
        origin.is_cancelled = row.get::<&str>(0) == Some("cancelled");
        event_type = row.get(1);
    })?;
    origin.event_type = event_type?;
    Some(origin)
}
