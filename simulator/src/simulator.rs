//! The state all requests share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::auth::{Credentials, Tokens};
use crate::callbacks::Courier;
use crate::cli::Options;
use crate::clock::Clock;
use crate::faults::FaultPlan;
use crate::inbound::Inbound;
use crate::settings::Settings;
use crate::store::Store;
use crate::verify::Verify;

/// The sender a Messaging Service picks when no sender was configured: Twilio's own test number.
const DEFAULT_POOL_SENDER: &str = "+15005550006";

/// One simulated account. No lock is ever held across an await.
pub(crate) struct Simulator {
    /// Who may call.
    pub(crate) credentials: Credentials,
    /// Senders the account owns; empty: any well-formed one.
    pub(crate) senders: Vec<String>,
    /// Messaging Services of the account; empty: any well-formed one.
    pub(crate) messaging_services: Vec<String>,
    /// What time it is here.
    pub(crate) clock: Clock,
    /// Sends the callbacks.
    pub(crate) courier: Courier,
    /// Texts from people, and who has opted out.
    pub(crate) inbound: Inbound,
    /// Verifications.
    pub(crate) verify: Verify,
    initial_settings: Settings,
    settings: Mutex<Settings>,
    faults: Mutex<FaultPlan>,
    store: Mutex<Store>,
}

impl Simulator {
    /// A simulator without messages.
    pub(crate) fn new(options: Options) -> Self {
        let settings = Settings::new(
            options.delay_queued_ms,
            options.delay_sent_ms,
            options.delay_delivered_ms,
        );
        Self {
            clock: Clock::default(),
            courier: Courier::default(),
            credentials: Credentials::new(
                options.account_sid,
                Tokens {
                    primary: options.auth_token,
                    secondary: options.secondary_auth_token,
                },
                options
                    .api_key
                    .zip(options.api_secret)
                    .into_iter()
                    .collect(),
                options.test_account_sid.zip(options.test_auth_token),
            ),
            inbound: Inbound::new(options.inbound_url),
            verify: Verify::new(options.verify_services, options.verify_code),
            senders: options.senders,
            messaging_services: options.messaging_services,
            settings: Mutex::new(settings.clone()),
            initial_settings: settings,
            faults: Mutex::default(),
            store: Mutex::default(),
        }
    }

    /// The messages and requests.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// The faults to come.
    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultPlan> {
        lock(&self.faults)
    }

    /// The present settings.
    pub(crate) fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    /// The sender a Messaging Service picks.
    pub(crate) fn pool_sender(&self) -> &str {
        self.senders
            .first()
            .map_or(DEFAULT_POOL_SENDER, String::as_str)
    }

    /// Forgets messages, requests and faults, and returns to real time and to the settings of the command line.
    pub(crate) fn reset(&self) {
        *self.settings() = self.initial_settings.clone();
        *self.faults() = FaultPlan::default();
        *self.store() = Store::default();
        self.inbound.reset();
        self.verify.reset();
        self.credentials.reset();
        self.clock.reset();
    }
}

/// A panic in another request must not take the simulator down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
