//! What counts as a keyword, and above all what does not.

use proptest::prelude::*;

use super::*;

#[test]
fn the_seven_words_of_the_law_count_however_they_are_written() {
    for word in [
        "stop",
        "quit",
        "end",
        "revoke",
        "opt out",
        "cancel",
        "unsubscribe",
    ] {
        for text in [
            word.to_owned(),
            word.to_uppercase(),
            format!("  {word}\n"),
            format!("{word}."),
            format!("\u{201c}{word}\u{201d}!!"),
            format!("{word} please"),
            format!("Please {word}, thank you."),
            format!("{word} all messages"),
            format!("I want to {word}"),
            format!("\u{1f6d1} {word} \u{1f6d1}"),
        ] {
            assert_eq!(meaning(&text), Some(Keyword::Stop), "{text:?}");
        }
    }
}

#[test]
fn what_people_write_instead() {
    for text in [
        "STOPALL",
        "stop all",
        "S.T.O.P",
        "s t o p",
        "opt-out",
        "OPT ME OUT",
        "optout",
        "unsubscribe me",
        "Stop texting me",
        "stop sending me these messages",
        "Stop it!",
        "please stop",
        "STOP NOW",
        "Remove me",
        "Don't text me",
        "Don\u{2019}t text me anymore",
        "leave me alone",
        "take me off your list",
        "no more texts please",
        "I revoke my consent",
        "\u{ff33}\u{ff34}\u{ff2f}\u{ff30}",
        "Arr\u{ea}t",
        "ARRETE",
        "arre\u{302}t",
        "Alto",
        "baja por favor",
        "K\u{fc}ndigen",
        "Abmelden bitte",
        "\u{421}\u{422}\u{41e}\u{41f}",
        "\u{505c}\u{6b62}",
        "parar",
        "Desabonner",
        "st\u{200b}op",
    ] {
        assert_eq!(meaning(text), Some(Keyword::Stop), "{text:?}");
    }
}

#[test]
fn a_text_that_says_something_else_is_no_revocation() {
    for text in [
        "",
        " ",
        "...",
        "\u{1f44d}",
        "please",
        "thanks",
        "ok",
        "hello",
        "Can't stop laughing",
        "don't stop",
        "Never stop texting me",
        "I'll stop by at 5",
        "cancel my appointment at 3",
        "the end of the week works",
        "The bus stop",
        "nonstop",
        "stopwatch",
        "When does it end?",
        "weekend",
        "unsubscribed users: 5",
        "who cancelled",
        "stop 5",
        "yes and no",
    ] {
        assert_eq!(meaning(text), None, "{text:?}");
    }
}

#[test]
fn what_may_be_a_revocation_is_for_somebody_to_read() {
    for text in [
        "STOP who is this",
        "If you do not stop I will sue",
        "cancel my appointment",
        "I want to opt out of this nonsense",
        "Arr\u{ea}tez donc",
        "stop",
    ] {
        assert!(mentions_stop(text), "{text}");
    }
    for text in [
        "",
        "See you at the weekend",
        "nonstop fun",
        "Thanks a lot",
        "optimal outcome",
    ] {
        assert!(!mentions_stop(text), "{text}");
    }
}

#[test]
fn start_and_help() {
    for text in [
        "START",
        "start!",
        "Unstop",
        "yes",
        "Please start",
        "opt in",
        "Opt-in",
        "Reanudar",
        "\u{5f00}\u{59cb}",
    ] {
        assert_eq!(meaning(text), Some(Keyword::Start), "{text:?}");
    }
    // Consent is not guessed.
    for text in [
        "start texting me",
        "yes I want to",
        "I want to start",
        "start the car",
        "yes!! see you",
        "yes or no",
    ] {
        assert_ne!(meaning(text), Some(Keyword::Start), "{text:?}");
    }
    for text in [
        "HELP",
        "info",
        "help me",
        "help please",
        "Who is this?",
        "Ayuda",
        "AIDE",
        "\u{5e2e}\u{52a9}",
    ] {
        assert_eq!(meaning(text), Some(Keyword::Help), "{text:?}");
    }
}

#[test]
fn the_vocabulary_is_written_as_texts_are_folded() {
    let mut tags = Vec::new();
    for language in LANGUAGES {
        tags.push(language.tag);
        for (words, expected) in [
            (language.stop, Keyword::Stop),
            (language.start, Keyword::Start),
            (language.help, Keyword::Help),
        ] {
            for word in words {
                assert_eq!(fold(word), *word, "{}", language.tag);
                assert_eq!(meaning(word), Some(expected), "{}: {word}", language.tag);
            }
        }
    }
    tags.dedup();
    assert_eq!(tags.len(), LANGUAGES.len());
    for phrase in STOP_PHRASES {
        assert_eq!(squeezed(&fold(phrase), &[]), *phrase);
        assert_eq!(meaning(phrase), Some(Keyword::Stop), "{phrase}");
    }
    for word in POLITE {
        assert!(FILLERS.contains(word), "{word}");
        assert_eq!(meaning(word), None, "{word}");
    }
}

#[test]
fn what_twilio_does_is_never_missed() {
    for (words, expected) in [
        (&STOP_WORDS[..], Keyword::Stop),
        (&START_WORDS[..], Keyword::Start),
        (&HELP_WORDS[..], Keyword::Help),
    ] {
        for word in words {
            assert_eq!(meaning(word), Some(expected), "{word}");
            let long_code = done_by_twilio(Handling::Default, word, "+15005550006", false, None);
            assert_eq!(long_code, Some(expected));
            for handling in [Handling::Advanced, Handling::Off] {
                let done = |opt_out_type| {
                    done_by_twilio(handling, word, "+15005550006", false, opt_out_type)
                };
                assert_eq!(done(None), None);
                // Whatever the configuration says: Twilio has answered this one.
                assert_eq!(done(Some("HELP")), Some(Keyword::Help));
            }
            assert_eq!(
                done_by_twilio(Handling::Default, word, "55555", false, None),
                None
            );
        }
    }
    assert_eq!(
        done_by_twilio(
            Handling::Default,
            "STOP PLEASE",
            "+15005550006",
            false,
            None
        ),
        None
    );
    assert_eq!(
        done_by_twilio(Handling::Default, "yes", "+18005550006", false, None),
        None
    );
    let in_service = done_by_twilio(Handling::Default, "stop", "55555", true, None);
    assert_eq!(in_service, Some(Keyword::Stop));
    let advanced = done_by_twilio(
        Handling::Advanced,
        "adios",
        "+15005550006",
        false,
        Some("STOP"),
    );
    assert_eq!(advanced, Some(Keyword::Stop));
}

#[test]
fn the_opt_out_type_goes_before_the_words() {
    assert_eq!(meaning_of("adios", Some("STOP")), Some(Keyword::Stop));
    assert_eq!(meaning_of("stop", Some("help")), Some(Keyword::Help));
    assert_eq!(meaning_of("stop", Some("")), Some(Keyword::Stop));
    assert_eq!(meaning_of("stop", Some("SOMETHING")), Some(Keyword::Stop));
    assert_eq!(meaning_of("hello", None), None);
}

proptest! {
    /// Case and what stands between and around the letters make no difference.
    #[test]
    fn dress_does_not_matter(
        word in prop::sample::select(&STOP_WORDS[..]),
        upper in prop::collection::vec(any::<bool>(), 11),
        around in "[ \\t\\n.,!?\"()*#-]{0,5}",
        between in "[ .-]{0,1}",
    ) {
        let letters: Vec<String> = word
            .chars()
            .zip(&upper)
            .map(|(letter, upper)| if *upper { letter.to_string() } else { letter.to_lowercase().to_string() })
            .collect();
        let text = format!("{around}{}{around}", letters.join(&between));
        prop_assert_eq!(meaning(&text), Some(Keyword::Stop), "{:?}", text);
    }

    /// Another word beside it that says something takes the meaning away; nothing panics.
    #[test]
    fn other_words_take_the_meaning_away(word in prop::sample::select(&STOP_WORDS[..]), other in "[bdgjkqvxz]{4,12}") {
        for text in [format!("{word} {other}"), format!("{other} {word}")] {
            prop_assert_eq!(meaning(&text), None, "{}", text);
        }
    }

    #[test]
    fn any_text_is_read(text in "\\PC*") {
        let _ = meaning(&text);
        prop_assert_eq!(fold(&fold(&text)), fold(&text));
    }
}
