//! How many segments a text takes on the air, which is what a carrier bills.
//!
//! GSM-7 is the default alphabet of 3GPP TS 23.038 with its extension table; one character outside both makes the whole
//! text UCS-2. A segment holds 1120 bits; when a text needs several, each loses 48 bits to a header
//! (<https://www.twilio.com/docs/glossary/what-sms-character-limit>).

use crate::words::words;

/// Longest body Twilio takes, in characters as [`body_characters`] counts them; a longer one is refused with 21617
/// (<https://www.twilio.com/docs/api/errors/21617>).
pub const MAX_BODY_CHARACTERS: usize = 1600;

words! {
    /// Alphabet a text is sent in.
    Encoding ("encoding") {
        /// 7 bits per character; characters of the extension table take two places.
        Gsm7 = "GSM-7",
        /// 16 bits per UTF-16 unit.
        Ucs2 = "UCS-2",
    }
}

impl Encoding {
    /// Units that fit into the only segment of a text.
    const fn single(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Units that fit into each segment of a text that has several.
    const fn concatenated(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }
}

/// What a text takes on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// Alphabet of the whole text.
    pub encoding: Encoding,
    /// Septets in GSM-7, UTF-16 units in UCS-2.
    pub units: usize,
    /// Number of segments, at least 1 (also for the empty text, which Twilio refuses).
    pub segments: usize,
}

/// Counts the segments of `body` as it stands, without Twilio's smart encoding.
///
/// A two-septet character or a surrogate pair is never cut, so a segment may stay one unit short. It is an estimate:
/// the `num_segments` that Twilio reports is what counts.
pub fn count(body: &str) -> Segments {
    match body.chars().map(septets).sum::<Option<usize>>() {
        Some(units) => pack(Encoding::Gsm7, units, body.chars().filter_map(septets)),
        None => {
            let widths = body.chars().map(char::len_utf16);
            pack(Encoding::Ucs2, widths.clone().sum(), widths)
        }
    }
}

/// Length of `body` against [`MAX_BODY_CHARACTERS`]: UTF-16 units, the stricter reading of Twilio's limit.
pub fn body_characters(body: &str) -> usize {
    body.chars().map(char::len_utf16).sum()
}

/// Fills segments one character after the other; `widths` holds 1 or 2 units for each.
fn pack(encoding: Encoding, units: usize, widths: impl Iterator<Item = usize>) -> Segments {
    let mut segments = 1;
    if units > encoding.single() {
        let mut filled = 0;
        for width in widths {
            if filled + width > encoding.concatenated() {
                segments += 1;
                filled = 0;
            }
            filled += width;
        }
    }
    Segments {
        encoding,
        units,
        segments,
    }
}

/// Septets of a character in GSM-7; `None` if it is in neither table.
const fn septets(character: char) -> Option<usize> {
    match character {
        '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' | '\u{c}' => Some(2),
        '\n' | '\r' | ' '..='_' | 'a'..='z' => Some(1),
        '£' | '¥' | '¤' | '§' | '¡' | '¿' => Some(1),
        'è' | 'é' | 'ù' | 'ì' | 'ò' | 'à' | 'Ç' | 'É' => Some(1),
        'Ø' | 'ø' | 'Å' | 'å' | 'Æ' | 'æ' | 'ß' => Some(1),
        'Ä' | 'Ö' | 'Ñ' | 'Ü' | 'ä' | 'ö' | 'ñ' | 'ü' => Some(1),
        'Δ' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(body: &str) -> (&'static str, usize, usize) {
        let Segments {
            encoding,
            units,
            segments,
        } = count(body);
        (encoding.as_str(), units, segments)
    }

    fn repeated(character: &str, times: usize) -> String {
        character.repeat(times)
    }

    /// Twilio's own calculator (npm sms-segments-calculator 1.3.0) gives these numbers.
    #[test]
    fn agrees_with_twilios_calculator() {
        for (length, segments) in [
            (160, 1),
            (161, 2),
            (306, 2),
            (307, 3),
            (459, 3),
            (460, 4),
            (1600, 11),
        ] {
            assert_eq!(counted(&repeated("a", length)), ("GSM-7", length, segments));
        }
        for (length, segments) in [(70, 1), (71, 2), (134, 2), (135, 3), (1600, 24)] {
            assert_eq!(counted(&repeated("Á", length)), ("UCS-2", length, segments));
        }
        for (body, expected) in [
            (repeated("€", 80), ("GSM-7", 160, 1)),
            (repeated("€", 81), ("GSM-7", 162, 2)),
            (repeated("a", 158) + "€", ("GSM-7", 160, 1)),
            (repeated("a", 159) + "€", ("GSM-7", 161, 2)),
            (
                repeated("a", 152) + "€" + &repeated("a", 151),
                ("GSM-7", 305, 2),
            ),
            ("😜".to_owned() + &repeated("1", 68), ("UCS-2", 70, 1)),
            ("😜".to_owned() + &repeated("1", 69), ("UCS-2", 71, 2)),
            ("😜".to_owned() + &repeated("1", 132), ("UCS-2", 134, 2)),
            (repeated("Ç", 160), ("GSM-7", 160, 1)),
            (repeated("ç", 70), ("UCS-2", 70, 1)),
            ("`".to_owned(), ("UCS-2", 1, 1)),
            ("“hi”".to_owned(), ("UCS-2", 4, 1)),
            (String::new(), ("GSM-7", 0, 1)),
        ] {
            assert_eq!(counted(&body), expected, "{body:?}");
        }
    }

    #[test]
    fn pairs_are_not_cut() {
        // 152 + € does not fit into 153; the second segment then holds 2 + 151.
        assert_eq!(
            counted(&(repeated("a", 152) + "€" + &repeated("a", 152))),
            ("GSM-7", 306, 3)
        );
        // 66 + 😜 does not fit into 67.
        assert_eq!(
            counted(&(repeated("Á", 66) + "😜" + &repeated("Á", 65))),
            ("UCS-2", 133, 2)
        );
        assert_eq!(
            counted(&(repeated("Á", 66) + "😜" + &repeated("Á", 66))),
            ("UCS-2", 134, 3)
        );
    }

    #[test]
    fn the_alphabet_has_127_characters_and_10_extensions() {
        let widths = |width| {
            ('\0'..=char::MAX)
                .filter(|&c| septets(c) == Some(width))
                .count()
        };
        assert_eq!((widths(1), widths(2)), (127, 10));
        for outside in [
            '`', '\t', 'á', 'í', 'ó', 'ú', 'Á', 'ç', '\u{a0}', '’', '…', '–',
        ] {
            assert_eq!(septets(outside), None, "{outside:?}");
        }
    }

    #[test]
    fn the_body_limit_counts_utf16_units() {
        assert_eq!(body_characters(""), 0);
        assert_eq!(body_characters("a€Á"), 3);
        assert_eq!(body_characters("😜"), 2);
        assert_eq!(body_characters(&"😜".repeat(800)), MAX_BODY_CHARACTERS);
    }

    proptest! {
        #[test]
        fn laws(body in "[a-z€Á😜\\[\n]{0,400}", more in ".{0,20}") {
            let found = count(&body);
            let (single, several) = (found.encoding.single(), found.encoding.concatenated());
            // Between the exact division and one lost unit per full segment.
            if found.units <= single {
                prop_assert_eq!(found.segments, 1);
            } else {
                prop_assert!(found.segments >= found.units.div_ceil(several));
                prop_assert!(found.segments <= found.units.div_ceil(several - 1));
            }
            let gsm = body.chars().all(|c| septets(c).is_some());
            prop_assert_eq!(found.encoding, if gsm { Encoding::Gsm7 } else { Encoding::Ucs2 });
            // A longer text never takes fewer segments.
            let longer = body.clone() + &more;
            prop_assert!(count(&longer).segments >= found.segments);
        }
    }
}
