//! The ways a code can reach a person.

use std::str::FromStr;

use herald_core::phone;
use serde::{Deserialize, Serialize};

/// A channel in Twilio's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    /// A text.
    Sms,
    /// A voice call.
    Call,
    /// WhatsApp.
    Whatsapp,
    /// E-mail.
    Email,
    /// Silent network authentication: no code at all.
    Sna,
    /// Twilio chooses.
    Auto,
}

impl Channel {
    /// Whether `to` is an address of this channel: an E.164 number, for e-mail a mail address.
    pub(super) fn reaches(self, to: &str) -> bool {
        match self {
            Self::Email => to
                .split_once('@')
                .is_some_and(|(name, host)| !name.is_empty() && host.contains('.')),
            _ => phone::is_e164(to),
        }
    }
}

impl FromStr for Channel {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "sms" => Ok(Self::Sms),
            "call" => Ok(Self::Call),
            "whatsapp" => Ok(Self::Whatsapp),
            "email" => Ok(Self::Email),
            "sna" => Ok(Self::Sna),
            "auto" => Ok(Self::Auto),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        use Channel::*;
        for channel in [Sms, Call, Whatsapp, Email, Sna, Auto] {
            let word = serde_json::to_value(channel).unwrap();
            assert_eq!(word.as_str().unwrap().parse(), Ok(channel));
        }
        assert!("SMS".parse::<Channel>().is_err());
    }

    #[test]
    fn addresses_belong_to_channels() {
        assert!(Channel::Sms.reaches("+14155550100"));
        assert!(!Channel::Sms.reaches("4155550100"));
        assert!(!Channel::Call.reaches("a@example.org"));
        assert!(Channel::Email.reaches("a@example.org"));
        assert!(!Channel::Email.reaches("+14155550100"));
    }
}
