//! The steps: each is taken with the database by the daemon's own calls, then with the model.

use rand::Rng;
use uuid::Uuid;

use super::course::{Course, Job};
use super::tables::told;
use crate::histories::store::Report;
use crate::records::{AttemptResult, Callback, Claimed, LookResult, UnknownAttempt};
use crate::store;

/// What both must agree on.
fn agree<T: std::fmt::Debug + PartialEq>(what: &str, model: &T, sql: &T) -> Result<(), String> {
    if model == sql {
        return Ok(());
    }
    Err(format!("{what}:\n  model {model:?}\n  sql   {sql:?}"))
}

/// As many of what is sorted by time as wanted, and all that has the time of the last: which of those comes first nobody says.
fn whole_ties(times: &[i64], wanted: usize) -> usize {
    let mut limit = wanted;
    while limit < times.len() && times[limit] == times[limit - 1] {
        limit += 1;
    }
    limit
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

type Text = (Uuid, i32, Uuid, String, String);

fn texts(claimed: &[Claimed]) -> Vec<Text> {
    let mut texts: Vec<Text> = claimed
        .iter()
        .map(|text| {
            let (to, body) = (text.to_number.clone(), text.body.clone());
            (text.message_id, text.attempt, text.batch_id, to, body)
        })
        .collect();
    texts.sort();
    texts
}

impl Course<'_> {
    pub(super) async fn emit(&mut self) -> Result<(), String> {
        if self.store.messages.len() >= 8 {
            return Ok(());
        }
        let numbers = if self.is_doubtful { 1 } else { 3 };
        let to = format!("+1415555010{}", self.random.random_range(0..numbers));
        let body = format!("text {}", self.random.random_range(0..2));
        self.tell(format!("emit {body:?} to {to}"));
        let id = self.tables.emit(&to, &body).await?;
        self.store.given_id = Some(id);
        self.store.emit(to, body, self.now);
        Ok(())
    }

    /// Time goes on: by something, or just to where something changes, or to just before or after.
    pub(super) async fn later(&mut self) -> Result<(), String> {
        let ahead: Vec<i64> = self.store.moments(self.now);
        let by = match self.one_of(ahead) {
            Some(moment) if self.chance(70) => {
                (moment - self.now + self.random.random_range(-1..=1)).max(0)
            }
            _ if self.chance(50) => self.random.random_range(0..3000),
            _ => self.random.random_range(0..200_000),
        };
        self.tell(format!("{by} ms go by"));
        self.tables.later(by).await?;
        self.store.later(by);
        Ok(())
    }

    pub(super) async fn claim(&mut self) -> Result<(), String> {
        let Some(worker) = self.one_of(self.workers.clone()) else {
            return Ok(());
        };
        let due = self.store.due(self.now);
        let times: Vec<i64> = due
            .iter()
            .filter_map(|&place| self.store.messages[place].due)
            .collect();
        let limit = whole_ties(&times, self.random.random_range(1..=4));
        self.tell(format!("{worker} claims {limit} of {due:?}"));
        let sql = store::claim(&mut self.tables.link, worker, number(limit))
            .await
            .map_err(told)?;
        self.store.given_id = sql.first().map(|text| text.batch_id);
        let model = self.store.claim(worker, limit, self.now);
        agree("claimed", &texts(&model), &texts(&sql))?;
        for text in sql {
            let place = self.store.place(text.message_id).unwrap_or_default();
            self.jobs.push(Job {
                worker,
                text,
                place,
            });
        }
        Ok(())
    }

    pub(super) async fn extend(&mut self) -> Result<(), String> {
        let Some(Job { worker, text, .. }) = self.one_of(self.jobs.clone()) else {
            return Ok(());
        };
        let mut batches = vec![text.batch_id];
        let other = self.one_of(self.jobs.clone());
        batches.extend(other.map(|job| job.text.batch_id));
        batches.sort();
        batches.dedup();
        self.tell(format!("{worker} renews {batches:?}"));
        let mut sql = store::extend(&mut self.tables.link, worker, &batches)
            .await
            .map_err(told)?;
        sql.sort();
        let model = self.store.extend(worker, &batches, self.now);
        agree("held", &model, &sql)
    }

    pub(super) async fn expire(&mut self) -> Result<(), String> {
        self.tell("leases end".to_owned());
        let sql = store::expire(&mut self.tables.link).await.map_err(told)?;
        let model = self.store.expire(self.now);
        agree("doubted", &model, &sql)
    }

    /// Results of some claimed texts, whoever has them by now; sometimes in another's name.
    pub(super) async fn complete(&mut self) -> Result<(), String> {
        let mut worker = None;
        let mut results: Vec<AttemptResult> = Vec::new();
        for _ in 0..self.random.random_range(1..=3) {
            let recent = self.jobs.len().saturating_sub(6);
            let from = if self.chance(80) { recent } else { 0 };
            let Some(job) = self.one_of(self.jobs[from..].to_vec()) else {
                return Ok(());
            };
            let text = &job.text;
            let is_named = results
                .iter()
                .any(|result| result.message_id == text.message_id);
            if is_named || worker.is_some_and(|worker| worker != job.worker) {
                continue;
            }
            worker = Some(job.worker);
            let answer = self.answer(&job);
            self.tell(format!(
                "result for {} attempt {}: {answer:?}",
                job.place, text.attempt
            ));
            results.push(AttemptResult {
                batch_id: text.batch_id,
                message_id: text.message_id,
                attempt: text.attempt,
                outcome: answer.outcome.as_str(),
                sender: None,
                answer,
            });
        }
        let Some(mut worker) = worker else {
            return Ok(());
        };
        if self.chance(5) {
            worker = Uuid::from_u128(99);
            self.tell("… in another's name".to_owned());
        }
        let mut sql = store::complete(&mut self.tables.link, worker, &results)
            .await
            .map_err(told)?;
        let mut model = self.store.complete(worker, &results, self.now);
        sql.sort();
        model.sort();
        agree("refused", &model, &sql)
    }

    /// A callback for any attempt there ever was: early, late, again, out of order, or with another's SID.
    pub(super) async fn callback(&mut self) -> Result<(), String> {
        let Some(job) = self.one_of(self.jobs.clone()) else {
            return Ok(());
        };
        if self.is_doubtful && self.chance(80) {
            return Ok(());
        }
        let (place, attempt) = (job.place, job.text.attempt);
        let mut sid = self.sid(place, attempt);
        if self.chance(10)
            && let Some(other) = self.one_of(self.store.ledger_sids())
        {
            sid = other;
        }
        let (word, error_code) = self.word();
        self.tell(format!(
            "callback {word} {error_code:?} for {place} attempt {attempt} as {sid}"
        ));
        let callback = Callback {
            message_id: Some(job.text.message_id),
            attempt: Some(attempt),
            sid: sid.clone(),
            status: word.to_owned(),
            error_code,
            params: serde_json::Map::new(),
            idempotency_token: None,
        };
        let sql = store::record_callbacks(&mut self.tables.link, &[&callback])
            .await
            .map_err(told)?;
        let report = Report {
            place,
            attempt,
            sid: &sid,
            word,
            error_code,
        };
        let model = vec![self.store.callback(&report, self.now).to_owned()];
        agree("done", &model, &sql)
    }

    pub(super) async fn look(&mut self) -> Result<(), String> {
        let due = self.store.doubts_due(self.now);
        let times: Vec<i64> = due.iter().map(|(_, at)| *at).collect();
        let limit = whole_ties(&times, self.random.random_range(1..=3));
        self.tell(format!("a look for {limit} of {due:?}"));
        let sql = store::claim_unknown(&mut self.tables.link, number(limit))
            .await
            .map_err(told)?;
        self.store.given_id = sql.first().map(|doubt| doubt.claim_id);
        let model = self.store.claim_unknown(limit, self.now);
        let lines = |doubts: &[UnknownAttempt]| -> Vec<String> {
            doubts.iter().map(|doubt| format!("{doubt:?}")).collect()
        };
        agree("in doubt", &lines(&model), &lines(&sql))?;
        if !sql.is_empty() {
            self.looks.push(sql);
        }
        Ok(())
    }

    /// What a look found; sometimes it comes late, or again.
    pub(super) async fn settle(&mut self) -> Result<(), String> {
        let from = if self.chance(80) {
            self.looks.len().saturating_sub(1)
        } else {
            0
        };
        let Some(look) = self.one_of(self.looks[from..].to_vec()) else {
            return Ok(());
        };
        let mut results: Vec<LookResult> = Vec::new();
        for doubt in look.iter().filter(|doubt| doubt.settle) {
            let place = self.store.place(doubt.message_id).unwrap_or_default();
            let result = self.verdict(doubt, place);
            let is_given =
                result.sid.is_some() && results.iter().any(|other| other.sid == result.sid);
            if !is_given {
                self.tell(format!(
                    "look: {place} attempt {} is {} {:?}",
                    doubt.attempt, result.verdict, result.sid
                ));
                results.push(result);
            }
        }
        store::complete_unknown(&mut self.tables.link, &results)
            .await
            .map_err(told)?;
        self.store.complete_unknown(&results, 7000, self.now);
        Ok(())
    }

    pub(super) async fn resolve(&mut self) -> Result<(), String> {
        let all = 0..self.store.messages.len();
        let doubts: Vec<usize> = all
            .filter(|&place| self.store.in_doubt_now(place).is_some())
            .collect();
        let Some(place) = self.one_of(doubts) else {
            return Ok(());
        };
        let attempt = self.store.in_doubt_now(place).unwrap_or_default();
        let sid = self.chance(50).then(|| self.sid(place, attempt));
        self.tell(format!("an operator decides {place}: {sid:?}"));
        let id = self.store.messages[place].id;
        let sql = store::resolve(&mut self.tables.link, id, sid.as_deref())
            .await
            .map_err(told)?;
        self.store.resolve(place, sid.as_deref(), self.now);
        let model = self.store.messages[place].status.as_str().to_owned();
        agree("resolved", &model, &sql)
    }

    pub(super) async fn requeue(&mut self) -> Result<(), String> {
        let all: Vec<usize> = (0..self.store.messages.len()).collect();
        let Some(place) = self.one_of(all) else {
            return Ok(());
        };
        self.tell(format!("an operator requeues {place}"));
        let sql = self.tables.requeue(self.store.messages[place].id).await?;
        let model = self.store.requeue(place, self.now);
        agree("requeued", &model, &sql)
    }

    pub(super) async fn arm(&mut self) -> Result<(), String> {
        self.tell("an operator arms sending".to_owned());
        let sql = store::arm(&mut self.tables.link, false)
            .await
            .map_err(told)?;
        let model = self.store.arm(self.now);
        agree("quarantined", &model, &sql)
    }
}
