//! How the statuses of one message are reported: what the settings say, and what chance adds.

use std::time::Duration;

use rand::seq::SliceRandom;

use crate::faults::chances::{CallbackLuck, Fate};
use crate::settings::{CallbackMode, Settings};

/// How the callbacks of one message are sent.
#[derive(Debug, Clone)]
pub(crate) struct Reporting {
    mode: CallbackMode,
    luck: CallbackLuck,
    /// How much later a late one comes.
    pub(crate) late: Duration,
}

impl Reporting {
    /// Under these settings, with this luck.
    pub(crate) fn new(settings: &Settings, luck: CallbackLuck) -> Self {
        Self {
            mode: settings.callbacks,
            late: settings.callback_late(),
            luck,
        }
    }

    /// Whether nothing is sent at all.
    pub(crate) fn is_silent(&self) -> bool {
        self.mode == CallbackMode::None
    }

    /// Whether everything is sent before the create is answered.
    pub(crate) fn is_early(&self) -> bool {
        self.mode == CallbackMode::Early || self.luck.is_early
    }

    /// Whether callbacks wait for the last one.
    pub(crate) fn holds_back(&self) -> bool {
        matches!(self.mode, CallbackMode::Reverse | CallbackMode::Shuffle) || self.luck.is_shuffled
    }

    /// Puts those that waited into the order in which they are sent.
    pub(crate) fn arrange<T>(&mut self, held_back: &mut [T]) {
        if self.mode == CallbackMode::Reverse {
            held_back.reverse();
        } else {
            held_back.shuffle(&mut self.luck.dice);
        }
    }

    /// What happens to the next callback.
    pub(crate) fn next(&mut self) -> Fate {
        let luck = self.luck.next();
        Fate {
            is_lost: luck.is_lost || self.mode == CallbackMode::Lost,
            is_duplicated: luck.is_duplicated || self.mode == CallbackMode::Duplicate,
            is_late: luck.is_late || self.mode == CallbackMode::Late,
        }
    }
}
