//! Values from outside may not change how the rest of a text is shown, hide something in it, or look like nothing.

/// First of the characters that mark the country of a flag; they follow [`FLAG`] and end with [`TAG_END`].
const TAGS: std::ops::RangeInclusive<char> = '\u{e0020}'..='\u{e007f}';
const TAG_END: char = '\u{e007f}';
const FLAG: char = '\u{1f3f4}';
/// A flag's tags, without the end: `gbeng`, `usca`.
const MOST_TAGS: usize = 6;

/// What a value becomes in a text.
///
/// A line feed stays, line and paragraph separators become one, a carriage return goes, any other control character becomes
/// a space. Bidirectional controls (Unicode Standard Annex 9) and characters that show nothing are removed. What scripts
/// and emoji need stays where they need it: joiners between two characters beyond ASCII, variation selectors after a
/// character that has variants, tags within a flag.
pub fn harmless(value: &str) -> String {
    let characters: Vec<char> = value.chars().filter_map(visible).collect();
    let mut kept = String::with_capacity(value.len());
    let mut tags_left = 0;
    for (place, &character) in characters.iter().enumerate() {
        let before = kept.chars().next_back();
        let after = characters.get(place + 1).copied();
        let stays = match character {
            FLAG => {
                tags_left = flag_tags(&characters[place + 1..]);
                true
            }
            tag if TAGS.contains(&tag) => {
                let is_of_flag = tags_left > 0;
                tags_left = tags_left.saturating_sub(1);
                is_of_flag
            }
            '\u{200c}' | '\u{200d}' => {
                before.is_some_and(|c| !c.is_ascii() && !is_joiner(c)) && after.is_some_and(carries)
            }
            '\u{fe00}'..='\u{fe0f}' => before.is_some_and(|c| carries(c) || is_keycap(c)),
            '\u{e0100}'..='\u{e01ef}' => before.is_some_and(is_ideograph),
            _ => true,
        };
        if stays {
            kept.push(character);
        }
    }
    kept
}

/// A character by itself; `None` if it never stays.
fn visible(character: char) -> Option<char> {
    match character {
        '\n' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\r'
        // Bidirectional marks, embeddings, overrides and isolates.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Soft hyphen, grapheme joiner, fillers, zero-width space, word joiner, invisible operators, byte order mark,
        // interlinear annotation, shorthand and musical format controls, and the unassigned rest of their block.
        | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e001f}' | '\u{e0080}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}' => None,
        control if control.is_control() => Some(' '),
        other => Some(other),
    }
}

/// How many tags, with the end, belong to the flag before them; 0 if they spell none.
fn flag_tags(after: &[char]) -> usize {
    match after.iter().take(MOST_TAGS + 1).position(|&c| c == TAG_END) {
        Some(end) if end > 0 && after[..end].iter().all(|c| TAGS.contains(c)) => end + 1,
        _ => 0,
    }
}

/// A character that a joiner may join and that may have variants: beyond ASCII, and something to see.
fn carries(character: char) -> bool {
    !character.is_ascii()
        && !character.is_whitespace()
        && !is_joiner(character)
        && !TAGS.contains(&character)
        && !matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

fn is_keycap(character: char) -> bool {
    matches!(character, '0'..='9' | '#' | '*')
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_and_separators() {
        let hostile = "a\u{0}b\tc\r\nd\u{202e}e\u{2066}f\u{200f}g\u{61c}h\u{85}i\u{7f}j\u{2028}k\u{2029}l\u{b}m";
        assert_eq!(harmless(hostile), "a b c\ndefgh i j\nk\nl m");
    }

    #[test]
    fn nothing_hides() {
        for hidden in [
            "\u{200b}",
            "\u{feff}",
            "\u{2060}",
            "\u{ad}",
            "\u{34f}",
            "\u{3164}",
            "\u{115f}",
            "\u{206a}",
            "\u{e0001}",
            "\u{e0061}",
            "\u{200d}",
            "\u{200c}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{fff9}",
            "\u{180e}",
        ] {
            assert_eq!(
                harmless(&format!("pay{hidden}pal.com")),
                "paypal.com",
                "{hidden:?}"
            );
        }
        // A message in tags behind a flag, and bytes in variation selectors behind a letter.
        assert_eq!(harmless("\u{1f3f4}\u{e0068}\u{e0069}x"), "\u{1f3f4}x");
        let long: String = ('\u{e0041}'..='\u{e0050}').collect();
        assert_eq!(harmless(&format!("\u{1f3f4}{long}\u{e007f}")), "\u{1f3f4}");
        assert_eq!(harmless("é\u{fe00}\u{fe01}\u{fe02}"), "é\u{fe00}");
        assert_eq!(harmless("字\u{e0100}\u{e0101}"), "字\u{e0100}");
    }

    #[test]
    fn scripts_and_emoji_keep_what_they_need() {
        for whole in [
            "👨\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}\u{200d}🔥",
            "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "葛\u{e0100}城",
            "Zoë €5 – „ja“\nzwei",
        ] {
            assert_eq!(harmless(whole), whole);
        }
    }

    proptest! {
        #[test]
        fn it_is_done_once(value in "(\\PC|[a\u{200b}-\u{200f}\u{2028}-\u{202e}\u{fe0f}\u{e0062}\u{e007f}\u{1f3f4}é字\t\r\n]){0,30}") {
            let once = harmless(&value);
            prop_assert_eq!(&harmless(&once), &once);
            prop_assert!(once.chars().all(|c| c == '\n' || !c.is_control()));
        }

        #[test]
        fn plain_text_stays(value in "[ -~¡-¬®-ʯ\n]{0,60}") {
            prop_assert_eq!(&harmless(&value), &value);
        }
    }
}
