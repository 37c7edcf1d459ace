//! What a person who texts us means: no more texts, texts again, or who is this.
//!
//! Wider than what Twilio itself acts on ([`crate::twilio_keywords`]). A revocation may be worded in any reasonable way,
//! and seven words count always: stop, quit, end, revoke, opt out, cancel, unsubscribe (47 CFR 64.1200(a)(10)). Case,
//! accents, punctuation and spaces within a word do not matter, and politeness around a word does not hide it. A text that
//! says something else besides ("can't stop laughing", "cancel my appointment at 3") is not a revocation.

#[cfg(test)]
mod tests;
mod vocabulary;

use crate::twilio_keywords::{
    HELP_WORDS, Keyword, START_WORDS, STOP_WORDS, SenderKind, default_keyword,
};
use crate::words::words;

use vocabulary::{FILLERS, LANGUAGES, POLITE, STOP_PHRASES};

/// Words in one language, as [`fold`] writes them and without spaces.
pub(crate) struct Language {
    /// BCP 47 tag.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader and the tests"))]
    tag: &'static str,
    stop: &'static [&'static str],
    start: &'static [&'static str],
    help: &'static [&'static str],
}

words! {
    /// What the Twilio account does with keywords before they reach us.
    Handling ("keyword handling") {
        /// Twilio's standard words: it blocks, unblocks and answers by itself.
        Default = "default",
        /// Advanced Opt-Out of a Messaging Service: `OptOutType` says what it did.
        Advanced = "advanced",
        /// Nothing, unless `OptOutType` says so: switched off by Twilio's support. (A short code needs no setting.)
        Off = "off",
    }
}

/// What the text means, `None` if it is no keyword.
pub fn meaning(body: &str) -> Option<Keyword> {
    let folded = fold(body);
    let polite = squeezed(&folded, POLITE);
    if polite.is_empty() {
        return None;
    }
    let core = squeezed(&folded, FILLERS);
    let is_twilios =
        |words: &[&str], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    let is_stop = |text: &str| {
        is_twilios(&STOP_WORDS, text)
            || LANGUAGES
                .iter()
                .any(|language| language.stop.contains(&text))
    };
    let is_start = |text: &str| {
        is_twilios(&START_WORDS, text)
            || LANGUAGES
                .iter()
                .any(|language| language.start.contains(&text))
    };
    let is_help = |text: &str| {
        is_twilios(&HELP_WORDS, text)
            || LANGUAGES
                .iter()
                .any(|language| language.help.contains(&text))
    };
    if STOP_PHRASES.contains(&polite.as_str()) || is_stop(&polite) || is_stop(&core) {
        Some(Keyword::Stop)
    } else if is_start(&polite) {
        // Consent is not guessed: nothing but politeness may stand beside the word.
        Some(Keyword::Start)
    } else if is_help(&polite) || is_help(&core) {
        Some(Keyword::Help)
    } else {
        None
    }
}

/// What a text to us means: Twilio's `OptOutType` where there is one, otherwise the words.
pub fn meaning_of(body: &str, opt_out_type: Option<&str>) -> Option<Keyword> {
    opt_out_type
        .and_then(|word| word.trim().to_ascii_uppercase().parse().ok())
        .or_else(|| meaning(body))
}

/// What Twilio has done with the text before it came to us, `None`: nothing, neither blocked nor answered. `to` is the
/// number or code that the person texted, `in_service` says whether it is part of a Messaging Service, which keeps opt-outs
/// for a short code as well.
pub fn done_by_twilio(
    handling: Handling,
    body: &str,
    to: &str,
    in_service: bool,
    opt_out_type: Option<&str>,
) -> Option<Keyword> {
    opt_out_type
        .and_then(|word| word.trim().to_ascii_uppercase().parse().ok())
        .or_else(|| {
            if handling != Handling::Default {
                return None;
            }
            let kind = match SenderKind::of(to) {
                SenderKind::ShortCode if in_service => SenderKind::LongCode,
                kind => kind,
            };
            default_keyword(body, kind)
        })
}

/// Whether one of the words for stop is in the text, whatever else it says: somebody should read it.
pub fn mentions_stop(body: &str) -> bool {
    let folded = fold(body);
    let is_stop = |word: &str| {
        STOP_WORDS
            .iter()
            .any(|stop| stop.eq_ignore_ascii_case(word))
            || LANGUAGES
                .iter()
                .any(|language| language.stop.contains(&word))
    };
    let words: Vec<&str> = folded.split_whitespace().collect();
    words.iter().any(|word| is_stop(word))
        || words
            .windows(2)
            .any(|pair| is_stop(&format!("{}{}", pair[0], pair[1])))
}

/// Lower case, without accents; apostrophes are gone and everything else that is no letter and no digit is a space.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        // Full-width forms stand 0xFEE0 above ASCII.
        let narrow = match character {
            '\u{ff01}'..='\u{ff5e}' => {
                char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
            }
            other => other,
        };
        for lower in narrow.to_lowercase() {
            match lower {
                '\'' | '\u{2019}' | '\u{2018}' | '`' | '\u{300}'..='\u{36f}' => {}
                'à'..='å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
                'ç' | 'ć' | 'č' => folded.push('c'),
                'è'..='ë' | 'ē' | 'ę' | 'ě' => folded.push('e'),
                'ì'..='ï' | 'ī' | 'ı' => folded.push('i'),
                'ł' => folded.push('l'),
                'ñ' | 'ń' | 'ň' => folded.push('n'),
                'ò'..='ö' | 'ø' | 'ō' | 'ő' => folded.push('o'),
                'ś' | 'ş' | 'š' => folded.push('s'),
                'ù'..='ü' | 'ū' | 'ů' | 'ű' => folded.push('u'),
                'ý' | 'ÿ' => folded.push('y'),
                'ź' | 'ż' | 'ž' => folded.push('z'),
                'ß' => folded.push_str("ss"),
                other if other.is_alphanumeric() => folded.push(other),
                _ => folded.push(' '),
            }
        }
    }
    folded
}

/// The words of a folded text that are not in `left_out`, without spaces: "o p t out" is "optout".
fn squeezed(folded: &str, left_out: &[&str]) -> String {
    folded
        .split_whitespace()
        .filter(|word| !left_out.contains(word))
        .collect()
}
