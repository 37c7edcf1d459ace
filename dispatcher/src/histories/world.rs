//! The course of one history: what happens next is what is due first; when, and with which fate, the seed decides.

mod sending;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use herald_core::status::MessageStatus;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::Rules;
use super::daemon::{Daemon, Job};
use super::provider::Provider;
use super::store::{Report, Store};
use crate::config::Sender;
use crate::protocol::look::{groups, verdicts};
use crate::records::LookResult;
use crate::twilio::Answer;

const BEGIN: i64 = 1_700_000_000_000;
/// Longer than any lease, decision wait and schedule of retries together.
const END: i64 = BEGIN + 12 * 3600 * 1000;
/// Disturbances come in the first quarter of an hour; then the world is quiet and everything has to settle.
const UNREST: i64 = 900_000;
const CONCURRENCY: usize = 3;

enum Event {
    Emit {
        to: String,
        body: String,
    },
    Write {
        host: usize,
        start: u32,
        job: Job,
    },
    Answer {
        host: usize,
        start: u32,
        job: Job,
        answer: Answer,
    },
    Flush {
        host: usize,
        start: u32,
    },
    Callback {
        place: usize,
        attempt: i32,
        sid: String,
        status: MessageStatus,
        tries: u32,
    },
    Settle {
        results: Vec<LookResult>,
    },
    Die {
        host: usize,
    },
    Start {
        host: usize,
    },
    Freeze {
        host: usize,
        until: i64,
    },
    Outage {
        until: i64,
    },
}

/// An event in the heap: time, then order of creation.
struct Due(i64, u64, Event);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// Everything there is.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) provider: Provider,
    /// What happened, for whoever reads a failed history.
    pub(super) story: Vec<String>,
    rules: Rules,
    random: SmallRng,
    now: i64,
    events: BinaryHeap<Reverse<Due>>,
    counter: u64,
    hosts: Vec<Daemon>,
    database_away_until: i64,
    /// Twilio's clock minus the database's.
    skew: i64,
}

impl World {
    /// A world with some emits and disturbances to come.
    pub(super) fn new(seed: u64, rules: Rules) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut store = Store::new(rules);
        let hosts = (0..random.random_range(1..=3))
            .map(|_| Daemon::new(store.id()))
            .collect();
        let skew = random.random_range(-rules.skew..=rules.skew) * 9 / 10;
        let mut world = Self {
            store,
            provider: Provider::default(),
            story: Vec::new(),
            rules,
            random,
            now: BEGIN,
            events: BinaryHeap::new(),
            counter: 0,
            hosts,
            database_away_until: 0,
            skew,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        for _ in 0..self.random.random_range(1..=8) {
            let to = format!("+1415555010{}", self.random.random_range(0..3));
            let body = format!("text {}", self.random.random_range(0..2));
            let at = self.within(UNREST / 2);
            self.at(at, Event::Emit { to, body });
        }
        for host in 0..self.hosts.len() {
            for _ in 0..self.random.random_range(0..4) {
                let at = self.within(UNREST);
                self.at(at, Event::Die { host });
            }
            for _ in 0..self.random.random_range(0..2) {
                let at = self.within(UNREST);
                let until = at + self.random.random_range(1..600_000);
                self.at(at, Event::Freeze { host, until });
            }
        }
        for _ in 0..self.random.random_range(0..3) {
            let at = self.within(UNREST);
            let until = at + self.random.random_range(1..150_000);
            self.at(at, Event::Outage { until });
        }
    }

    fn within(&mut self, time: i64) -> i64 {
        BEGIN + self.random.random_range(0..time)
    }

    fn chance(&mut self, per_cent: u32) -> bool {
        self.random.random_ratio(per_cent, 100)
    }

    fn at(&mut self, time: i64, event: Event) {
        self.counter += 1;
        self.events.push(Reverse(Due(time, self.counter, event)));
    }

    fn tell(&mut self, what: String) {
        self.story.push(format!("{:>9} {what}", self.now - BEGIN));
    }

    /// To the end: until nothing is due any more.
    pub(super) fn run(&mut self) {
        while self.now < END {
            let next = self.events.peek().map(|Reverse(due)| due.0);
            let work = self.next_work();
            match (next, work) {
                (None, None) => return,
                (Some(next), Some((time, host))) if time < next => self.round(time, host),
                (None, Some((time, host))) => self.round(time, host),
                (Some(_), _) => {
                    if let Some(Reverse(Due(time, _, event))) = self.events.pop() {
                        self.now = self.now.max(time);
                        self.happen(event);
                    }
                }
            }
        }
    }

    /// Which daemon has something to do next, and when.
    fn next_work(&mut self) -> Option<(i64, usize)> {
        let due = self.store.next_due();
        let mut best = None;
        for (host, daemon) in self
            .hosts
            .iter()
            .enumerate()
            .filter(|(_, daemon)| daemon.runs)
        {
            let lease = (!daemon.held.batches().is_empty()).then_some(daemon.extend_at);
            let Some(wanted) = due.into_iter().chain(lease).min() else {
                continue;
            };
            let time = wanted
                .max(self.now)
                .max(daemon.frozen_until)
                .max(daemon.rests_until)
                .max(self.database_away_until);
            if best.is_none_or(|(earliest, _)| time < earliest) {
                best = Some((time, host));
            }
        }
        best
    }

    /// One round of a daemon's main loop and of its reconciler.
    fn round(&mut self, time: i64, host: usize) {
        self.now = time;
        let now = time;
        let daemon = &mut self.hosts[host];
        daemon.rests_until = now + 1000;
        let batches = daemon.held.batches();
        if batches.is_empty() {
            daemon.extend_at = now + self.rules.lease / 3;
        } else if now >= daemon.extend_at {
            let held = self.store.extend(daemon.worker, &batches, now);
            for lost in batches.iter().filter(|batch| !held.contains(batch)) {
                daemon.held.lost(*lost);
            }
            daemon.extend_at = now + self.rules.lease / 3;
        }
        self.store.expire(now);
        self.claim(host);
        self.look(host);
    }

    fn claim(&mut self, host: usize) {
        let daemon = &mut self.hosts[host];
        let room = daemon.held.room(CONCURRENCY);
        if room == 0 {
            return;
        }
        let texts = self.store.claim(daemon.worker, room, self.now);
        let start = daemon.start;
        for text in &texts {
            daemon.held.claimed(text.batch_id);
        }
        let claimed_at = self.now;
        if !texts.is_empty() && self.chance(3) {
            self.at(claimed_at, Event::Die { host });
        }
        for text in texts {
            let Some(place) = self.store.place(text.message_id) else {
                continue;
            };
            let wait = if self.chance(10) {
                self.random.random_range(0..70_000)
            } else {
                self.random.random_range(0..500)
            };
            let job = Job {
                text,
                claimed_at,
                place,
            };
            self.tell(format!(
                "host {host} claims {place} attempt {}",
                job.text.attempt
            ));
            self.at(claimed_at + wait, Event::Write { host, start, job });
        }
    }

    fn look(&mut self, host: usize) {
        let claimed = self.store.claim_unknown(1, self.now);
        let sender = Sender::From(super::SENDER.to_owned());
        for group in groups(claimed) {
            let took = self.random.random_range(50..5000);
            let fails = self.chance(10);
            let listed = (!fails).then(|| {
                let mut listed = self.provider.list(&group.to, self.now);
                listed.retain(|entry| group.covers(entry.created) && !self.store.owns(&entry.sid));
                listed
            });
            let results = verdicts(&group, listed.as_deref(), &sender);
            for result in &results {
                let place = self.store.place(result.message_id);
                self.tell(format!(
                    "host {host} looks for {place:?}: {}",
                    result.verdict
                ));
            }
            if !self.chance(5) {
                self.at(self.now + took, Event::Settle { results });
            }
        }
    }

    fn is_gone(&self, host: usize, start: u32) -> bool {
        !self.hosts[host].runs || self.hosts[host].start != start
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            // A transaction that rolls back leaves nothing; one in ten does.
            Event::Emit { .. } if self.chance(10) => {}
            Event::Emit { to, body } => self.store.emit(to, body, now),
            Event::Write { host, start, .. }
            | Event::Answer { host, start, .. }
            | Event::Flush { host, start }
                if self.is_gone(host, start) => {}
            Event::Write { host, .. } | Event::Answer { host, .. } | Event::Flush { host, .. }
                if self.hosts[host].frozen_until > now =>
            {
                let later = self.hosts[host].frozen_until;
                self.at(later, event);
            }
            Event::Write { host, start, job } => self.write(host, start, job),
            Event::Answer {
                host,
                start,
                job,
                answer,
            } => self.answer(host, start, &job, answer),
            Event::Flush { host, start } => self.flush(host, start),
            Event::Callback {
                place,
                attempt,
                sid,
                status,
                tries,
            } => {
                if self.database_away_until <= now {
                    self.tell(format!("callback {status} for {place}"));
                    let report = Report {
                        place,
                        attempt,
                        sid: &sid,
                        word: status.as_str(),
                        error_code: None,
                    };
                    self.store.callback(&report, now);
                } else if tries > 0 {
                    let event = Event::Callback {
                        place,
                        attempt,
                        sid,
                        status,
                        tries: tries - 1,
                    };
                    let pause = self.random.random_range(1000..10_000);
                    self.at(now + pause, event);
                }
            }
            Event::Settle { results } if self.database_away_until <= now => {
                let soon = self.random.random_range(5000..10_000);
                self.store.complete_unknown(&results, soon, now);
            }
            Event::Settle { .. } => {}
            Event::Die { host } => {
                self.tell(format!("host {host}: kill -9"));
                self.hosts[host].dies();
                let pause = self.random.random_range(100..60_000);
                self.at(now + pause, Event::Start { host });
            }
            Event::Start { host } if !self.hosts[host].runs => self.start(host),
            Event::Start { .. } => {}
            Event::Freeze { host, until } => {
                self.tell(format!("host {host} frozen for {} ms", until - now));
                self.hosts[host].frozen_until = until;
            }
            Event::Outage { until } => self.database_away_until = until,
        }
    }

    fn start(&mut self, host: usize) {
        if self.database_away_until > self.now {
            self.at(self.database_away_until, Event::Start { host });
            return;
        }
        let worker = self.store.id();
        let daemon = &mut self.hosts[host];
        for (worker, result) in std::mem::take(&mut daemon.journal) {
            self.store.complete(worker, &[result], self.now);
        }
        daemon.starts(worker, self.now);
    }
}
