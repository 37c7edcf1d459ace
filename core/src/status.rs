//! States of a text message and of a delivery, and their one-way order.
//!
//! Twilio's words and their meaning: <https://www.twilio.com/docs/messaging/api/message-resource>.

use crate::words::words;

words! {
    /// State of one text (`sms_messages.status`).
    MessageStatus ("message status") {
        /// Waits for a time set by the caller.
        Scheduled = "scheduled",
        /// Due, waits for a dispatcher.
        Pending = "pending",
        /// Claimed by a dispatcher, not yet handed to Twilio.
        Queued = "queued",
        /// Twilio has it.
        Sending = "sending",
        /// A send whose result is not known and is being found out; stands beside `sending`.
        Unknown = "unknown",
        /// Handed to the carrier. Some carriers never report more.
        Sent = "sent",
        /// The carrier reported that the text did not arrive.
        Undelivered = "undelivered",
        /// Refused, or given up.
        Failed = "failed",
        /// Taken back before it was sent.
        Cancelled = "cancelled",
        /// The carrier reported arrival.
        Delivered = "delivered",
        /// The reader's device reported that it was opened (RCS and WhatsApp only).
        Read = "read",
    }
}

impl MessageStatus {
    /// Twilio's `status` / `MessageStatus` words for outbound texts, and what they mean here.
    ///
    /// `accepted`, `scheduled` and `queued` at Twilio are all `sending` here: our own `scheduled`, `pending` and
    /// `queued` mean that Twilio does not have the text yet.
    pub const TWILIO: &'static [(&'static str, Self)] = &[
        ("accepted", Self::Sending),
        ("scheduled", Self::Sending),
        ("queued", Self::Sending),
        ("sending", Self::Sending),
        ("sent", Self::Sent),
        ("partially_delivered", Self::Sent),
        ("delivered", Self::Delivered),
        ("undelivered", Self::Undelivered),
        ("failed", Self::Failed),
        ("canceled", Self::Cancelled),
        ("read", Self::Read),
    ];

    /// Reads a status word of Twilio; `None` for inbound words (`receiving`, `received`) and words not known.
    pub fn from_twilio(word: &str) -> Option<Self> {
        Self::TWILIO
            .iter()
            .find(|(twilio, _)| *twilio == word)
            .map(|&(_, status)| status)
    }

    /// Place in the one-way order: a status may only be replaced by one of a higher rank.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Scheduled | Self::Pending => 0,
            Self::Queued => 1,
            Self::Sending | Self::Unknown => 2,
            Self::Sent => 3,
            Self::Undelivered | Self::Failed | Self::Cancelled => 4,
            Self::Delivered => 5,
            Self::Read => 6,
        }
    }

    /// Whether no further report is awaited. A later report of a higher rank is still taken (a carrier may report
    /// `undelivered` for one segment and `delivered` afterwards; `delivered` may be followed by `read`).
    pub const fn is_final(self) -> bool {
        self.rank() >= 4
    }

    /// The state of the delivery whose text is in this state. `Sent` from the moment Twilio has accepted the text.
    pub const fn delivery(self) -> DeliveryStatus {
        match self {
            Self::Scheduled | Self::Pending => DeliveryStatus::Pending,
            Self::Queued | Self::Unknown => DeliveryStatus::Queued,
            Self::Sending | Self::Sent => DeliveryStatus::Sent,
            Self::Undelivered | Self::Failed => DeliveryStatus::Failed,
            Self::Cancelled => DeliveryStatus::Cancelled,
            Self::Delivered => DeliveryStatus::Delivered,
            Self::Read => DeliveryStatus::Opened,
        }
    }
}

words! {
    /// State of one delivery: event × recipient × channel (`notification_deliveries.status`).
    DeliveryStatus ("delivery status") {
        /// Made, not yet claimed.
        Pending = "pending",
        /// Held back until a later time (quiet hours, limits).
        Deferred = "deferred",
        /// Claimed by a dispatcher.
        Queued = "queued",
        /// Accepted by the provider.
        Sent = "sent",
        /// Arrived.
        Delivered = "delivered",
        /// Opened by the reader.
        Opened = "opened",
        /// A link in it was followed.
        Clicked = "clicked",
        /// Not sent on purpose; the reason stands beside it.
        Suppressed = "suppressed",
        /// Taken back before it was sent.
        Cancelled = "cancelled",
        /// No retry is left.
        Failed = "failed",
        /// Returned by the receiving side.
        Bounced = "bounced",
    }
}

impl DeliveryStatus {
    /// Place in the one-way order: a status may only be replaced by one of a higher rank.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Pending | Self::Deferred => 0,
            Self::Queued => 1,
            Self::Sent => 2,
            Self::Failed | Self::Bounced | Self::Suppressed | Self::Cancelled => 3,
            Self::Delivered => 4,
            Self::Opened => 5,
            Self::Clicked => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the database does with a report: take it only if it ranks higher.
    fn after(current: MessageStatus, reports: &[MessageStatus]) -> MessageStatus {
        reports.iter().fold(current, |held, &report| {
            if report.rank() > held.rank() {
                report
            } else {
                held
            }
        })
    }

    #[test]
    fn the_order_of_a_text_is_the_documented_one() {
        use MessageStatus::*;
        let ladder: [&[MessageStatus]; 7] = [
            &[Scheduled, Pending],
            &[Queued],
            &[Sending, Unknown],
            &[Sent],
            &[Undelivered, Failed, Cancelled],
            &[Delivered],
            &[Read],
        ];
        let mut found: Vec<MessageStatus> = Vec::new();
        for (rank, step) in (0..).zip(ladder) {
            for status in step {
                assert_eq!(status.rank(), rank, "{status}");
                found.push(*status);
            }
        }
        assert_eq!(found, MessageStatus::ALL, "declared in the order of rank");
    }

    #[test]
    fn the_order_of_a_delivery_is_the_documented_one() {
        use DeliveryStatus::*;
        let ranks = [
            (Pending, 0),
            (Deferred, 0),
            (Queued, 1),
            (Sent, 2),
            (Failed, 3),
            (Bounced, 3),
            (Suppressed, 3),
            (Cancelled, 3),
            (Delivered, 4),
            (Opened, 5),
            (Clicked, 6),
        ];
        assert_eq!(ranks.len(), DeliveryStatus::ALL.len());
        for (status, rank) in ranks {
            assert_eq!(status.rank(), rank, "{status}");
        }
    }

    #[test]
    fn reports_in_any_order_end_in_the_same_rank() {
        for &a in MessageStatus::ALL {
            for &b in MessageStatus::ALL {
                let forth = after(MessageStatus::Queued, &[a, b]);
                let back = after(MessageStatus::Queued, &[b, a]);
                assert_eq!(forth.rank(), back.rank(), "{a} and {b}");
                assert_eq!(
                    after(forth, &[a, b, a]),
                    forth,
                    "a repeated report changes nothing"
                );
            }
        }
    }

    #[test]
    fn a_late_report_overwrites_nothing() {
        use MessageStatus::*;
        assert_eq!(
            after(Delivered, &[Sent, Sending, Undelivered, Failed, Cancelled]),
            Delivered
        );
        assert_eq!(after(Read, MessageStatus::ALL), Read);
        assert_eq!(after(Undelivered, &[Delivered]), Delivered);
        assert_eq!(after(Failed, &[Undelivered]), Failed);
        assert_eq!(after(Sending, &[Unknown]), Sending);
    }

    #[test]
    fn final_means_no_report_is_awaited() {
        let is_final: Vec<_> = MessageStatus::ALL
            .iter()
            .filter(|status| status.is_final())
            .map(|s| s.as_str())
            .collect();
        assert_eq!(
            is_final,
            ["undelivered", "failed", "cancelled", "delivered", "read"]
        );
    }

    #[test]
    fn twilios_words() {
        for (word, status) in MessageStatus::TWILIO {
            assert_eq!(MessageStatus::from_twilio(word), Some(*status));
        }
        for word in [
            "receiving",
            "received",
            "",
            "Delivered",
            "cancelled",
            "pending",
            "unknown",
        ] {
            assert_eq!(MessageStatus::from_twilio(word), None, "{word}");
        }
        assert_eq!(
            MessageStatus::from_twilio("canceled"),
            Some(MessageStatus::Cancelled)
        );
        assert_eq!(
            MessageStatus::from_twilio("queued"),
            Some(MessageStatus::Sending)
        );
    }

    #[test]
    fn a_delivery_never_moves_back_when_its_text_moves_on() {
        for &from in MessageStatus::ALL {
            for &to in MessageStatus::ALL
                .iter()
                .filter(|to| to.rank() > from.rank())
            {
                // `unknown` stands beside `sending`, but its delivery has not been accepted yet.
                assert!(
                    to == MessageStatus::Unknown || to.delivery().rank() >= from.delivery().rank(),
                    "{from} {to}"
                );
            }
        }
        assert_eq!(MessageStatus::Unknown.delivery(), DeliveryStatus::Queued);
        assert_eq!(MessageStatus::Sending.delivery(), DeliveryStatus::Sent);
        assert_eq!(
            MessageStatus::Undelivered.delivery(),
            DeliveryStatus::Failed
        );
        assert_eq!(MessageStatus::Read.delivery(), DeliveryStatus::Opened);
    }
}
