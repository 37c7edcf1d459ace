//! The keywords Twilio itself acts on in a text from a person, before our webhook sees it.
//!
//! Twilio compares the whole text with a short list and then blocks, unblocks or answers. What people mean is a wider
//! question and not this one. Sources: <https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out> and
//! <https://help.twilio.com/articles/223134027>.

use crate::words::words;

words! {
    /// What Twilio does with a keyword; the word is the value of `OptOutType`.
    Keyword ("keyword") {
        /// The person gets no more texts.
        Stop = "STOP",
        /// The person gets texts again.
        Start = "START",
        /// The person asks who this is.
        Help = "HELP",
    }
}

/// Kinds of senders, which Twilio treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SenderKind {
    /// An ordinary number.
    LongCode,
    /// A toll-free number of North America; its carrier blocks as well.
    TollFree,
    /// 3 to 8 digits. Opt-out is the customer's own business.
    ShortCode,
    /// A name. Nobody can answer it.
    Alphanumeric,
}

/// Words that block, in capitals. A Messaging Service with Advanced Opt-Out starts with the first six alone.
pub const STOP_WORDS: [&str; 8] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
];

/// How many of [`STOP_WORDS`] Advanced Opt-Out starts with: the later ones have to be added by hand.
pub const ADVANCED_STOP_WORDS: usize = 6;

/// Words that lift a block, in capitals. The last one does nothing for toll-free numbers.
pub const START_WORDS: [&str; 3] = ["START", "UNSTOP", "YES"];

/// Words that ask for help, in capitals.
pub const HELP_WORDS: [&str; 2] = ["HELP", "INFO"];

/// Area codes of toll-free numbers in North America.
const TOLL_FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];

impl SenderKind {
    /// The kind of a sender as it stands in `From` or `To`: E.164, a short code or a name.
    pub fn of(sender: &str) -> Self {
        if let Some(digits) = sender.strip_prefix('+') {
            let area = digits.strip_prefix('1').and_then(|rest| rest.get(..3));
            return match area {
                Some(area) if digits.len() == 11 && TOLL_FREE.contains(&area) => Self::TollFree,
                _ => Self::LongCode,
            };
        }
        if !sender.is_empty() && sender.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::ShortCode;
        }
        Self::Alphanumeric
    }
}

/// What Twilio does by default with a text to a sender of this kind; `None`: nothing.
///
/// The whole text has to be one keyword. Case and white space around it do not matter.
pub fn default_keyword(body: &str, sender: SenderKind) -> Option<Keyword> {
    let start: &[&str] = match sender {
        SenderKind::LongCode => &START_WORDS,
        SenderKind::TollFree => &START_WORDS[..2],
        SenderKind::ShortCode | SenderKind::Alphanumeric => return None,
    };
    keyword_in(body, &STOP_WORDS, start, &HELP_WORDS)
}

/// As [`default_keyword`], with lists of one's own; they are compared without regard to case.
pub fn keyword_in<W: AsRef<str>>(
    body: &str,
    stop: &[W],
    start: &[W],
    help: &[W],
) -> Option<Keyword> {
    let text = body.trim().to_lowercase();
    let is_in = |list: &[W]| list.iter().any(|word| word.as_ref().to_lowercase() == text);
    if text.is_empty() {
        None
    } else if is_in(stop) {
        Some(Keyword::Stop)
    } else if is_in(start) {
        Some(Keyword::Start)
    } else if is_in(help) {
        Some(Keyword::Help)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_sender_shows() {
        for (sender, kind) in [
            ("+15005550006", SenderKind::LongCode),
            ("+18005550100", SenderKind::TollFree),
            ("+18335550100", SenderKind::TollFree),
            ("+18225550100", SenderKind::LongCode),
            ("+448005550100", SenderKind::LongCode),
            ("+1800", SenderKind::LongCode),
            ("12345", SenderKind::ShortCode),
            ("HERALD", SenderKind::Alphanumeric),
            ("", SenderKind::Alphanumeric),
        ] {
            assert_eq!(SenderKind::of(sender), kind, "{sender}");
        }
    }

    #[test]
    fn the_whole_text_is_one_word() {
        let keyword = |body| default_keyword(body, SenderKind::LongCode);
        for stop in [
            "STOP",
            "stop",
            " Stop\n",
            "stopall",
            "Unsubscribe",
            "cancel",
            "end",
            "quit",
            "revoke",
            "optout",
        ] {
            assert_eq!(keyword(stop), Some(Keyword::Stop), "{stop}");
        }
        for start in ["start", "unstop", "yes"] {
            assert_eq!(keyword(start), Some(Keyword::Start), "{start}");
        }
        for help in ["help", "INFO"] {
            assert_eq!(keyword(help), Some(Keyword::Help), "{help}");
        }
        for other in ["", " ", "STOP PLEASE", "OPT OUT", "stop.", "ARRET", "no"] {
            assert_eq!(keyword(other), None, "{other}");
        }
    }

    #[test]
    fn kinds_differ() {
        assert_eq!(default_keyword("YES", SenderKind::TollFree), None);
        let start = Some(Keyword::Start);
        assert_eq!(default_keyword("UNSTOP", SenderKind::TollFree), start);
        assert_eq!(default_keyword("STOP", SenderKind::ShortCode), None);
        assert_eq!(default_keyword("STOP", SenderKind::Alphanumeric), None);
    }
}
