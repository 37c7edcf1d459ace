//! Texts from people: what Twilio does with STOP, START and HELP, the inbound webhook, and what it answers.
//!
//! Sources: <https://www.twilio.com/docs/messaging/guides/webhook-request>,
//! <https://www.twilio.com/docs/messaging/twiml>, <https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out>.
//!
//! Nobody texts the simulator: a text comes in through `POST /_sim/inbound`.

pub(crate) mod control;
mod country;
mod opt_outs;
mod receive;
mod record;
mod replies;
mod services;
mod text;
mod twiml;
mod webhook;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::simulator::Simulator;
use opt_outs::{OptOuts, Verdict};
use services::InboundSettings;
use text::Text;

/// Inbound texts and opt-outs of the simulator.
pub(crate) struct Inbound {
    /// The webhook the command line gave.
    url: Option<String>,
    state: Mutex<State>,
}

/// Everything that is remembered.
#[derive(Debug, Default)]
struct State {
    settings: InboundSettings,
    opt_outs: OptOuts,
    /// In order of arrival: the text with order n stands at n - 1.
    texts: Vec<Text>,
}

impl Inbound {
    /// No texts and nobody opted out; texts are sent to `url`.
    pub(crate) fn new(url: Option<String>) -> Self {
        Self {
            state: Mutex::new(State::new(url.clone())),
            url,
        }
    }

    /// Forgets texts, opt-outs and settings.
    pub(crate) fn reset(&self) {
        *self.state() = State::new(self.url.clone());
    }

    /// The sender pool of a Messaging Service; empty: it was given none.
    pub(crate) fn senders_of(&self, service: &str) -> Vec<String> {
        let state = self.state();
        let service = state.settings.messaging_services.get(service);
        service.map_or_else(Vec::new, |service| service.senders.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(url: Option<String>) -> Self {
        Self {
            settings: InboundSettings::to_url(url),
            ..Self::default()
        }
    }
}

/// Whether a create may go on: `from` is the sender, `None` when the Messaging Service `service` picks one.
pub(crate) fn verdict(
    simulator: &Simulator,
    to: &str,
    from: Option<&str>,
    service: Option<&str>,
) -> Verdict {
    let picked = || simulator.pool_sender(to, service);
    let from = from.map_or_else(picked, str::to_owned);
    let state = simulator.inbound.state();
    state.opt_outs.verdict(to, &from, service, &state.settings)
}
