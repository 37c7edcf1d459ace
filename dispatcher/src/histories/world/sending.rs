//! Requests and their fates, answers and results in a history.

use herald_core::outcome::{Outcome, classify_response};
use herald_core::status::MessageStatus;
use rand::Rng;

use super::super::REFUSAL;
use super::super::daemon::{Daemon, Job};
use super::{Event, World};
use crate::protocol::gate::may_write;
use crate::records::AttemptResult;
use crate::twilio::Answer;

impl World {
    pub(super) fn write(&mut self, host: usize, start: u32, job: Job) {
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
    pub(super) fn request(&mut self, job: &Job) -> (i64, Answer) {
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
    pub(super) fn take(&mut self, job: &Job, after: i64, refused: bool) -> String {
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

    pub(super) fn answer(&mut self, host: usize, start: u32, job: &Job, answer: Answer) {
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

    pub(super) fn flush(&mut self, host: usize, start: u32) {
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
