//! One verification and its life: sends, checks, and how it ends.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::channel::Channel;
use super::new_verification::NewVerification;
use super::settings::VerifySettings;
use crate::identifiers::new_sid;

/// How often a verification may be fetched: within so many seconds, so many times.
const FETCH_LIMITS: [(i64, usize); 3] = [(60, 60), (3_600, 180), (86_400, 250)];

/// A verification, whatever became of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Verification {
    pub(super) sid: String,
    pub(super) service_sid: String,
    pub(super) to: String,
    /// Of the latest send.
    pub(super) channel: Channel,
    /// What the person would read.
    pub(super) code: String,
    pub(super) status: VerificationStatus,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) sends: Vec<Send>,
    /// Checks that were answered, right or wrong.
    pub(super) checks: u32,
    /// The form of the carrier in `lookup`.
    #[serde(skip)]
    pub(super) has_lookup: bool,
    #[serde(skip)]
    fetches: Vec<DateTime<Utc>>,
}

/// One sending of the code.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Send {
    pub(super) time: DateTime<Utc>,
    pub(super) channel: Channel,
    pub(super) attempt_sid: String,
}

/// A status in Twilio's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum VerificationStatus {
    /// Waits for the right code.
    Pending,
    /// The right code came.
    Approved,
    /// Ended by the account.
    Canceled,
    /// No check is left; it blocks its number until it expires.
    MaxAttemptsReached,
    /// Its time ran out.
    Expired,
}

impl Verification {
    /// A verification whose code is sent for the first time.
    pub(super) fn start(
        service_sid: &str,
        new: &NewVerification,
        settings: &VerifySettings,
        now: DateTime<Utc>,
    ) -> Self {
        let mut verification = Self {
            sid: new_sid("VE"),
            service_sid: service_sid.to_owned(),
            to: new.to.clone(),
            channel: new.channel,
            code: new
                .custom_code
                .clone()
                .unwrap_or_else(|| settings.new_code()),
            status: VerificationStatus::Pending,
            created_at: now,
            updated_at: now,
            expires_at: now + TimeDelta::seconds(settings.ttl_seconds.into()),
            sends: Vec::new(),
            checks: 0,
            has_lookup: settings.lookup,
            fetches: Vec::new(),
        };
        verification.send(new.channel, now);
        verification
    }

    /// Sends the same code again. Its life does not become longer.
    pub(super) fn send(&mut self, channel: Channel, now: DateTime<Utc>) {
        self.channel = channel;
        self.updated_at = now;
        self.sends.push(Send {
            time: now,
            channel,
            attempt_sid: new_sid("VL"),
        });
    }

    /// Ends the verification.
    pub(super) fn end(&mut self, status: VerificationStatus, now: DateTime<Utc>) {
        self.status = status;
        self.updated_at = now;
    }

    /// Marks it as expired when its time has run out and nothing else has ended it.
    pub(super) fn age(&mut self, now: DateTime<Utc>) {
        if self.status == VerificationStatus::Pending && now >= self.expires_at {
            self.end(VerificationStatus::Expired, self.expires_at);
        }
    }

    /// Whether Twilio still has it: what is approved, cancelled or past its time is not found any more.
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        let is_alive = matches!(
            self.status,
            VerificationStatus::Pending | VerificationStatus::MaxAttemptsReached
        );
        is_alive && now < self.expires_at
    }

    /// Counts a fetch; `false` says that there were too many.
    pub(super) fn count_fetch(&mut self, now: DateTime<Utc>) -> bool {
        let within = |seconds: i64| {
            let since = now - TimeDelta::seconds(seconds);
            self.fetches.iter().filter(|time| **time > since).count()
        };
        if FETCH_LIMITS
            .iter()
            .any(|&(seconds, limit)| within(seconds) >= limit)
        {
            return false;
        }
        self.fetches.push(now);
        true
    }
}
