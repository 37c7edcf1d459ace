//! The states of a message as Twilio names them.
//!
//! Source: <https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks>.

use herald_core::status::MessageStatus;
use serde::{Deserialize, Serialize};

/// A status of an outbound message, in Twilio's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TwilioStatus {
    /// Taken for a Messaging Service that has not picked a sender yet.
    Accepted,
    /// Waits for its `SendAt`.
    Scheduled,
    /// Has a sender and waits for its turn.
    Queued,
    /// On its way to the carrier; seldom seen, and only by a rule.
    Sending,
    /// Handed to the carrier. The last state where a carrier gives no receipt.
    Sent,
    /// A word that is out of use and that clients still have to know; only by a rule.
    PartiallyDelivered,
    /// The carrier, or the handset, confirmed it.
    Delivered,
    /// The carrier gave a negative receipt.
    Undelivered,
    /// Never handed to a carrier.
    Failed,
    /// Cancelled while it was scheduled.
    Canceled,
    /// Opened on the handset (RCS, WhatsApp); only by a rule.
    Read,
    /// Came in from a person. It is no status of an outbound message, so no rule may prescribe it.
    #[serde(skip_deserializing)]
    Received,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    /// By a create.
    OutboundApi,
    /// An answer to a text: Twilio's own or the webhook's.
    OutboundReply,
    /// From a person.
    Inbound,
}

impl TwilioStatus {
    /// The word on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::PartiallyDelivered => "partially_delivered",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Read => "read",
            Self::Received => "received",
        }
    }

    /// Whether nothing follows for certain. `sent` is not final: a receipt may still come.
    pub(crate) fn is_final(self) -> bool {
        self == Self::Received
            || MessageStatus::from_twilio(self.as_str()).is_some_and(MessageStatus::is_final)
    }

    /// Whether `next` may follow. After a final status only a better one may: a carrier reports an error for one
    /// segment and success for the whole, a reader opens what was delivered. Nothing follows what never left.
    pub(crate) fn may_become(self, next: Self) -> bool {
        let rank =
            |status: Self| MessageStatus::from_twilio(status.as_str()).map(MessageStatus::rank);
        match self {
            Self::Failed | Self::Canceled | Self::Received => false,
            _ if self.is_final() => rank(next) > rank(self),
            _ => true,
        }
    }

    /// Whether the status carries an error code.
    pub(crate) const fn is_error(self) -> bool {
        matches!(self, Self::Undelivered | Self::Failed)
    }

    /// Whether the message has left its queue.
    pub(crate) const fn has_left(self) -> bool {
        matches!(
            self,
            Self::Sending
                | Self::Sent
                | Self::PartiallyDelivered
                | Self::Delivered
                | Self::Undelivered
                | Self::Read
        )
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
    use super::TwilioStatus::*;
    use super::*;

    const ALL: [TwilioStatus; 11] = [
        Accepted,
        Scheduled,
        Queued,
        Sending,
        Sent,
        PartiallyDelivered,
        Delivered,
        Undelivered,
        Failed,
        Canceled,
        Read,
    ];

    #[test]
    fn core_knows_every_outbound_word() {
        for status in ALL {
            assert!(
                MessageStatus::from_twilio(status.as_str()).is_some(),
                "{status:?}"
            );
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(ALL.len(), MessageStatus::TWILIO.len());
        assert_eq!(serde_json::to_value(Received).unwrap(), Received.as_str());
        assert!(serde_json::from_value::<TwilioStatus>("received".into()).is_err());
    }

    #[test]
    fn after_a_final_status_only_a_better_one_may_come() {
        assert!(Undelivered.may_become(Delivered));
        assert!(Delivered.may_become(Read));
        assert!(Sent.may_become(Failed));
        for (from, to) in [
            (Delivered, Sent),
            (Delivered, Undelivered),
            (Read, Delivered),
            (Failed, Delivered),
            (Canceled, Queued),
        ] {
            assert!(!from.may_become(to), "{from:?} {to:?}");
        }
    }
}
