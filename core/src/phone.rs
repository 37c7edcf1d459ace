//! Phone numbers: reading what a person typed, the E.164 form and the masked form for logs.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

/// Most characters of a typed number that are looked at; the longest real one with all its separators is far shorter.
const LONGEST_INPUT: usize = 64;

/// Whether `number` is written in E.164 form: `+`, a first digit 1 to 9, and 7 to 15 digits in all.
///
/// It tells nothing about whether the number is in use; [`parse`] also knows the countries' numbering plans.
pub fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Why a typed number is none that can be texted. Never holds the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneProblem {
    /// Something else than digits and the usual separators.
    #[error("it holds something else than digits, spaces and the separators ( ) - . /")]
    NotANumber,
    /// No country code, and no region to take it from.
    #[error("it has no country code")]
    NoCountry,
    /// The country code is nobody's.
    #[error("its country code does not exist")]
    UnknownCountry,
    /// The country has no such numbers.
    #[error("its country has no such number")]
    NotInPlan,
    /// Texts to it cost whoever sends them extra.
    #[error("it is a premium-rate number")]
    Premium,
    /// `default_region` is no region.
    #[error("the default region is not a country by its two letters")]
    UnknownRegion,
}

/// The E.164 form of a number as a person types it: `+1 (415) 555-0100` becomes `+14155550100`.
///
/// Nothing is guessed: without a country code it is refused, unless `default_region` (two letters, such as `US`) says
/// which country's own way of writing it is. The country's numbering plan has to know the number.
///
/// # Errors
/// What is wrong with the number, or with the region.
pub fn parse(typed: &str, default_region: Option<&str>) -> Result<String, PhoneProblem> {
    let typed = typed.trim();
    let digits = typed.strip_prefix('+').unwrap_or(typed);
    let is_separator = |c: char| matches!(c, ' ' | '\u{a0}' | '(' | ')' | '-' | '.' | '/');
    if typed.chars().count() > LONGEST_INPUT
        || !digits.contains(|c: char| c.is_ascii_digit())
        || !digits
            .chars()
            .all(|c| c.is_ascii_digit() || is_separator(c))
    {
        return Err(PhoneProblem::NotANumber);
    }
    let region = match default_region {
        _ if typed.starts_with('+') => None,
        None => return Err(PhoneProblem::NoCountry),
        Some(name) => Some(region(name)?),
    };
    let number = PHONE_NUMBER_UTIL
        .parse(typed, region)
        .map_err(|error| match error {
            rlibphonenumber::ParseError::InvalidCountryCode => PhoneProblem::UnknownCountry,
            _ => PhoneProblem::NotInPlan,
        })?;
    let written = PHONE_NUMBER_UTIL
        .format(&number, PhoneNumberFormat::E164)
        .into_owned();
    if !PHONE_NUMBER_UTIL.is_valid_number(&number) || !is_e164(&written) {
        return Err(PhoneProblem::NotInPlan);
    }
    match PHONE_NUMBER_UTIL.get_number_type(&number) {
        PhoneNumberType::PremiumRate => Err(PhoneProblem::Premium),
        _ => Ok(written),
    }
}

fn region(name: &str) -> Result<Region, PhoneProblem> {
    let known = name
        .parse::<Region>()
        .map_err(|_| PhoneProblem::UnknownRegion)?;
    let is_supported = PHONE_NUMBER_UTIL
        .get_supported_regions()
        .any(|region| region == known);
    is_supported
        .then_some(known)
        .ok_or(PhoneProblem::UnknownRegion)
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
    fn what_people_type_becomes_e164() {
        for (typed, written) in [
            ("+14155550100", "+14155550100"),
            (" +1 (415) 555-0100 ", "+14155550100"),
            ("+1.415.555.0100", "+14155550100"),
            ("+49 151 55559999", "+4915155559999"),
            ("+44 (0) 7911 123456", "+447911123456"),
            ("+39 06 698 12345", "+390669812345"),
            ("+65\u{a0}8123\u{a0}4567", "+6581234567"),
        ] {
            assert_eq!(parse(typed, None).as_deref(), Ok(written), "{typed}");
            assert_eq!(
                parse(typed, Some("DE")).as_deref(),
                Ok(written),
                "{typed}: a region changes nothing about a number with a country code"
            );
        }
    }

    #[test]
    fn nothing_is_guessed() {
        use PhoneProblem::*;
        for (typed, problem) in [
            // Ten digits are not American because they are ten.
            ("4155550100", NoCountry),
            ("14155550100", NoCountry),
            ("0151 55559999", NoCountry),
            ("004915155559999", NoCountry),
            ("", NotANumber),
            ("+", NotANumber),
            ("call me", NotANumber),
            ("+1 415 555 0100 ext. 5", NotANumber),
            ("+1 800 FLOWERS", NotANumber),
            ("call +14155550100", NotANumber),
            ("tel:+14155550100", NotANumber),
            ("++14155550100", NotANumber),
            ("+1415+5550100", NotANumber),
            ("+14155550100\0", NotANumber),
            ("+١٤١٥٥٥٥٠١٠٠", NotANumber),
            ("+999 12345678", UnknownCountry),
            ("+1 415 555 010", NotInPlan),
            ("+1 415 555 01000", NotInPlan),
            ("+1 115 555 0100", NotInPlan),
            ("+44 0000", NotInPlan),
            ("+1 900 555 0123", Premium),
        ] {
            assert_eq!(parse(typed, None), Err(problem), "{typed:?}");
        }
        let long = format!("+1{}4155550100", " ".repeat(100));
        assert_eq!(parse(&long, None), Err(NotANumber));
    }

    #[test]
    fn a_region_that_is_set_reads_the_countrys_own_writing() {
        let read = |typed, region| parse(typed, Some(region));
        assert_eq!(read("(415) 555-0100", "US").as_deref(), Ok("+14155550100"));
        assert_eq!(read("0151 55559999", "DE").as_deref(), Ok("+4915155559999"));
        assert_eq!(
            read("00 44 7911 123456", "DE").as_deref(),
            Ok("+447911123456")
        );
        assert_eq!(read("(415) 555", "US"), Err(PhoneProblem::NotInPlan));
        for nowhere in ["", "USA", "XX", "ZZ", "+1"] {
            assert_eq!(
                read("4155550100", nowhere),
                Err(PhoneProblem::UnknownRegion),
                "{nowhere:?}"
            );
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
        fn whatever_is_typed_the_result_is_e164_and_reads_as_itself(typed in "\\PC*", region in "[A-Z]{2}") {
            for region in [None, Some(region.as_str())] {
                if let Ok(written) = parse(&typed, region) {
                    prop_assert!(is_e164(&written));
                    prop_assert_eq!(parse(&written, None), Ok(written.clone()));
                }
            }
        }

        #[test]
        fn digits_are_kept(digits in "[2-9][0-9]{2}555[0-9]{4}") {
            if let Ok(written) = parse(&format!("+1{digits}"), None) {
                prop_assert_eq!(written, format!("+1{digits}"));
            }
        }

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
