//! What is out of order: says it once in the log when a breaker opens and when it has closed, and counts it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::claim::Parts;
use crate::database::DatabaseError;
use crate::metrics::Metrics;
use crate::records::Breaker;
use crate::store;

/// How often it is asked while texts are on their way or something is out of order.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is asked otherwise: only another daemon's answers can open one then.
const LOOK_EVERY_IDLE: Duration = Duration::from_secs(5);

/// The breakers that were open at the last look.
#[derive(Debug, Default)]
pub(crate) struct Breakers {
    looked_at: Option<Instant>,
    open: HashMap<Uuid, Breaker>,
}

impl Breakers {
    /// Looks if it is time.
    pub(crate) async fn keep(&mut self, parts: &mut Parts) -> Result<(), DatabaseError> {
        let now = Instant::now();
        let is_idle = self.open.is_empty() && parts.in_flight.is_empty();
        let every = if is_idle { LOOK_EVERY_IDLE } else { LOOK_EVERY };
        if self.looked_at.is_none_or(|at| now >= at + every) {
            let found = store::breakers(&mut parts.link).await?;
            self.compare(found, &parts.metrics);
            self.looked_at = Some(now);
        }
        Ok(())
    }

    fn compare(&mut self, found: Vec<Breaker>, metrics: &Metrics) {
        let found: HashMap<Uuid, Breaker> = found.into_iter().map(|one| (one.id, one)).collect();
        for breaker in found
            .values()
            .filter(|one| !self.open.contains_key(&one.id))
        {
            metrics.breaker_opened(&breaker.scope);
            tracing::error!(
                scope = breaker.scope,
                key = breaker.key,
                error_code = breaker.error_code,
                severity = breaker.severity,
                reason = breaker.reason,
                advice = breaker.advice,
                "out of order: its texts wait, and one is tried from time to time; mend the cause, then SELECT resume_sending(scope, key)"
            );
        }
        for breaker in self
            .open
            .values()
            .filter(|one| !found.contains_key(&one.id))
        {
            tracing::info!(
                scope = breaker.scope,
                key = breaker.key,
                error_code = breaker.error_code,
                "in order again"
            );
        }
        if self.open.len() != found.len() || found.keys().any(|id| !self.open.contains_key(id)) {
            metrics.set_breakers(found.values().map(|one| one.scope.as_str()));
        }
        self.open = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(id: u128, scope: &str) -> Breaker {
        Breaker {
            id: Uuid::from_u128(id),
            scope: scope.to_owned(),
            key: String::new(),
            error_code: Some(20003),
            reason: "refused".to_owned(),
            severity: "critical".to_owned(),
            advice: None,
        }
    }

    #[test]
    fn a_breaker_is_counted_once_and_shown_while_it_is_open() {
        let metrics = Metrics::new();
        let mut breakers = Breakers::default();
        let shows = |line: &str| metrics.text().lines().any(|found| found == line);
        breakers.compare(vec![breaker(1, "account")], &metrics);
        breakers.compare(vec![breaker(1, "account"), breaker(2, "country")], &metrics);
        assert!(shows(r#"herald_breakers_opened_total{scope="account"} 1"#));
        assert!(shows(r#"herald_breakers_open{scope="account"} 1"#));
        assert!(shows(r#"herald_breakers_open{scope="country"} 1"#));
        breakers.compare(vec![breaker(2, "country")], &metrics);
        assert!(
            !metrics
                .text()
                .contains(r#"herald_breakers_open{scope="account"}"#)
        );
        breakers.compare(vec![breaker(3, "country"), breaker(4, "country")], &metrics);
        assert!(shows(r#"herald_breakers_open{scope="country"} 2"#));
        assert!(shows(r#"herald_breakers_opened_total{scope="country"} 3"#));
    }
}
