//! Verify v2: one-time codes by text or call, proven by a check.
//!
//! Sources: <https://www.twilio.com/docs/verify/api/verification>,
//! <https://www.twilio.com/docs/verify/api/verification-check>,
//! <https://www.twilio.com/docs/verify/api/rate-limits-and-timeouts>.
//!
//! Nothing is sent. The code of every verification is readable under `/_sim/verify`, or fixed by the settings there.

mod api;
mod channel;
pub(crate) mod control;
mod new_verification;
mod refusal;
mod register;
mod resource;
mod rules;
mod settings;
mod verification;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use register::Register;

use crate::simulator::Simulator;

/// The routes of `verify.twilio.com`.
pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/v2/Services/{service}", get(api::service))
        .route("/v2/Services/{service}/Verifications", post(api::start))
        .route(
            "/v2/Services/{service}/Verifications/{verification}",
            get(api::fetch).post(api::update),
        )
        .route("/v2/Services/{service}/VerificationCheck", post(api::check))
}
