//! The states of a message as Twilio names them.
//!
//! Source: <https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks>.

use serde::{Deserialize, Serialize};

/// A status of an outbound message, in Twilio's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TwilioStatus {
    /// Taken for a Messaging Service that has not picked a sender yet.
    Accepted,
    /// Waits for its `SendAt`.
    Scheduled,
    /// Has a sender and waits for its turn.
    Queued,
    /// Handed to the carrier. The last state where a carrier gives no receipt.
    Sent,
    /// The carrier, or the handset, confirmed it.
    Delivered,
    /// The carrier gave a negative receipt.
    Undelivered,
    /// Never handed to a carrier.
    Failed,
    /// Cancelled while it was scheduled.
    Canceled,
}

impl TwilioStatus {
    /// The word on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing follows for certain. `sent` is not final: a receipt may still come.
    pub(crate) const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Canceled
        )
    }

    /// Whether the status carries an error code.
    pub(crate) const fn is_error(self) -> bool {
        matches!(self, Self::Undelivered | Self::Failed)
    }
}

/// Where messages end, as the settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FinalStatus {
    /// A positive receipt.
    Delivered,
    /// A negative receipt.
    Undelivered,
    /// Never handed to a carrier.
    Failed,
    /// No receipt at all.
    Sent,
}

#[cfg(test)]
mod tests {
    use herald_core::status::MessageStatus;

    use super::*;

    #[test]
    fn core_knows_every_word() {
        use TwilioStatus::*;
        for status in [
            Accepted,
            Scheduled,
            Queued,
            Sent,
            Delivered,
            Undelivered,
            Failed,
            Canceled,
        ] {
            let ours = MessageStatus::from_twilio(status.as_str()).unwrap();
            assert_eq!(ours.is_final(), status.is_final(), "{status:?}");
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
