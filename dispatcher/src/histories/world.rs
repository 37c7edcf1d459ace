//! The course of one history: what happens next is what is due first; when, and with which fate, the seed decides.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use herald_core::outcome::{Outcome, classify_response};
use herald_core::status::MessageStatus;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::daemon::{Daemon, Job};
use super::provider::Provider;
use super::store::Store;
use super::{REFUSAL, Rules};
use crate::config::Sender;
use crate::protocol::gate::may_write;
use crate::protocol::look::{groups, verdicts};
use crate::records::{AttemptResult, LookResult};
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
        if !batches.is_empty() && now >= daemon.extend_at {
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
        let claimed = self.store.claim_unknown(self.now);
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
                    self.store.callback(place, attempt, &sid, status);
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

    fn write(&mut self, host: usize, start: u32, job: Job) {
        let rules = self.rules;
        let duration = Daemon::duration;
        let since = duration(self.now - job.claimed_at);
        let holds = self.hosts[host].held.holds(job.text.batch_id);
        if rules.gate
            && !may_write(
                since,
                duration(rules.lease),
                duration(rules.request_timeout),
                holds,
            )
        {
            let answer = Answer::without_response(Outcome::NotSent, "late", duration(0));
            self.at(
                self.now,
                Event::Answer {
                    host,
                    start,
                    job,
                    answer,
                },
            );
            return;
        }
        let (after, answer) = self.request(&job);
        self.at(
            self.now + after,
            Event::Answer {
                host,
                start,
                job,
                answer,
            },
        );
    }

    /// The fate of a request: what Twilio does, and what the daemon sees of it and when.
    fn request(&mut self, job: &Job) -> (i64, Answer) {
        let quick = self.random.random_range(50..900);
        let silent = |outcome, reason, after| {
            (
                after,
                Answer::without_response(outcome, reason, Daemon::duration(after)),
            )
        };
        let said = |status: u16, code| {
            let elapsed = Daemon::duration(quick);
            let mut answer = Answer::without_response(classify_response(status, code), "", elapsed);
            answer.reason = None;
            answer.http_status = Some(status);
            answer.error_code = code;
            (quick, answer)
        };
        let fate = self.random.random_range(0..100);
        self.tell(format!(
            "request for {} attempt {}: fate {fate}",
            job.place, job.text.attempt
        ));
        match fate {
            0..5 => silent(Outcome::NotSent, "connect", quick),
            5..9 => said(429, Some(20429)),
            9..12 => {
                self.take(job, quick, true);
                said(400, Some(REFUSAL))
            }
            12..16 => said(500, Some(20500)),
            16..20 => silent(Outcome::Unknown, "reset", quick),
            20..23 => silent(Outcome::Unknown, "timeout", self.rules.request_timeout),
            23..28 => {
                self.take(job, quick / 2, false);
                said(500, None)
            }
            28..33 => {
                self.take(job, quick / 2, false);
                silent(Outcome::Unknown, "reset", quick)
            }
            // It takes its time, and the client has given up long before.
            33..39 => {
                let late = self.random.random_range(quick..self.rules.late);
                self.take(job, late, false);
                silent(Outcome::Unknown, "reset", quick)
            }
            39..42 => {
                let late = self.random.random_range(1000..self.rules.late);
                self.take(job, late, false);
                silent(Outcome::Unknown, "timeout", self.rules.request_timeout)
            }
            _ => {
                let sid = self.take(job, quick / 2, false);
                let (after, mut answer) = said(201, None);
                answer.sid = Some(sid);
                answer.twilio_status = Some("queued".to_owned());
                (after, answer)
            }
        }
    }

    /// Twilio takes or refuses it `after` this time, and speaks of it: early, late, twice, out of order, or never.
    fn take(&mut self, job: &Job, after: i64, refused: bool) -> String {
        let at = self.now + after;
        let listed_from = at + self.random.random_range(0..=self.rules.lag);
        let text = (job.text.to_number.as_str(), job.text.body.as_str());
        let sid = self
            .provider
            .take(text, (at + self.skew, listed_from), refused);
        if refused {
            return sid;
        }
        for status in [MessageStatus::Sent, MessageStatus::Delivered] {
            for copy in 0..2 {
                let comes = if copy == 0 {
                    self.chance(60)
                } else {
                    self.chance(10)
                };
                if comes {
                    let delay = if self.chance(20) {
                        self.random.random_range(0..600_000)
                    } else {
                        self.random.random_range(0..3000)
                    };
                    let event = Event::Callback {
                        place: job.place,
                        attempt: job.text.attempt,
                        sid: sid.clone(),
                        status,
                        tries: 5,
                    };
                    self.at(at + delay, event);
                }
            }
        }
        sid
    }

    fn answer(&mut self, host: usize, start: u32, job: &Job, answer: Answer) {
        let daemon = &mut self.hosts[host];
        daemon
            .held
            .answered(answer.http_status.map(|_| Daemon::duration(100)));
        daemon.backlog.push(vec![AttemptResult {
            batch_id: job.text.batch_id,
            message_id: job.text.message_id,
            attempt: job.text.attempt,
            outcome: answer.outcome.as_str(),
            sender: None,
            answer,
        }]);
        let gather = self.random.random_range(0..20);
        self.at(self.now + gather, Event::Flush { host, start });
    }

    fn flush(&mut self, host: usize, start: u32) {
        if self.database_away_until > self.now {
            let daemon = &mut self.hosts[host];
            daemon.held.stalled();
            let kept: Vec<_> = daemon.backlog.stalled().into_iter().cloned().collect();
            let worker = daemon.worker;
            daemon
                .journal
                .extend(kept.into_iter().map(|result| (worker, result)));
            self.at(self.database_away_until, Event::Flush { host, start });
            return;
        }
        let daemon = &mut self.hosts[host];
        while let Some((results, _)) = daemon.backlog.head() {
            self.store.complete(daemon.worker, results, self.now);
            let batches: Vec<_> = results.iter().map(|result| result.batch_id).collect();
            daemon.held.written(batches.into_iter());
            daemon.backlog.written();
        }
        daemon.journal.clear();
    }
}
