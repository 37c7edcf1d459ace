//! What we tell systemd. Without it (no `NOTIFY_SOCKET`) every call does nothing.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// systemd is told at most this often; `WatchdogSec` is many times longer.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// While we wait for Postgres at the start, systemd's start time-out is pushed this far ahead.
const START_EXTENSION: Duration = Duration::from_secs(60);

/// Remembers what was said last.
#[derive(Debug, Default)]
pub(crate) struct Systemd {
    told: Option<Instant>,
    ready: bool,
    finished_before: u64,
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}

impl Systemd {
    /// Everything is up: database, LISTEN or polling, HTTP.
    pub(crate) fn ready(&mut self) {
        if !std::mem::replace(&mut self.ready, true) {
            tell(&[NotifyState::Ready]);
        }
    }

    /// From the main loop, each time it comes round: feeds the watchdog and says what is going on. `sending` texts are
    /// on their way, `finished` requests were finished so far.
    pub(crate) fn tick(&mut self, connected: bool, sending: usize, finished: u64) {
        let now = Instant::now();
        let since = self.told.map(|told| now - told);
        if since.is_some_and(|since| since < TELL_EVERY) {
            return;
        }
        let seconds = since.map_or(1.0, |since| since.as_secs_f64());
        let rate = finished.saturating_sub(self.finished_before) as f64 / seconds;
        self.told = Some(now);
        self.finished_before = finished;
        let status = match connected {
            true => format!("sending {rate:.0}/s, {sending} on their way"),
            false => format!("waiting for Postgres, {sending} on their way"),
        };
        let start = NotifyState::ExtendTimeoutUsec(
            u32::try_from(START_EXTENSION.as_micros()).unwrap_or(u32::MAX),
        );
        let mut states = vec![NotifyState::Watchdog, NotifyState::Status(&status)];
        if !self.ready {
            states.push(start);
        }
        tell(&states);
    }

    /// We were asked to stop.
    pub(crate) fn stopping() {
        tell(&[NotifyState::Stopping]);
    }
}
