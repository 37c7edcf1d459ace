//! The state all requests share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::auth::{Credentials, Tokens};
use crate::callbacks::Courier;
use crate::cli::Options;
use crate::clock::Clock;
use crate::faults::chances::Chances;
use crate::faults::plan::FaultPlan;
use crate::inbound::Inbound;
use crate::queues::{SenderQueues, Turn};
use crate::rules::Rules;
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
    initial: Changeable,
    settings: Mutex<Settings>,
    rules: Mutex<Rules>,
    chances: Mutex<Chances>,
    faults: Mutex<FaultPlan>,
    queues: Mutex<SenderQueues>,
    store: Mutex<Store>,
    requests_under_way: AtomicUsize,
}

/// What the command line sets and the control side changes.
struct Changeable {
    settings: Settings,
    rules: Rules,
    chances: Chances,
}

/// One request under way; dropped, it is over.
pub(crate) struct RequestUnderWay {
    simulator: Arc<Simulator>,
    /// How many there are with this one.
    pub(crate) count: usize,
}

impl Simulator {
    /// A simulator without messages.
    pub(crate) fn new(options: Options) -> Self {
        let initial = Changeable {
            settings: options.settings(),
            rules: options.rules(),
            chances: Chances::new(options.fault_seed, options.faults),
        };
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
            settings: Mutex::new(initial.settings.clone()),
            rules: Mutex::new(initial.rules.clone()),
            chances: Mutex::new(initial.chances.clone()),
            initial,
            faults: Mutex::default(),
            queues: Mutex::default(),
            store: Mutex::default(),
            requests_under_way: AtomicUsize::new(0),
        }
    }

    /// The messages and requests.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// The faults planned for the next creates.
    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultPlan> {
        lock(&self.faults)
    }

    /// The faults that come by chance.
    pub(crate) fn chances(&self) -> MutexGuard<'_, Chances> {
        lock(&self.chances)
    }

    /// The rules for certain messages.
    pub(crate) fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }

    /// The present settings.
    pub(crate) fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    /// The sender a Messaging Service picks for this recipient, always the same one: from its own pool if it was
    /// given one, otherwise from the senders of the account.
    pub(crate) fn pool_sender(&self, to: &str, service: Option<&str>) -> String {
        let own = service.map(|service| self.inbound.senders_of(service));
        let own = own.filter(|senders| !senders.is_empty());
        let pool = own.as_ref().unwrap_or(&self.senders);
        let sum: usize = to.bytes().map(usize::from).sum();
        let place = sum.checked_rem(pool.len());
        place
            .and_then(|place| pool.get(place).cloned())
            .unwrap_or_else(|| DEFAULT_POOL_SENDER.to_owned())
    }

    /// When a message of this sender that comes at `now` leaves: at once, unless senders have queues.
    pub(crate) fn take_turn(
        &self,
        sender: &str,
        segments: usize,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Turn {
        let Some(rates) = self.settings().sender_queues.clone() else {
            return Turn::At(now);
        };
        lock(&self.queues).take(sender, segments, now, expires_at, &rates)
    }

    /// Counts a request of Twilio's side until the answer is dropped.
    pub(crate) fn begin_request(self: &Arc<Self>) -> RequestUnderWay {
        RequestUnderWay {
            simulator: Arc::clone(self),
            count: self.requests_under_way.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }

    /// Forgets messages, requests and faults, and returns to real time and to what the command line said.
    pub(crate) fn reset(&self) {
        *self.settings() = self.initial.settings.clone();
        *self.rules() = self.initial.rules.clone();
        *self.chances() = self.initial.chances.clone();
        *self.faults() = FaultPlan::default();
        *lock(&self.queues) = SenderQueues::default();
        *self.store() = Store::default();
        self.inbound.reset();
        self.verify.reset();
        self.credentials.reset();
        self.clock.reset();
    }
}

impl Drop for RequestUnderWay {
    fn drop(&mut self) {
        self.simulator
            .requests_under_way
            .fetch_sub(1, Ordering::Relaxed);
    }
}

/// A panic in another request must not take the simulator down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
