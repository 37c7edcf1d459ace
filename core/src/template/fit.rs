//! Making a text fit: its values give way first, then its end; never half a link, never half a character.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::segments::{self, Encoding, body_characters};

/// A value is not made shorter than this to save the end of a text: fewer characters tell nothing.
const SHORTEST_VALUE: usize = 12;

/// Stands for what was cut away. The one character would make UCS-2 of a text that is GSM-7 without it.
const GSM_ELLIPSIS: &str = "...";
const UCS_ELLIPSIS: &str = "…";

/// A text made from a template, and where in it the values stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    text: String,
    values: Vec<Range<usize>>,
}

/// A text of at most the length that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitted {
    /// The text.
    pub text: String,
    /// Its length before, if something was cut away.
    pub shortened_from: Option<usize>,
}

/// A text that cannot be made short enough: it begins with a link that is longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{characters} characters, at most {most}")]
pub struct TooLong {
    /// Its length, as [`body_characters`] counts.
    pub characters: usize,
    /// The length that was allowed.
    pub most: usize,
}

impl Rendered {
    /// Adds text of the template.
    pub(super) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a value.
    pub(super) fn push_value(&mut self, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.values.push(start..self.text.len());
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text in at most `most` characters, as [`body_characters`] counts them, which is what Twilio limits.
    ///
    /// The longest values are shortened until it fits, so that the template's own words (a link, how to opt out) stand. If
    /// that is not enough, the end is cut. Either way between grapheme clusters, if possible between words, and never
    /// inside a link: a link is whole or gone. An ellipsis marks the place.
    pub fn fit(&self, most: usize) -> Result<Fitted, TooLong> {
        let characters = body_characters(&self.text);
        if characters <= most {
            return Ok(Fitted {
                text: self.text.clone(),
                shortened_from: None,
            });
        }
        let links = links(&self.text);
        // What is kept beside an ellipsis of one character decides the alphabet, and so which ellipsis it is.
        let kept = self.shortened(&links, most, ".");
        let ellipsis = match kept {
            Some(kept) if segments::count(&kept).encoding == Encoding::Ucs2 => UCS_ELLIPSIS,
            _ => GSM_ELLIPSIS,
        };
        let text = self
            .shortened(&links, most, ellipsis)
            .ok_or(TooLong { characters, most })?;
        Ok(Fitted {
            text,
            shortened_from: Some(characters),
        })
    }

    fn shortened(&self, links: &[Range<usize>], most: usize, ellipsis: &str) -> Option<String> {
        self.shorten_values(links, most, ellipsis)
            .or_else(|| cut(&self.text, links, most, ellipsis))
    }

    /// Cuts every free piece of a value that is longer than a bound; the largest bound that is small enough.
    fn shorten_values(
        &self,
        links: &[Range<usize>],
        most: usize,
        ellipsis: &str,
    ) -> Option<String> {
        let free = self.free_pieces(links);
        let lengths: Vec<usize> = free
            .iter()
            .map(|piece| body_characters(&self.text[piece.clone()]))
            .collect();
        let rest = body_characters(&self.text) - lengths.iter().sum::<usize>();
        let longest = lengths.iter().copied().max()?;
        let bound = (SHORTEST_VALUE..longest).rev().find(|&bound| {
            rest + lengths
                .iter()
                .map(|&length| length.min(bound))
                .sum::<usize>()
                <= most
        })?;
        let mut text = String::with_capacity(self.text.len());
        let mut done = 0;
        for (piece, length) in free.into_iter().zip(lengths) {
            if length <= bound {
                continue;
            }
            text.push_str(&self.text[done..piece.start]);
            text.push_str(&cut(&self.text[piece.clone()], &[], bound, ellipsis)?);
            done = piece.end;
        }
        text.push_str(&self.text[done..]);
        Some(text)
    }

    /// The values without the links that they hold or are a part of.
    fn free_pieces(&self, links: &[Range<usize>]) -> Vec<Range<usize>> {
        let mut free = Vec::new();
        for value in &self.values {
            let mut start = value.start;
            for link in links.iter().filter(|link| link.start < value.end) {
                if link.start > start {
                    free.push(start..link.start);
                }
                start = start.max(link.end);
            }
            if start < value.end {
                free.push(start..value.end);
            }
        }
        free
    }
}

/// The beginning of `text` and the ellipsis, in at most `most` characters; `None` if nothing would be left of the text.
fn cut(text: &str, links: &[Range<usize>], most: usize, ellipsis: &str) -> Option<String> {
    let room = most.checked_sub(body_characters(ellipsis))?;
    let mut end = 0;
    let mut used = 0;
    for (start, cluster) in text.grapheme_indices(true) {
        used += body_characters(cluster);
        if used > room {
            break;
        }
        end = start + cluster.len();
    }
    if let Some(link) = links.iter().find(|link| link.start < end && end < link.end) {
        end = link.start;
    }
    let is_inside_word = !text[end..].starts_with(char::is_whitespace);
    let kept = &text[..end];
    let kept = match kept.rfind(char::is_whitespace) {
        // Back to the end of the last whole word, unless that costs more than half.
        Some(gap) if is_inside_word && gap * 2 >= end => &kept[..gap],
        _ => kept,
    };
    let kept = kept.trim_end();
    (!kept.is_empty()).then(|| format!("{kept}{ellipsis}"))
}

/// Where the links of a text are: generous rather than exact, because half a link leads nowhere or elsewhere.
fn links(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for word in text.split_whitespace() {
        let offset = word.as_ptr() as usize - text.as_ptr() as usize;
        if let Some(start) = link_start(word) {
            // Scripts without spaces may go on right after a link.
            let end = word[start..]
                .find(is_wide)
                .map_or(word.len(), |at| start + at);
            found.push(offset + start..offset + end);
        }
    }
    found
}

/// Where the link in a word begins: `scheme://…`, `www.…`, or `host.name/path`.
fn link_start(word: &str) -> Option<usize> {
    let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let scheme = word.find("://").map(|colon| {
        let before = word[..colon].char_indices().rev();
        before
            .take_while(|&(_, c)| is_of_scheme(c))
            .last()
            .map_or(colon, |(at, _)| at)
    });
    let lower = word.to_ascii_lowercase();
    let www = lower.find("www.");
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
    let host = word.find('/').and_then(|slash| {
        let before = word[..slash].char_indices().rev();
        let start = before
            .take_while(|&(_, c)| is_of_host(c))
            .last()
            .map(|(at, _)| at)?;
        word[start..slash].contains('.').then_some(start)
    });
    [scheme, www, host].into_iter().flatten().min()
}

/// Characters that no link holds unencoded and that need no space around them: CJK, kana, Hangul, full-width forms.
fn is_wide(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;
    use proptest::prelude::*;

    fn rendered(source: &str, values: &[(&str, &str)]) -> Rendered {
        let lookup = |name: &str| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        };
        Template::parse(source).unwrap().render(lookup).unwrap()
    }

    fn fitted(source: &str, values: &[(&str, &str)], most: usize) -> String {
        rendered(source, values).fit(most).unwrap().text
    }

    #[test]
    fn a_text_that_fits_is_itself() {
        let text = rendered("Hi {{name}}", &[("name", "Ada")]);
        assert_eq!(
            text.fit(6),
            Ok(Fitted {
                text: "Hi Ada".to_owned(),
                shortened_from: None
            })
        );
    }

    #[test]
    fn the_longest_value_gives_way_and_the_template_stands() {
        assert_eq!(
            fitted(
                "{{task}} is due {{when}}. See https://example.com/t/1 or reply STOP",
                &[
                    ("task", "Write the minutes of the long meeting"),
                    ("when", "at 5 pm")
                ],
                75
            ),
            "Write the... is due at 5 pm. See https://example.com/t/1 or reply STOP"
        );
        let text = rendered(
            "{{a}}/{{b}}",
            &[("a", &"a".repeat(30)), ("b", &"b".repeat(15))],
        );
        assert_eq!(
            text.fit(31).unwrap().text,
            "a".repeat(12) + ".../" + &"b".repeat(15)
        );
        assert_eq!(text.fit(31).unwrap().shortened_from, Some(46));
        assert_eq!(
            text.fit(27).unwrap().text,
            "a".repeat(10) + ".../" + &"b".repeat(10) + "..."
        );
    }

    #[test]
    fn the_end_is_cut_when_the_values_are_short() {
        assert_eq!(fitted("One two three four", &[], 12), "One two...");
        assert_eq!(fitted("One two three four", &[], 10), "One two...");
        assert_eq!(fitted("Supercalifragilistic", &[], 10), "Superca...");
        assert_eq!(fitted("{{x}} abcdefgh", &[("x", "Ada")], 8), "Ada...");
    }

    #[test]
    fn a_link_is_whole_or_gone() {
        let source = "Look: https://example.com/{{id}}?q=1 now";
        for most in 8..41 {
            let text = fitted(source, &[("id", "abcdefghijkl")], most);
            assert!(
                !text.contains("http") || text.contains("https://example.com/abcdefghijkl?q=1"),
                "{text}"
            );
        }
        let only = rendered("https://example.com/a/long/path", &[]);
        assert_eq!(
            only.fit(20),
            Err(TooLong {
                characters: 31,
                most: 20
            })
        );
        assert_eq!(
            fitted(
                "{{note}}",
                &[("note", "Read www.example.com/abc before the meeting begins")],
                30
            ),
            "Read www.example.com/abc..."
        );
        assert_eq!(
            fitted(
                "予定は変更されました詳細はhttps://example.com/abcです",
                &[],
                30
            ),
            "予定は変更されました詳細は…"
        );
    }

    #[test]
    fn the_ellipsis_does_not_change_the_alphabet() {
        assert_eq!(fitted("Milk and honey", &[], 9), "Milk...");
        assert_eq!(fitted("Mįlk and honey", &[], 9), "Mįlk and…");
        assert_eq!(fitted("Milk and hįney", &[], 12), "Milk and...");
    }

    #[test]
    fn clusters_and_pairs_are_not_cut() {
        let family = "👨\u{200d}👩\u{200d}👧";
        assert_eq!(
            fitted(&format!("ab{family}{family}"), &[], 11),
            format!("ab{family}…")
        );
        assert_eq!(fitted(&format!("ab{family}{family}"), &[], 10), "ab...");
        assert_eq!(fitted("😜😜😜", &[], 4), "😜…");
        assert_eq!(fitted("abe\u{301}fg", &[], 5), "abe\u{301}…");
        assert_eq!(fitted("abe\u{301}fg", &[], 4), "a...");
    }

    #[test]
    fn what_counts_as_a_link() {
        let found = |text: &str| -> Vec<String> {
            links(text)
                .into_iter()
                .map(|range| text[range].to_owned())
                .collect()
        };
        assert_eq!(
            found("a https://x.y/z, (http://q) b"),
            ["https://x.y/z,", "http://q)"]
        );
        assert_eq!(
            found("WWW.x.org and x.org/y but not x.org or and/or"),
            ["WWW.x.org", "x.org/y"]
        );
        assert_eq!(found("詳細はhttps://x.y/zです"), ["https://x.y/z"]);
        assert!(found("").is_empty());
    }

    proptest! {
        #[test]
        fn never_longer_never_half(
            source in "([a-zé ]{0,20}(\\{\\{v\\}\\}|https://x\\.y/[a-z]{1,9} |😜|👨\u{200d}👩|e\u{301}|€)){0,6}[a-z ]{0,20}",
            value in "([a-zł ]{0,25}(😜|http://q\\.r/[0-9]{1,5} )?){0,3}",
            most in 1usize..120,
        ) {
            let text = rendered(&source, &[("v", &value)]);
            let whole = text.text().to_owned();
            let before = body_characters(&whole);
            match text.fit(most) {
                Ok(fitted) => {
                    prop_assert!(body_characters(&fitted.text) <= most);
                    prop_assert_eq!(fitted.shortened_from, (before > most).then_some(before));
                    if before <= most {
                        prop_assert_eq!(&fitted.text, &whole);
                    }
                    let known: Vec<&str> = links(&whole).into_iter().map(|range| &whole[range]).collect();
                    for link in links(&fitted.text) {
                        let link = fitted.text[link].trim_end_matches(['.', '…']);
                        prop_assert!(known.iter().any(|whole| whole.trim_end_matches('.') == link), "{} of {}", link, whole);
                    }
                    let clusters: Vec<&str> = whole.graphemes(true).collect();
                    for cluster in fitted.text.graphemes(true) {
                        prop_assert!(clusters.contains(&cluster) || [".", "…"].contains(&cluster), "{:?} of {:?}", cluster, whole);
                    }
                    // The ellipsis alone never makes a text UCS-2.
                    let without = fitted.text.replace(UCS_ELLIPSIS, "");
                    prop_assert!(segments::count(&without).encoding == segments::count(&fitted.text).encoding);
                }
                Err(TooLong { characters, .. }) => prop_assert_eq!(characters, before),
            }
        }

        #[test]
        fn the_templates_words_stand_if_the_values_can_give_way(value in "[a-z ]{0,300}") {
            let text = rendered("Task {{v}}: https://x.y/z Reply STOP.", &[("v", &value)]).fit(80).unwrap().text;
            prop_assert!(text.starts_with("Task ") && text.ends_with(": https://x.y/z Reply STOP."), "{}", text);
        }
    }
}
