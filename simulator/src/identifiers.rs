//! Twilio's identifiers (SIDs) and the forms a sender may have.
//!
//! Source: <https://www.twilio.com/docs/glossary/what-is-a-sid>.

use herald_core::phone;
use uuid::Uuid;

/// A new random identifier: the two letters `prefix` and 32 hexadecimal digits.
pub(crate) fn new_sid(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

/// Whether `text` is a SID of this kind: the two letters `prefix` and 32 hexadecimal digits.
pub(crate) fn is_sid(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Channels besides SMS; their addresses begin with the name and a colon.
const CHANNELS: [&str; 3] = ["whatsapp", "messenger", "rcs"];

/// Channel and address of `whatsapp:+14155550100`. `None`: not the address of another channel.
pub(crate) fn channel_address(text: &str) -> Option<(&str, &str)> {
    text.split_once(':')
        .filter(|(channel, _)| CHANNELS.contains(channel))
}

/// Whether `text` has the form of a sender: an E.164 number, a short code of 3 to 8 digits, an alphanumeric sender of
/// at most 11 characters with at least one letter, or an address of another channel.
pub(crate) fn is_sender(text: &str) -> bool {
    if let Some((_, address)) = channel_address(text) {
        return !address.is_empty();
    }
    let is_short_code = (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let is_alphanumeric = text.len() <= 11
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b" -_&+".contains(&b));
    phone::is_e164(text) || is_short_code || is_alphanumeric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_have_two_letters_and_32_hexadecimal_digits() {
        let sid = new_sid("AC");
        assert!(is_sid("AC", &sid));
        assert!(!is_sid("MG", &sid));
        assert!(!is_sid("AC", "AC1"));
        assert!(!is_sid("AC", "ACg0000000000000000000000000000001"));
    }

    #[test]
    fn senders_are_numbers_short_codes_or_names() {
        for good in ["+15005550006", "12345", "HERALD", "Herald 24", "rcs:herald"] {
            assert!(is_sender(good), "{good}");
        }
        for bad in [
            "",
            "5005550006123",
            "name that is too long",
            "+",
            "whatsapp:",
            "+1500",
            "héros",
        ] {
            assert!(!is_sender(bad), "{bad}");
        }
    }
}
