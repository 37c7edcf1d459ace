//! Phone numbers: the E.164 form and the masked form for logs.

/// Whether `number` is written in E.164 form: `+`, a first digit 1 to 9, and 7 to 15 digits in all.
///
/// It tells nothing about whether the number is in use.
pub fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The number as it may stand in a log: `+`, the first two and the last two digits, `*` for each digit between.
///
/// Anything that is not E.164 becomes `***`, so a mistyped field never puts its content into a log.
pub fn mask(number: &str) -> String {
    if !is_e164(number) {
        return "***".to_owned();
    }
    let (head, rest) = number.split_at(3);
    let (middle, tail) = rest.split_at(rest.len() - 2);
    format!("{head}{}{tail}", "*".repeat(middle.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn e164_only() {
        for good in [
            "+1234567",
            "+15005550006",
            "+6561234567",
            "+123456789012345",
        ] {
            assert!(is_e164(good), "{good}");
        }
        for bad in [
            "",
            "+",
            "15005550006",
            "+05005550006",
            "+123456",
            "+1234567890123456",
            "+1500555000x",
            "+1 5005550006",
            " +15005550006",
            "+15005550006\n",
            "++5005550006",
            "+١٥٠٠٥٥٥٠٠٠٦",
        ] {
            assert!(!is_e164(bad), "{bad:?}");
        }
    }

    #[test]
    fn masked() {
        assert_eq!(mask("+15005550006"), "+15*******06");
        assert_eq!(mask("+1234567"), "+12***67");
        assert_eq!(mask("call me"), "***");
        assert_eq!(mask(""), "***");
    }

    proptest! {
        #[test]
        fn never_shows_more_than_four_digits(number in "\\+[1-9][0-9]{6,14}") {
            prop_assert!(is_e164(&number));
            let masked = mask(&number);
            prop_assert_eq!(masked.len(), number.len());
            prop_assert_eq!(masked.chars().filter(char::is_ascii_digit).count(), 4);
        }

        #[test]
        fn shows_nothing_of_anything_else(text in "\\PC*") {
            prop_assert!(is_e164(&text) || mask(&text) == "***");
        }
    }
}
