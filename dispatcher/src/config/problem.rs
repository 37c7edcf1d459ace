//! What is wrong with the configuration, in a form that tells where and what to do.

use super::keys::Key;

/// One thing that is wrong: where, what, and the way out. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}; {fix}")]
pub(crate) struct Problem {
    place: String,
    what: String,
    fix: String,
}

impl Problem {
    /// `place` names file and key or the variable, `what` says what is wrong there, `fix` what to do.
    pub(crate) fn new(
        place: impl Into<String>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
            fix: fix.into(),
        }
    }

    /// Whether this is about `key`, wherever its value came from.
    pub(super) fn concerns(&self, key: &Key) -> bool {
        let credential = key.env.to_lowercase();
        [key.file, key.env, &credential]
            .iter()
            .any(|name| self.place.contains(name))
    }
}
