//! Twilio in a history: what it took and what its list shows, and when.

use crate::twilio::Listed;

/// A message that Twilio made.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// Twilio's id.
    pub(super) sid: String,
    /// Number and text.
    pub(super) to: String,
    /// The text.
    pub(super) body: String,
    /// By Twilio's clock, in milliseconds.
    created: i64,
    /// The list shows it from this time on.
    listed_from: i64,
    /// A refused request, which Twilio lists as well.
    refused: bool,
}

/// Everything Twilio has, oldest first.
#[derive(Debug, Default)]
pub(super) struct Provider {
    taken: Vec<Taken>,
}

impl Provider {
    /// Twilio takes (or refuses and notes) a text; returns its id.
    pub(super) fn take(
        &mut self,
        (to, body): (&str, &str),
        (created, listed_from): (i64, i64),
        refused: bool,
    ) -> String {
        let sid = format!("SM{:032x}", self.taken.len() + 1);
        self.taken.push(Taken {
            sid: sid.clone(),
            to: to.to_owned(),
            body: body.to_owned(),
            created,
            listed_from,
            refused,
        });
        sid
    }

    /// The list of a number as it is shown at `now`.
    pub(super) fn list(&self, to: &str, now: i64) -> Vec<Listed> {
        let shown = self
            .taken
            .iter()
            .filter(|taken| taken.to == to && taken.listed_from <= now);
        shown
            .map(|taken| Listed {
                sid: taken.sid.clone(),
                body: taken.body.clone(),
                from: Some(super::SENDER.to_owned()),
                messaging_service_sid: None,
                direction: "outbound-api".to_owned(),
                created: taken.created.div_euclid(1000),
                status: if taken.refused { "failed" } else { "sent" }.to_owned(),
                error_code: taken.refused.then_some(super::REFUSAL),
            })
            .collect()
    }

    /// What was really accepted.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &Taken> {
        self.taken.iter().filter(|taken| !taken.refused)
    }
}
