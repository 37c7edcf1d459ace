//! A delivery tried again by a person: the same message once more, or a new one. Never what may still arrive.

use pgrx::datum::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::emit::{Recorded, Request, record};
use crate::notify;
use crate::queries::{DELIVERY_STATE, RESENT_DELIVERY, RETRY_DELIVERY};
use crate::query::{jsonb_of, jsonb_text};
use crate::report::{Result, not_found, null_argument, unexpected, wrong_state};
use crate::vocabulary::priority_ranks;

/// No message is asked for more often than this, however often somebody says retry.
const MOST_ATTEMPTS: i32 = 10;
/// How often one delivery may be sent anew.
const MOST_RESENDS: i32 = 3;

/// Where a delivery stands.
struct State {
    id: Uuid,
    status: String,
    message_status: Option<String>,
    channel: String,
    recipient: Uuid,
    event: Uuid,
    attempts: i32,
    is_expired: bool,
    code: Option<i32>,
    is_hopeless: bool,
    advice: String,
    event_type: String,
    actor: Option<Uuid>,
    /// `None`: it was erased.
    payload: Option<String>,
    priority: String,
    resends: i32,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn retry_notification_delivery(delivery: Option<Uuid>) -> Result<Uuid> {
    let state = State::of(delivery)?;
    state.refuse_if_it_may_arrive()?;
    let refuse = |why: String| {
        Err(wrong_state(
            format!("delivery {} cannot be tried again: {why}", state.id),
            "Mend the cause, then resend_notification_delivery() makes a new message from today's number and text.",
        ))
    };
    if !matches!(
        state.message_status.as_deref(),
        Some("failed" | "undelivered")
    ) {
        return refuse(format!(
            "it is {}, and only a failed message is",
            state.status
        ));
    }
    if state.is_expired {
        return refuse("the message has expired".to_owned());
    }
    if let (true, Some(code)) = (state.is_hopeless, state.code) {
        return refuse(format!(
            "after error {code} the same message fails again. {}",
            state.advice
        ));
    }
    if state.attempts >= MOST_ATTEMPTS {
        return refuse(format!("it was attempted {} times", state.attempts));
    }
    let (names, ranks) = priority_ranks();
    let arguments = [
        state.id.into(),
        names.into(),
        ranks.into(),
        notify::wakes().into(),
    ];
    RETRY_DELIVERY
        .row(&arguments, |row| row.want(1, "message"))?
        .ok_or_else(|| unexpected("message"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn resend_notification_delivery(delivery: Option<Uuid>) -> Result<Uuid> {
    let state = State::of(delivery)?;
    state.refuse_if_it_may_arrive()?;
    if state.resends >= MOST_RESENDS {
        return Err(wrong_state(
            format!(
                "delivery {} was sent again {} times",
                state.id, state.resends
            ),
            "Emit a new event if this one is still worth a message.",
        ));
    }
    let Some(payload) = state.payload.as_deref().and_then(jsonb_text) else {
        return Err(wrong_state(
            format!("the payload of delivery {} was erased", state.id),
            "Emit a new event.",
        ));
    };
    let metadata =
        json!({"resend_of": state.id.to_string(), "first_event": state.event.to_string()});
    let recorded = record(&Request {
        actor: state.actor,
        target: Some(state.recipient),
        payload: Some(payload),
        metadata: jsonb_of(metadata),
        priority: Some(state.priority),
        channels: Some(vec![state.channel]),
        ..Request::of_type(&state.event_type)
    })?;
    let Recorded::Event(event) = recorded else {
        return Err(unexpected("event"));
    };
    let (new, problems) = RESENT_DELIVERY
        .row(&[event.into()], |row| {
            Ok((row.get::<Uuid>(1)?, row.want::<Vec<String>>(2, "problems")?))
        })?
        .ok_or_else(|| unexpected("event"))?;
    new.ok_or_else(|| {
        let reason = match problems.is_empty() {
            true => format!(
                "user {} is not subscribed to {:?}",
                state.recipient, state.event_type
            ),
            false => problems.join("; "),
        };
        wrong_state(
            format!("delivery {} cannot be sent again: {reason}", state.id),
            "Mend that first; nothing was written.",
        )
    })
}

impl State {
    fn of(delivery: Option<Uuid>) -> Result<Self> {
        let id = delivery.ok_or_else(|| null_argument("p_delivery_id"))?;
        let state = DELIVERY_STATE.row(&[id.into()], |row| {
            Ok(Self {
                id,
                status: row.want(1, "delivery")?,
                message_status: row.get(2)?,
                channel: row.want(3, "delivery")?,
                recipient: row.want(4, "delivery")?,
                event: row.want(5, "delivery")?,
                attempts: row.want(6, "delivery")?,
                is_expired: row.want(7, "delivery")?,
                code: row.get(8)?,
                is_hopeless: row.get(9)?.unwrap_or(false),
                advice: row.get(10)?.unwrap_or_default(),
                event_type: row.want(11, "event")?,
                actor: row.get(12)?,
                payload: row.get(13)?,
                priority: row.want(14, "event")?,
                resends: row.want(15, "count")?,
            })
        })?;
        state.ok_or_else(|| {
            not_found(
                format!("there is no delivery {id}"),
                "Ids are in herald.notification_deliveries; get_notification_failed_deliveries() lists what failed.",
            )
        })
    }

    /// 55000 for what has arrived or may arrive yet: a second message would be one too many.
    fn refuse_if_it_may_arrive(&self) -> Result<()> {
        let refuse = |why: &str, hint: &str| -> Result<()> {
            let id = self.id;
            Err::<(), ErrorReport>(wrong_state(format!("delivery {id} {why}"), hint))
        };
        match (self.status.as_str(), self.message_status.as_deref()) {
            (_, Some("unknown")) => refuse(
                "may have arrived: Twilio was asked and gave no answer",
                "Wait until the doubt is resolved, or decide it with resolve_sms_message(); why() tells.",
            ),
            (_, Some("queued" | "sending" | "sent")) => refuse(
                "is on its way",
                "Wait for its last word; why() tells where it stands.",
            ),
            ("pending" | "deferred" | "queued" | "sent", _) => refuse(
                "still waits or is on its way",
                "Wait for its last word; why() tells where it stands.",
            ),
            ("delivered" | "opened" | "clicked", _) => {
                refuse("has arrived", "Emit a new event to say something more.")
            }
            _ => Ok(()),
        }
    }
}
