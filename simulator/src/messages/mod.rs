//! Twilio's Messages resource: `/2010-04-01/Accounts/{AccountSid}/Messages`.
//!
//! Source: <https://www.twilio.com/docs/messaging/api/message-resource>.

mod answer;
mod content;
mod create;
mod cursor;
mod filter;
mod list;
mod magic;
pub(crate) mod new_message;
mod options;
mod parties;
mod resource;
mod schedule;
mod update;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::simulator::Simulator;

/// The routes of the resource.
pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route(
            "/2010-04-01/Accounts/{account}/Messages.json",
            post(create::create).get(list::list),
        )
        .route(
            "/2010-04-01/Accounts/{account}/Messages/{message}",
            get(update::fetch)
                .post(update::update)
                .delete(update::delete),
        )
}
