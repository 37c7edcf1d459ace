//! The messages in memory. Accepting one and changing its status take constant time, whatever is stored already.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::faults::FaultKind;
use crate::form::Form;
use crate::messages::new_message::NewMessage;
use crate::request_log::RequestLog;
use crate::status::{Direction, TwilioStatus};

/// Everything the simulator remembers.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// In order of arrival, accepted and refused ones.
    messages: Vec<Message>,
    /// Places of the accepted ones: the message with order n is the one at n - 1 here.
    accepted: Vec<usize>,
    /// Places of the refused ones.
    refused: Vec<usize>,
    by_sid: HashMap<String, usize>,
    by_status: BTreeMap<TwilioStatus, u64>,
    /// Every create request.
    pub(crate) requests: RequestLog,
    /// How the callbacks went.
    pub(crate) callbacks: CallbackCounts,
}

/// A message that was accepted, or refused in a way that Twilio lists as a failed message, or a text from a person.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Message {
    /// 1 for the first accepted message, without gaps; likewise for the refused ones.
    pub(crate) order: usize,
    pub(crate) sid: String,
    pub(crate) direction: Direction,
    /// The request that made it, as in the `Twilio-Request-Id` header.
    pub(crate) request_id: String,
    /// What went wrong with the answer to it.
    pub(crate) fault: Option<FaultKind>,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) to: String,
    /// `null` until a Messaging Service has picked a sender.
    pub(crate) from: Option<String>,
    pub(crate) messaging_service_sid: Option<String>,
    /// As it is sent, so with smart encoding where that was asked for. Empty after a redaction.
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
    /// After this time it is not sent any more.
    pub(crate) expires_at: DateTime<Utc>,
    /// The connection override in its StatusCallback that Twilio would refuse.
    pub(crate) refused_override: Option<String>,
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
    /// `no_connection`, `no_answer`, or `lost`: it was not sent at all.
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
    /// Callbacks that were lost on purpose.
    pub(crate) lost: u64,
}

impl Message {
    /// A message that is accepted at `received_at`; its place in the order is given by the store.
    pub(crate) fn new(new: NewMessage, params: Form, received_at: DateTime<Utc>) -> Self {
        let status = new.initial_status();
        let expires_at = new.expires_at(received_at);
        Self {
            order: 0,
            sid: new.sid(),
            direction: Direction::OutboundApi,
            request_id: String::new(),
            fault: None,
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
            expires_at,
            refused_override: new.callback.and_then(|target| target.refused_override),
            status_history: vec![StatusChange {
                status,
                at: received_at,
            }],
            callbacks: Vec::new(),
            deleted: false,
        }
    }

    /// A refused create, with the parameters as they came.
    fn refused(params: Form, error_code: i32, received_at: DateTime<Utc>) -> Self {
        let text = |name| params.filled(name).map(str::to_owned);
        let new = NewMessage {
            to: text("To").unwrap_or_default(),
            from: text("From"),
            messaging_service_sid: text("MessagingServiceSid"),
            body: text("Body").unwrap_or_default(),
            num_media: params.values("MediaUrl").count(),
            callback: None,
            send_at: None,
            validity: Duration::ZERO,
        };
        let mut message = Self::new(new, params, received_at);
        message.status = TwilioStatus::Failed;
        message.error_code = Some(error_code);
        message.status_history[0].status = TwilioStatus::Failed;
        message
    }
}

impl Store {
    /// Accepts a message; the first entry of its history is the status the create answers.
    pub(crate) fn accept(
        &mut self,
        new: NewMessage,
        params: Form,
        received_at: DateTime<Utc>,
    ) -> &mut Message {
        let mut message = Message::new(new, params, received_at);
        message.order = self.accepted.len() + 1;
        self.accepted.push(self.messages.len());
        *self.by_status.entry(message.status).or_default() += 1;
        self.push(message)
    }

    /// Keeps a refused create, which Twilio lists as a failed message.
    pub(crate) fn refuse(
        &mut self,
        params: Form,
        error_code: i32,
        received_at: DateTime<Utc>,
    ) -> &mut Message {
        let mut message = Message::refused(params, error_code, received_at);
        message.order = self.refused.len() + 1;
        self.refused.push(self.messages.len());
        self.push(message)
    }

    /// Keeps a message that no create has made: a text from a person, or the answer to one.
    pub(crate) fn keep(&mut self, message: Message) {
        self.push(message);
    }

    fn push(&mut self, message: Message) -> &mut Message {
        let place = self.messages.len();
        self.by_sid.insert(message.sid.clone(), place);
        self.messages.push(message);
        &mut self.messages[place]
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

    /// Moves a message on. `None`: there is no such message any more, or this status cannot follow the one it has.
    pub(crate) fn advance(
        &mut self,
        sid: &str,
        status: TwilioStatus,
        error_code: Option<i32>,
        at: DateTime<Utc>,
    ) -> Option<&mut Message> {
        let message = &mut self.messages[*self.by_sid.get(sid)?];
        if !message.status.may_become(status) {
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
        let counter = match attempt.error {
            Some("lost") => &mut self.callbacks.lost,
            _ if confirmed => &mut self.callbacks.confirmed,
            _ => &mut self.callbacks.failed,
        };
        *counter += 1;
        self.messages[index].callbacks.push(attempt);
    }

    /// The place of a message in the order of arrival, from 1, deleted or not. `None`: no such message since the last reset.
    pub(crate) fn place(&self, sid: &str) -> Option<usize> {
        Some(self.by_sid.get(sid)? + 1)
    }

    /// All messages in order of arrival: the refused, the deleted and those of people too.
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The accepted messages in order, the deleted ones too.
    pub(crate) fn accepted(&self) -> impl ExactSizeIterator<Item = &Message> + Clone {
        self.accepted.iter().map(|&place| &self.messages[place])
    }

    /// The refused creates that Twilio lists.
    pub(crate) fn refused(&self) -> impl ExactSizeIterator<Item = &Message> + Clone {
        self.refused.iter().map(|&place| &self.messages[place])
    }

    /// How many accepted messages stand in this status.
    pub(crate) fn in_status(&self, status: TwilioStatus) -> u64 {
        self.by_status.get(&status).copied().unwrap_or_default()
    }

    /// How many accepted messages stand in each status.
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
            (store.place(&first), store.place(&second)),
            (Some(1), Some(2))
        );
    }

    #[test]
    fn refused_creates_have_an_order_of_their_own() {
        let mut store = Store::default();
        let params = Form::parse(b"To=%2B1&MessagingServiceSid=MG1&Body=Hi");
        let refused = store.refuse(params, 21211, Utc::now());
        assert_eq!((refused.order, refused.error_code), (1, Some(21211)));
        assert_eq!(refused.status, TwilioStatus::Failed);
        assert_eq!((refused.to.as_str(), refused.body.as_str()), ("+1", "Hi"));
        accept(&mut store, "");
        assert_eq!((store.accepted().len(), store.refused().len()), (1, 1));
        assert_eq!(store.accepted().next().unwrap().order, 1);
        assert_eq!(store.messages().len(), 2);
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
