//! How many segments a text takes on the air, which is what a carrier bills.
//!
//! GSM-7 is the default alphabet of 3GPP TS 23.038 with its extension table; one character outside both makes the whole
//! text UCS-2. A segment holds 1120 bits; when a text needs several, each loses 48 bits to a header
//! (<https://www.twilio.com/docs/glossary/what-sms-character-limit>).

mod smart;
#[cfg(test)]
mod tests;

use unicode_segmentation::UnicodeSegmentation;

pub use smart::smart_encode;

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

/// Counts the segments of `body` as it stands; for Twilio's smart encoding count the text that [`smart_encode`] gives.
///
/// A two-septet character, a surrogate pair or what people see as one character (an emoji with its joiners, a letter with
/// its accents) is never cut, so a segment may stay short. Only such a character that is longer than a whole segment is
/// cut, between two of its code points. It is an estimate: the `num_segments` that Twilio reports is what counts.
pub fn count(body: &str) -> Segments {
    match body.chars().map(septets).sum::<Option<usize>>() {
        Some(units) => pack(Encoding::Gsm7, units, body.chars().filter_map(septets)),
        None => {
            let units = body.chars().map(char::len_utf16).sum();
            pack(Encoding::Ucs2, units, body.graphemes(true).flat_map(pieces))
        }
    }
}

/// The UTF-16 units of what must stay together in one segment: a grapheme cluster, or its code points if it is too long.
/// A line break of two characters may be cut.
fn pieces(cluster: &str) -> impl Iterator<Item = usize> {
    let units = cluster.chars().map(char::len_utf16);
    let whole = units.clone().sum();
    let is_kept = whole <= Encoding::Ucs2.concatenated() && cluster != "\r\n";
    let parts = units.take(if is_kept { 0 } else { usize::MAX });
    is_kept.then_some(whole).into_iter().chain(parts)
}

/// Length of `body` against [`MAX_BODY_CHARACTERS`]: UTF-16 units, the stricter reading of Twilio's limit.
pub fn body_characters(body: &str) -> usize {
    body.chars().map(char::len_utf16).sum()
}

/// Fills segments one piece after the other; `widths` holds the units of each piece that is not cut.
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
