//! Finds out what nobody knows: attempts in doubt are looked for in Twilio's list, silent acceptances are asked about.
//!
//! Postgres says what is due and keeps what was found; which entry of a list is whose, `herald_core::resolve` decides.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_postgres::error::SqlState;

use crate::config::Sender;
use crate::database::DatabaseError;
use crate::error::chain;
use crate::link::Link;
use crate::metrics::Metrics;
use crate::protocol::look::{Group, groups, verdicts};
use crate::records::{LookResult, StaleResult};
use crate::shutdown::Shutdown;
use crate::store;
use crate::twilio::{Listed, LookupError, Twilio};

/// Attempts in doubt, or silent ones, taken at once; as many requests go to Twilio at the same time.
const AT_ONCE: i32 = 8;
/// Between two looks for something due, when there was nothing: longer each time, up to the second.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// Longest time for the list of one number. Postgres gives what was claimed to another daemon after 2 minutes.
const LIST_WITHIN: Duration = Duration::from_secs(60);

/// The task that finds out.
pub(crate) struct Reconciler {
    /// Its own connection.
    pub(crate) link: Link,
    /// The HTTP client.
    pub(crate) twilio: Twilio,
    /// Who our texts come from.
    pub(crate) sender: Sender,
    /// Whether sending is armed for the database.
    pub(crate) armed: watch::Receiver<bool>,
    /// Counts of what was found out.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether the daemon is stopping.
    pub(crate) shutdown: Shutdown,
}

impl Reconciler {
    /// Works until the daemon stops.
    pub(crate) async fn run(mut self) {
        let mut poll = SHORTEST_WAIT;
        while !self.shutdown.is_stopping() {
            let wait = match self.round().await {
                Ok(true) => {
                    poll = SHORTEST_WAIT;
                    continue;
                }
                Ok(false) => {
                    let wait = poll;
                    poll = (poll * 2).min(LONGEST_WAIT);
                    wait
                }
                Err(error) => {
                    let delay = self.link.retry_delay().max(SHORTEST_WAIT);
                    tracing::warn!(
                        retry_in_ms = delay.as_millis(),
                        sqlstate = error.sqlstate().map(SqlState::code),
                        error = chain(&error),
                        "texts in doubt cannot be settled at present"
                    );
                    delay
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = self.shutdown.begun() => {}
            }
        }
    }

    /// Whether there was something to do.
    async fn round(&mut self) -> Result<bool, DatabaseError> {
        if !*self.armed.borrow() {
            return Ok(false);
        }
        let unknown = self.unknown().await?;
        let stale = self.stale().await?;
        Ok(unknown || stale)
    }

    async fn unknown(&mut self) -> Result<bool, DatabaseError> {
        let claimed = store::claim_unknown(&mut self.link, AT_ONCE).await?;
        if claimed.is_empty() {
            return Ok(false);
        }
        let mut lists = JoinSet::new();
        for group in groups(claimed) {
            let twilio = self.twilio.clone();
            lists.spawn(async move {
                let listed = timeout(LIST_WITHIN, twilio.list_to(&group.to, group.not_before()));
                let listed = listed.await.unwrap_or(Err(LookupError::TooLong));
                (group, listed)
            });
        }
        let mut results = Vec::new();
        while let Some(Ok((group, listed))) = lists.join_next().await {
            let listed = match listed {
                Ok(listed) => Some(self.unowned(&group, listed).await?),
                Err(error) => {
                    tracing::warn!(
                        attempts = group.doubts.len(),
                        error = chain(&error),
                        "Twilio's list cannot be read: these texts stay unknown"
                    );
                    None
                }
            };
            results.extend(verdicts(&group, listed.as_deref(), &self.sender));
        }
        self.write(&results).await?;
        Ok(true)
    }

    /// What is in the list, in the time in question, and belongs to no message of ours.
    async fn unowned(
        &mut self,
        group: &Group,
        mut listed: Vec<Listed>,
    ) -> Result<Vec<Listed>, DatabaseError> {
        listed.retain(|message| group.covers(message.created));
        let sids: Vec<&str> = listed.iter().map(|message| message.sid.as_str()).collect();
        if !sids.is_empty() {
            let owned = store::owned_sids(&mut self.link, &sids).await?;
            listed.retain(|message| !owned.contains(&message.sid));
        }
        Ok(listed)
    }

    async fn write(&mut self, results: &[LookResult]) -> Result<(), DatabaseError> {
        let written = match store::complete_unknown(&mut self.link, results).await {
            // One of them is refused, such as a SID that another daemon gave away meanwhile: the others must not wait.
            Err(error) if error.is_about_content() && results.len() > 1 => {
                let mut written = Vec::new();
                for result in results {
                    match store::complete_unknown(&mut self.link, std::slice::from_ref(result))
                        .await
                    {
                        Ok(one) => written.extend(one),
                        Err(error) if error.is_about_content() => refused(result, &error),
                        Err(error) => return Err(error),
                    }
                }
                written
            }
            Err(error) if error.is_about_content() => {
                results.iter().for_each(|result| refused(result, &error));
                Vec::new()
            }
            written => written?,
        };
        for (message_id, attempt, outcome) in written {
            let what = match outcome.as_str() {
                "applied" => "found",
                "not_sent" => "not_sent",
                "conflict" => "conflict",
                _ => continue,
            };
            self.metrics.protocol().resolved(what);
            tracing::info!(%message_id, attempt, what, "a text in doubt is settled by Twilio's list");
        }
        Ok(())
    }

    async fn stale(&mut self) -> Result<bool, DatabaseError> {
        let claimed = store::claim_stale(&mut self.link, AT_ONCE).await?;
        if claimed.is_empty() {
            return Ok(false);
        }
        let mut questions = JoinSet::new();
        for silent in claimed {
            let twilio = self.twilio.clone();
            questions.spawn(async move {
                let answer = twilio.fetch(&silent.sid).await;
                (silent, answer)
            });
        }
        let mut results = Vec::new();
        while let Some(Ok((silent, answer))) = questions.join_next().await {
            if let Err(error) = &answer {
                tracing::warn!(message_id = %silent.message_id, error = chain(error), "Twilio does not say what became of a text");
            }
            let result = StaleResult::new(silent, answer.ok());
            self.metrics.protocol().polled(result.verdict);
            results.push(result);
        }
        let news = store::complete_stale(&mut self.link, &results).await?;
        tracing::info!(
            asked = results.len(),
            news,
            "asked Twilio about texts of which nothing was heard"
        );
        Ok(true)
    }
}

fn refused(result: &LookResult, error: &DatabaseError) {
    tracing::warn!(
        message_id = %result.message_id,
        attempt = result.attempt,
        verdict = result.verdict,
        sid = result.sid,
        error = chain(error),
        "Postgres refuses what Twilio's list says of this text: it stays unknown and is looked for again"
    );
}
