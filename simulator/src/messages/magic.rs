//! Creates with test credentials: magic numbers decide, nothing is stored, nobody is called back.
//!
//! Source: <https://www.twilio.com/docs/iam/test-credentials>.

use chrono::{DateTime, Utc};

use super::answer::Answer;
use super::new_message::NewMessage;
use super::resource::MessageResource;
use crate::error::ApiError;
use crate::form::Form;
use crate::simulator::Simulator;
use crate::store::Message;

/// The one sender that works.
const VALID_SENDER: &str = "+15005550006";

/// The answer to a create with test credentials.
pub(super) fn answer(simulator: &Simulator, form: Form, now: DateTime<Utc>) -> Answer {
    let new = match read(&form, now) {
        Ok(new) => new,
        Err(error) => return Answer::refused(error),
    };
    let account_sid = simulator.credentials.test_account_sid();
    let message = Message::new(new, form, now);
    Answer::Created(Box::new(MessageResource::new(&message, account_sid)))
}

fn read(form: &Form, now: DateTime<Utc>) -> Result<NewMessage, ApiError> {
    NewMessage::check_presence(form)?;
    if let Some(from) = form.filled("From") {
        refuse_sender(from)?;
    }
    refuse_recipient(form.filled("To").unwrap_or_default())?;
    NewMessage::read_parameters(form, now)
}

fn refuse_sender(from: &str) -> Result<(), ApiError> {
    match from {
        VALID_SENDER => Ok(()),
        "+15005550001" => Err(ApiError::bad_request(
            21212,
            format!(
                "The 'From' number {from} is not a valid phone number, shortcode, or alphanumeric sender ID."
            ),
        )),
        "+15005550008" => Err(ApiError::of_code(21611).saying("SMS queue is full.")),
        _ => Err(ApiError::bad_request(
            21606,
            format!(
                "The From phone number {from} is not a valid, SMS-capable inbound phone number or short code for your account."
            ),
        )),
    }
}

fn refuse_recipient(to: &str) -> Result<(), ApiError> {
    match to {
        "+15005550001" => Err(ApiError::bad_request(
            21211,
            format!("The 'To' number {to} is not a valid phone number."),
        )),
        "+15005550002" => Err(ApiError::of_code(21612)),
        "+15005550003" => Err(ApiError::of_code(21408)),
        "+15005550004" => Err(ApiError::of_code(21610)),
        "+15005550009" => Err(ApiError::bad_request(
            21614,
            format!("To number: {to}, is not a mobile number"),
        )),
        _ => Ok(()),
    }
}
