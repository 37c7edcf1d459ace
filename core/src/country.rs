//! Which destination a number belongs to, as far as its digits say: the unit that a breaker pauses.

/// Calling codes of two digits; every other one but 1 and 7 has three (ITU-T E.164, list of assigned country codes).
const TWO_DIGITS: [&str; 44] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65",
    "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Area codes of +1 that are countries and territories of their own, with permissions of their own at Twilio.
const ISLANDS: [&str; 28] = [
    "242", "246", "264", "268", "284", "340", "345", "441", "473", "649", "658", "664", "670",
    "671", "684", "721", "758", "767", "784", "787", "809", "829", "849", "868", "869", "876",
    "879", "939",
];

/// The calling code of an E.164 number with its `+`, such as `+44`; for islands that share +1 with their area code, such
/// as `+1876`, and plain `+1` for the United States and Canada. Anything that is not E.164 is returned whole.
pub fn country_key(number: &str) -> &str {
    let Some(digits) = number.strip_prefix('+') else {
        return number;
    };
    let starts_with_one_of = |list: &[&str]| list.iter().any(|code| digits.starts_with(code));
    let length = match digits.as_bytes().first() {
        Some(b'1') => match digits.get(1..4) {
            Some(area) if ISLANDS.contains(&area) => 4,
            _ => 1,
        },
        Some(b'7') => 1,
        _ if starts_with_one_of(&TWO_DIGITS) => 2,
        _ => 3,
    };
    number.get(..=length).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_numbers() {
        for (number, key) in [
            ("+14155550100", "+1"),
            ("+16135550100", "+1"),
            ("+18765550100", "+1876"),
            ("+17875550100", "+1787"),
            ("+447700900123", "+44"),
            ("+4915123456789", "+49"),
            ("+79161234567", "+7"),
            ("+77011234567", "+7"),
            ("+6561234567", "+65"),
            ("+353851234567", "+353"),
            ("+8801712345678", "+880"),
            ("+971501234567", "+971"),
            ("+1", "+1"),
            ("+", "+"),
            ("", ""),
            ("short", "short"),
        ] {
            assert_eq!(country_key(number), key, "{number}");
        }
    }

    #[test]
    fn the_lists_are_in_order_and_hold_nothing_twice() {
        assert!(TWO_DIGITS.is_sorted_by(|a, b| a < b));
        assert!(ISLANDS.is_sorted_by(|a, b| a < b));
    }

    proptest! {
        #[test]
        fn is_a_short_prefix(number in "\\+[1-9][0-9]{6,14}") {
            let key = country_key(&number);
            prop_assert!(number.starts_with(key) && (2..=5).contains(&key.len()));
        }
    }
}
