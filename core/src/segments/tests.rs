//! Segments against Twilio's own calculator, and laws that hold for any text.

use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::*;

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

/// What Twilio's own calculator says about random texts of many kinds, and its table of smart encoding.
#[derive(Deserialize)]
struct Vectors {
    replacements: BTreeMap<char, String>,
    texts: Vec<Text>,
}

/// A row of the file, as `columns` in it says.
#[derive(Deserialize)]
struct Text(String, String, String, usize, usize, String, usize, usize);

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/data/segment_vectors.json")).unwrap()
}

#[test]
fn random_texts_count_as_in_twilios_calculator() {
    let texts = vectors().texts;
    assert_eq!(texts.len(), 300);
    for Text(kind, body, encoding, units, segments, smart_encoding, smart_units, smart_segments) in
        &texts
    {
        assert_eq!(
            counted(body),
            (&**encoding, *units, *segments),
            "{kind}: {body:?}"
        );
        let smart = smart_encode(body);
        assert_eq!(
            counted(&smart),
            (&**smart_encoding, *smart_units, *smart_segments),
            "{kind}, smart: {body:?}"
        );
    }
}

#[test]
fn smart_encoding_has_twilios_table_and_nothing_else() {
    let table = vectors().replacements;
    assert_eq!(table.len(), 271);
    for character in '\0'..=char::MAX {
        let body = character.to_string();
        let expected = table.get(&character).unwrap_or(&body);
        assert_eq!(smart_encode(&body), *expected, "{character:?}");
    }
}

#[test]
fn smart_encoding_borrows_what_it_leaves_alone() {
    assert!(matches!(
        smart_encode("Olá 😜"),
        std::borrow::Cow::Borrowed("Olá 😜")
    ));
    assert_eq!(smart_encode("“It’s 5 – 6…”\u{200b}"), "\"It's 5 - 6...\"");
}

#[test]
fn a_character_longer_than_a_segment_is_cut_between_code_points() {
    let tower = "e".to_owned() + &"\u{301}".repeat(200);
    assert_eq!(counted(&tower), ("UCS-2", 201, 3));
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
