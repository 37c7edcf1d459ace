//! What the gate says of a recipient.

use pgrx::datum::{TimestampWithTimeZone, Uuid};

use crate::query::Row;
use crate::report::Result;

/// The channel of texts.
pub const SMS: &str = "sms";

/// The gate's word on one channel.
#[derive(Default)]
pub struct Decision<'a> {
    /// The channel.
    pub channel: Option<&'a str>,
    /// The subscription that was looked at.
    pub subscription: Option<Uuid>,
    /// Where a text goes.
    pub number: Option<String>,
    /// Which of the other languages, from 1.
    pub variant: Option<i32>,
    /// From when on it may go.
    pub open_at: Option<TimestampWithTimeZone>,
    /// Why nothing goes.
    pub reason: Option<String>,
}

/// A recipient, and the gate's word on one channel.
pub struct Decided<'a> {
    /// Who.
    pub user: Uuid,
    /// What.
    pub decision: Decision<'a>,
    /// The delivery that is written.
    pub delivery_id: Uuid,
    /// The text that is written if it may go.
    pub message_id: Uuid,
}

impl<'a> Decided<'a> {
    /// A row of the statements that only decide. `channels` are those it may be about.
    pub fn read(row: &Row<'_>, channels: &'a [String]) -> Result<Self> {
        let channel: &str = row.want(3, "channel")?;
        let mut channels = channels.iter().map(String::as_str);
        Ok(Self {
            user: row.want(1, "recipient")?,
            decision: Decision {
                channel: channels.find(|known| *known == channel),
                subscription: row.get(2)?,
                number: row.get(4)?,
                variant: row.get(5)?,
                open_at: row.get(6)?,
                reason: row.get(7)?,
            },
            delivery_id: row.want(8, "id")?,
            message_id: row.want(9, "id")?,
        })
    }

    /// Whether something goes.
    pub const fn goes(&self) -> bool {
        self.decision.reason.is_none()
    }
}
