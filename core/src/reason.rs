//! Why a notification was not sent: the words in `notification_deliveries.suppress_reason`, put into sentences.

/// Every reason that the gate gives, with what it says to a person.
const REASONS: &[(&str, &str)] = &[
    ("event_cancelled", "the event was cancelled"),
    ("event_type_inactive", "the event type is switched off"),
    ("not_subscribed", "the person never subscribed to it"),
    ("unsubscribed", "the person is not subscribed any more"),
    ("filter", "the person's filters do not match the payload"),
    ("not_admin", "the event type is for administrators only"),
    ("preference", "the person has switched this channel off"),
    ("no_adapter", "nothing sends on this channel yet"),
    ("no_phone", "there is no phone number"),
    (
        "invalid_number",
        "the carriers know no such number, or it takes no texts",
    ),
    ("unverified", "the phone number was never verified"),
    (
        "opted_out",
        "the person, or somebody with this number, has opted out",
    ),
    (
        "country_not_allowed",
        "numbers of this country may not be texted (setting allowed_country_prefixes)",
    ),
    (
        "unknown_time_zone",
        "quiet hours cannot be told: the person's time zone does not exist",
    ),
    ("quiet_hours", "the person has quiet hours"),
    (
        "daily_limit",
        "the person has had as many texts as a day allows",
    ),
    (
        "hourly_limit",
        "the person has had as many texts as an hour allows",
    ),
    (
        "type_limit",
        "the person has had as many texts of this type as a day allows",
    ),
    (
        "country_cap",
        "the day's texts to numbers of this country are used up",
    ),
    ("global_cap", "the day's texts are used up"),
    ("expired", "it would have come too late"),
    ("requested", "somebody cancelled it"),
];

/// The sentence for a reason, `None` for a word that is none.
pub fn sentence(reason: &str) -> Option<&'static str> {
    let (_, sentence) = REASONS.iter().find(|(word, _)| *word == reason)?;
    Some(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_stands_once_and_says_something() {
        for (place, (word, sentence)) in REASONS.iter().enumerate() {
            assert!(
                REASONS[..place].iter().all(|(earlier, _)| earlier != word),
                "{word}"
            );
            assert!(sentence.len() > word.len() / 2 && !sentence.ends_with('.'));
        }
        assert_eq!(sentence("no_phone"), Some("there is no phone number"));
        assert_eq!(sentence("whatever"), None);
    }
}
