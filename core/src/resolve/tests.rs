//! Which entry is whose: by hand, and against an exhaustive search.

use proptest::prelude::*;

use super::*;

const FROM: &str = "+15005550006";
const SENDER: From<'static> = From::Address(FROM);

fn doubt(body: &str, accepted_from: i64, accepted_until: i64) -> Doubt<'_> {
    Doubt {
        body,
        accepted_from,
        accepted_until,
        refused_before: 0,
        settle: true,
    }
}

fn on_its_way(body: &str, accepted_from: i64, accepted_until: i64) -> Doubt<'_> {
    Doubt {
        settle: false,
        ..doubt(body, accepted_from, accepted_until)
    }
}

fn entry(body: &str, created: i64) -> Entry<'_> {
    Entry {
        body,
        from: Some(FROM),
        messaging_service_sid: None,
        direction: "outbound-api",
        created,
        failed: false,
    }
}

fn refused(body: &str, created: i64) -> Entry<'_> {
    Entry {
        failed: true,
        ..entry(body, created)
    }
}

use Finding::{Absent, Ambiguous, Found};

#[test]
fn text_sender_direction_and_time_must_agree() {
    let mine = [doubt("hello", 100, 200)];
    let one = |entry: Entry<'_>| decide(SENDER, &mine, &[entry])[0];
    assert_eq!(one(entry("hello", 100)), Found(0));
    assert_eq!(one(entry("hello", 200)), Found(0));
    assert_eq!(one(entry("hello", 99)), Absent);
    assert_eq!(one(entry("hello", 201)), Absent);
    assert_eq!(one(entry("Hello", 150)), Absent);
    let inbound = Entry {
        direction: "inbound",
        ..entry("hello", 150)
    };
    assert_eq!(one(inbound), Absent);
    assert_eq!(decide(SENDER, &mine, &[]), [Absent]);
    assert_eq!(decide(SENDER, &[], &[entry("hello", 150)]), []);
}

#[test]
fn what_may_be_it_is_neither_adopted_nor_taken_for_absent() {
    let mine = [doubt("hello", 100, 200)];
    let redacted = entry("", 150);
    let other_sender = Entry {
        from: Some("+15005550007"),
        ..entry("hello", 150)
    };
    assert_eq!(
        decide(SENDER, &mine, std::slice::from_ref(&redacted)),
        [Ambiguous]
    );
    assert_eq!(decide(SENDER, &mine, &[other_sender]), [Ambiguous]);
    assert_eq!(
        decide(SENDER, &mine, &[redacted, entry("hello", 160)]),
        [Found(1)]
    );
}

#[test]
fn a_messaging_service_is_the_sender_whatever_number_it_picked() {
    let service = "MG0123456789abcdef0123456789abcdef";
    let listed = Entry {
        from: None,
        messaging_service_sid: Some(service),
        ..entry("hello", 150)
    };
    let mine = [doubt("hello", 100, 200)];
    assert_eq!(decide(From::Service(service), &mine, &[listed]), [Found(0)]);
    assert_eq!(
        decide(From::Service(service), &mine, &[entry("hello", 150)]),
        [Ambiguous]
    );
}

#[test]
fn twilio_may_change_a_text() {
    assert!(is_same_text(
        "\u{201c}hi\u{201d} \u{2013} you",
        "\"hi\" - you"
    ));
    assert!(is_same_text(
        "hello",
        "Sent from your Twilio trial account - hello"
    ));
    assert!(is_same_text(
        "\u{2019}t is",
        "Sent from your Twilio trial account - 't is"
    ));
    assert!(!is_same_text("hello", "hello "));
}

#[test]
fn equal_texts_are_counted() {
    let two = [doubt("hello", 100, 200), doubt("hello", 110, 210)];
    let both = [entry("hello", 120), entry("hello", 121)];
    assert_eq!(decide(SENDER, &two, &both), [Found(0), Found(1)]);
    // One was taken. Which one nobody can tell, and nobody will notice.
    assert_eq!(decide(SENDER, &two, &both[..1]), [Found(0), Absent]);
    // By the time it can only be the second.
    assert_eq!(
        decide(SENDER, &two, &[entry("hello", 205)]),
        [Absent, Found(0)]
    );
    // The early one must go to the first, or the second would get nothing.
    assert_eq!(
        decide(SENDER, &two, &[entry("hello", 205), entry("hello", 150)]),
        [Found(1), Found(0)]
    );
}

#[test]
fn nobody_gets_what_a_text_on_its_way_may_own() {
    let rivals = [doubt("hello", 100, 200), on_its_way("hello", 110, 210)];
    assert_eq!(
        decide(SENDER, &rivals, &[entry("hello", 150)]),
        [Ambiguous, Ambiguous]
    );
    // Before the other began.
    assert_eq!(
        decide(SENDER, &rivals, &[entry("hello", 105)]),
        [Found(0), Ambiguous]
    );
    // Nothing there is nothing there.
    assert_eq!(decide(SENDER, &rivals, &[]), [Absent, Ambiguous]);
    // A text that differs is no rival.
    let others = [doubt("hello", 100, 200), on_its_way("bye", 110, 210)];
    assert_eq!(
        decide(SENDER, &others, &[entry("hello", 150)]),
        [Found(0), Ambiguous]
    );
}

#[test]
fn refused_requests_are_listed_too() {
    // Ours, and its refusal was not read: that is the answer.
    let mine = doubt("hello", 100, 200);
    assert_eq!(
        decide(
            SENDER,
            std::slice::from_ref(&mine),
            &[refused("hello", 150)]
        ),
        [Found(0)]
    );
    // That of an earlier attempt says nothing about this one.
    let later = Doubt {
        refused_before: 1,
        ..mine.clone()
    };
    assert_eq!(
        decide(
            SENDER,
            std::slice::from_ref(&later),
            &[refused("hello", 101)]
        ),
        [Absent]
    );
    assert_eq!(
        decide(
            SENDER,
            std::slice::from_ref(&later),
            &[refused("hello", 150), refused("hello", 101)]
        ),
        [Found(0)]
    );
    // A live one goes first.
    assert_eq!(
        decide(
            SENDER,
            &[mine],
            &[refused("hello", 150), entry("hello", 160)]
        ),
        [Found(1)]
    );
}

/// The most attempts that can get an entry each, by trying everything.
fn most(doubts: &[Doubt<'_>], entries: &[Entry<'_>]) -> usize {
    let Some((first, rest)) = doubts.split_first() else {
        return 0;
    };
    let with = (0..entries.len())
        .filter(|&e| likeness(first, &entries[e], SENDER) == Likeness::Same)
        .map(|e| {
            let mut others = entries.to_vec();
            others.remove(e);
            1 + most(rest, &others)
        });
    with.max().unwrap_or(0).max(most(rest, entries))
}

proptest! {
    #[test]
    fn as_many_as_possible_and_no_entry_twice(
        attempts in prop::collection::vec((0_usize..2, 0_i64..40, 1_i64..20), 0..5),
        listed in prop::collection::vec((0_usize..2, 0_i64..60), 0..6),
    ) {
        let bodies = ["hello", "bye"];
        let doubts: Vec<_> = attempts.iter().map(|&(b, start, length)| doubt(bodies[b], start, start + length)).collect();
        let entries: Vec<_> = listed.iter().map(|&(b, created)| entry(bodies[b], created)).collect();
        let findings = decide(SENDER, &doubts, &entries);
        let mut used: Vec<usize> = findings.iter().filter_map(|f| match f { Found(e) => Some(*e), _ => None }).collect();
        prop_assert_eq!(used.len(), most(&doubts, &entries));
        used.sort_unstable();
        used.dedup();
        prop_assert_eq!(used.len(), findings.iter().filter(|f| matches!(f, Found(_))).count());
        for (doubt, finding) in doubts.iter().zip(&findings) {
            match finding {
                Found(e) => prop_assert!(likeness(doubt, &entries[*e], SENDER) == Likeness::Same),
                Absent => {}
                Ambiguous => prop_assert!(false, "nothing here is in doubt for good"),
            }
        }
    }

    #[test]
    fn with_texts_on_their_way_nothing_contested_is_given(
        attempts in prop::collection::vec((any::<bool>(), 0_i64..40, 1_i64..20), 0..5),
        listed in prop::collection::vec(0_i64..60, 0..6),
    ) {
        let doubts: Vec<_> = attempts.iter().map(|&(settle, start, length)| Doubt { settle, ..doubt("hello", start, start + length) }).collect();
        let entries: Vec<_> = listed.iter().map(|&created| entry("hello", created)).collect();
        for (mine, finding) in doubts.iter().zip(decide(SENDER, &doubts, &entries)) {
            let fits = |doubt: &Doubt<'_>, e: usize| likeness(doubt, &entries[e], SENDER) == Likeness::Same;
            match finding {
                Found(e) => prop_assert!(mine.settle && !doubts.iter().any(|other| !other.settle && fits(other, e))),
                // Whatever fits an absent one was given to another that is settled.
                Absent => {
                    let fitting = (0..entries.len()).filter(|&e| fits(mine, e)).count();
                    prop_assert!(mine.settle && fitting < doubts.len());
                }
                Ambiguous => {}
            }
        }
    }
}
