//! The messages in memory. Accepting one and changing its status take constant time, whatever is stored already.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::form::Form;
use crate::messages::new_message::NewMessage;
use crate::request_log::RequestLog;
use crate::status::TwilioStatus;

/// Everything the simulator remembers.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// In order of acceptance: the message with order n stands at n - 1.
    messages: Vec<Message>,
    by_sid: HashMap<String, usize>,
    by_status: BTreeMap<TwilioStatus, u64>,
    /// Every create request.
    pub(crate) requests: RequestLog,
    /// How the callbacks went.
    pub(crate) callbacks: CallbackCounts,
}

/// A message that was accepted.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Message {
    /// 1 for the first message, without gaps.
    pub(crate) order: usize,
    pub(crate) sid: String,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) to: String,
    /// `null` until a Messaging Service has picked a sender.
    pub(crate) from: Option<String>,
    pub(crate) messaging_service_sid: Option<String>,
    /// Empty after a redaction.
    pub(crate) body: String,
    /// Everything the client sent, a repeated key as an array.
    #[serde(serialize_with = "as_object")]
    pub(crate) params: Form,
    pub(crate) num_media: usize,
    pub(crate) segments: usize,
    pub(crate) status: TwilioStatus,
    pub(crate) error_code: Option<i32>,
    pub(crate) date_updated: DateTime<Utc>,
    pub(crate) date_sent: Option<DateTime<Utc>>,
    pub(crate) status_history: Vec<StatusChange>,
    pub(crate) callbacks: Vec<CallbackTry>,
    /// Deleted by the client: gone from Twilio's API, kept here.
    pub(crate) deleted: bool,
}

/// A status and when it was reached.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StatusChange {
    pub(crate) status: TwilioStatus,
    pub(crate) at: DateTime<Utc>,
}

/// One HTTP request that carried a callback; retries have entries of their own.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CallbackTry {
    pub(crate) status: TwilioStatus,
    /// When it was sent.
    pub(crate) at: DateTime<Utc>,
    /// What the receiver answered; `null` when it did not.
    pub(crate) http_status: Option<u16>,
    /// `no_connection` or `no_answer`.
    pub(crate) error: Option<&'static str>,
    pub(crate) idempotency_token: String,
}

/// How many HTTP requests carried a callback.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct CallbackCounts {
    /// Requests the receiver answered with 2xx.
    pub(crate) confirmed: u64,
    /// Requests with another answer or none.
    pub(crate) failed: u64,
}

impl Store {
    /// Accepts a message; the first entry of its history is `status`.
    pub(crate) fn accept(
        &mut self,
        new: NewMessage,
        params: Form,
        received_at: DateTime<Utc>,
    ) -> &Message {
        let index = self.messages.len();
        let sid = new.sid();
        let status = new.initial_status();
        *self.by_status.entry(status).or_default() += 1;
        self.by_sid.insert(sid.clone(), index);
        self.messages.push(Message {
            order: index + 1,
            sid,
            received_at,
            to: new.to,
            from: new.from,
            messaging_service_sid: new.messaging_service_sid,
            segments: herald_core::segments::count(&new.body).segments,
            body: new.body,
            params,
            num_media: new.num_media,
            status,
            error_code: None,
            date_updated: received_at,
            date_sent: None,
            status_history: vec![StatusChange {
                status,
                at: received_at,
            }],
            callbacks: Vec::new(),
            deleted: false,
        });
        &self.messages[index]
    }

    /// The message with this SID, unless it was deleted.
    pub(crate) fn find(&self, sid: &str) -> Option<&Message> {
        let message = &self.messages[*self.by_sid.get(sid)?];
        (!message.deleted).then_some(message)
    }

    /// As [`Store::find`], to change anything but the status.
    pub(crate) fn find_mut(&mut self, sid: &str) -> Option<&mut Message> {
        let message = &mut self.messages[*self.by_sid.get(sid)?];
        (!message.deleted).then_some(message)
    }

    /// Moves a message on. `None`: there is no such message any more, or it has reached a final status already.
    pub(crate) fn advance(
        &mut self,
        sid: &str,
        status: TwilioStatus,
        error_code: Option<i32>,
        at: DateTime<Utc>,
    ) -> Option<&mut Message> {
        let message = &mut self.messages[*self.by_sid.get(sid)?];
        if message.status.is_final() {
            return None;
        }
        *self.by_status.entry(message.status).or_default() -= 1;
        *self.by_status.entry(status).or_default() += 1;
        message.status = status;
        message.error_code = error_code;
        message.date_updated = at;
        if status == TwilioStatus::Sent {
            message.date_sent = Some(at);
        }
        message.status_history.push(StatusChange { status, at });
        Some(message)
    }

    /// Notes one HTTP request of a callback, unless the message was forgotten in the meantime (a reset).
    pub(crate) fn record_callback(&mut self, sid: &str, attempt: CallbackTry) {
        let Some(&index) = self.by_sid.get(sid) else {
            return;
        };
        let confirmed = attempt
            .http_status
            .is_some_and(|status| (200..300).contains(&status));
        let counter = if confirmed {
            &mut self.callbacks.confirmed
        } else {
            &mut self.callbacks.failed
        };
        *counter += 1;
        self.messages[index].callbacks.push(attempt);
    }

    /// The place of a message in the order of acceptance, deleted or not. `None`: no such message since the last reset.
    pub(crate) fn order(&self, sid: &str) -> Option<usize> {
        Some(self.by_sid.get(sid)? + 1)
    }

    /// All messages in order of acceptance, the deleted ones too.
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// How many messages stand in each status.
    pub(crate) fn by_status(&self) -> &BTreeMap<TwilioStatus, u64> {
        &self.by_status
    }
}

fn as_object<S: Serializer>(form: &Form, serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = Map::new();
    for (key, value) in &form.0 {
        let value = Value::from(value.as_str());
        match object.get_mut(key) {
            None => drop(object.insert(key.clone(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    object.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accept(store: &mut Store, params: &str) -> String {
        let new = NewMessage::example("+14155550100", Some("+15005550006"));
        let params = Form::parse(params.as_bytes());
        store.accept(new, params, Utc::now()).sid.clone()
    }

    #[test]
    fn statuses_end_with_a_final_one_and_are_counted() {
        let mut store = Store::default();
        let sid = accept(&mut store, "");
        assert!(
            store
                .advance(&sid, TwilioStatus::Sent, None, Utc::now())
                .unwrap()
                .date_sent
                .is_some()
        );
        assert!(
            store
                .advance(&sid, TwilioStatus::Failed, Some(30003), Utc::now())
                .is_some()
        );
        assert!(
            store
                .advance(&sid, TwilioStatus::Delivered, None, Utc::now())
                .is_none()
        );
        assert!(
            store
                .advance("SM0", TwilioStatus::Sent, None, Utc::now())
                .is_none()
        );

        let message = store.find(&sid).unwrap();
        assert_eq!(
            (message.status, message.error_code),
            (TwilioStatus::Failed, Some(30003))
        );
        assert_eq!(message.status_history.len(), 3);
        let counted = store.by_status().iter().filter(|(_, count)| **count > 0);
        assert_eq!(counted.collect::<Vec<_>>(), [(&TwilioStatus::Failed, &1)]);
    }

    #[test]
    fn a_deleted_message_keeps_its_place() {
        let mut store = Store::default();
        let first = accept(&mut store, "");
        let second = accept(&mut store, "");
        store.find_mut(&first).unwrap().deleted = true;
        assert!(store.find(&first).is_none());
        assert_eq!(
            (store.order(&first), store.order(&second)),
            (Some(1), Some(2))
        );
    }

    #[test]
    fn parameters_are_shown_as_an_object() {
        let mut store = Store::default();
        accept(&mut store, "To=1&MediaUrl=a&MediaUrl=b&MediaUrl=c");
        let shown = serde_json::to_value(&store.messages()[0]).unwrap();
        assert_eq!(
            shown["params"],
            json!({"To": "1", "MediaUrl": ["a", "b", "c"]})
        );
    }
}
