//! Twilio's Messages resource: `/2010-04-01/Accounts/{AccountSid}/Messages`.
//!
//! Source: <https://www.twilio.com/docs/messaging/api/message-resource>.

pub(crate) mod create;
mod cursor;
mod filter;
pub(crate) mod list;
pub(crate) mod new_message;
mod resource;
mod schedule;
pub(crate) mod update;
