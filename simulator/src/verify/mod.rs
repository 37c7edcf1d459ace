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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{get, post};

use crate::simulator::Simulator;
use register::Register;
pub(crate) use settings::is_code;

/// Verify's part of the simulator.
pub(crate) struct Verify {
    /// Services of the account; empty: any well-formed one.
    services: Vec<String>,
    /// The code the command line gives every verification.
    code: Option<String>,
    register: Mutex<Register>,
}

impl Verify {
    /// Verify without verifications. With a `code`, every verification has it.
    pub(crate) fn new(services: Vec<String>, code: Option<String>) -> Self {
        Self {
            services,
            register: Mutex::new(Register::new(code.clone())),
            code,
        }
    }

    /// Forgets verifications, settings and rules.
    pub(crate) fn reset(&self) {
        *self.register() = Register::new(self.code.clone());
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
