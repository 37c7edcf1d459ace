//! Texts and replies among the account's messages, where Twilio's API shows them with their direction.

use std::time::Duration;

use super::text::{SentReply, Text};
use crate::form::Form;
use crate::messages::new_message::NewMessage;
use crate::status::{Direction, TwilioStatus};
use crate::store::Message;

/// A text from a person as a message of the account.
pub(super) fn of_text(text: &Text) -> Message {
    let new = NewMessage {
        to: text.to.clone(),
        from: Some(text.from.clone()),
        messaging_service_sid: text.messaging_service_sid.clone(),
        body: text.body.clone(),
        num_media: text.media.len(),
        callback: None,
        send_at: None,
        validity: Duration::ZERO,
    };
    let mut message = Message::new(new, Form::default(), text.received_at);
    message.sid.clone_from(&text.sid);
    message.direction = Direction::Inbound;
    message.order = text.order;
    message.date_sent = Some(text.received_at);
    ended(message, TwilioStatus::Received)
}

/// A reply as a message of the account; it is at its end already.
pub(super) fn of_reply(reply: &SentReply, messaging_service_sid: Option<String>) -> Message {
    let new = NewMessage {
        to: reply.to.clone(),
        from: Some(reply.from.clone()),
        messaging_service_sid,
        body: reply.body.clone(),
        num_media: reply.media.len(),
        callback: None,
        send_at: None,
        validity: Duration::ZERO,
    };
    let mut message = Message::new(new, Form::default(), reply.at);
    message.sid.clone_from(&reply.sid);
    message.direction = reply.direction;
    message.error_code = reply.error_code;
    message.date_sent = reply.status.has_left().then_some(reply.at);
    ended(message, reply.status)
}

fn ended(mut message: Message, status: TwilioStatus) -> Message {
    message.status = status;
    message.status_history[0].status = status;
    message
}
