//! The sending protocol under random histories: the daemon's own decisions (`protocol/`, `herald_core::{outcome, resolve}`)
//! over a clock, a store and a provider that a seed drives through crashes, delays, losses and duplicates.
//!
//! Everything is deterministic: a seed gives the same history again. `HERALD_HISTORIES` says how many (default 100,000),
//! `HERALD_HISTORY_SEED` runs one and prints it.

mod against_sql;
mod checker;
mod daemon;
mod provider;
mod store;
mod world;

use checker::Violation;
use world::World;

/// Who sends.
const SENDER: &str = "+15005550006";
/// "The number is not valid": never tried again.
const REFUSAL: i32 = 21211;

/// What other systems do with a text in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naive {
    /// Send it again.
    Requeue,
    /// Never send it again.
    GiveUp,
}

/// The times of the protocol in milliseconds, and which of its rules hold.
#[derive(Debug, Clone, Copy)]
struct Rules {
    lease: i64,
    request_timeout: i64,
    late: i64,
    lag: i64,
    decision_wait: i64,
    gap: i64,
    skew: i64,
    /// What is in doubt is looked for from its claim on, not from when its result says that the request began.
    doubt_from_claim: bool,
    /// A result must match its batch.
    fence: bool,
    /// The lease is looked at just before a request.
    gate: bool,
    naive: Option<Naive>,
}

impl Rules {
    /// The defaults of an installation.
    const OURS: Self = Self {
        lease: 90_000,
        request_timeout: 35_000,
        late: 35_000,
        lag: 30_000,
        decision_wait: 120_000,
        gap: 30_000,
        skew: 30_000,
        doubt_from_claim: true,
        fence: true,
        gate: true,
        naive: None,
    };
}

/// One history; what it violates, and its course in words.
fn history(seed: u64, rules: Rules) -> Result<(), (Violation, Vec<String>)> {
    let mut world = World::new(seed, rules);
    world.run();
    checker::check(&world).map_err(|violation| (violation, world.story))
}

/// Seeds `from..from + count` on two threads; the first that fails.
fn first_failure(from: u64, count: u64, rules: Rules) -> Option<(u64, Violation, Vec<String>)> {
    std::thread::scope(|scope| {
        let halves: Vec<_> = (0..2)
            .map(|half| {
                scope.spawn(move || {
                    (from..from + count).skip(half).step_by(2).find_map(|seed| {
                        let failed = history(seed, rules).err();
                        failed.map(|(violation, story)| (seed, violation, story))
                    })
                })
            })
            .collect();
        let failed = halves.into_iter().filter_map(|half| half.join().unwrap());
        failed.min_by_key(|(seed, ..)| *seed)
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn no_history_sends_twice_or_forgets() {
    let only = number("HERALD_HISTORY_SEED");
    let count = number("HERALD_HISTORIES").unwrap_or(100_000);
    let failed = match only {
        Some(seed) => first_failure(seed, 1, Rules::OURS),
        None => first_failure(0, count, Rules::OURS),
    };
    if let Some((seed, violation, story)) = failed {
        panic!(
            "{violation:?}\n{}\nHERALD_HISTORY_SEED={seed} runs it again",
            story.join("\n")
        );
    }
}

/// A checker that finds nothing is worth nothing: each rule, taken away, is missed within few histories.
#[test]
fn without_one_of_its_rules_the_protocol_fails() {
    let ours = Rules::OURS;
    for (name, rules, expected) in [
        (
            "naive re-queuing",
            Rules {
                naive: Some(Naive::Requeue),
                ..ours
            },
            "Twice",
        ),
        (
            "giving up",
            Rules {
                naive: Some(Naive::GiveUp),
                ..ours
            },
            "Untrue",
        ),
        (
            "a decision before the last acceptance",
            Rules {
                decision_wait: 1000,
                gap: 1000,
                ..ours
            },
            "Twice",
        ),
        (
            "no look at the lease before the request",
            Rules {
                gate: false,
                ..ours
            },
            "Twice",
        ),
        (
            "a request's begin counted back from when its result is written",
            Rules {
                doubt_from_claim: false,
                ..ours
            },
            "",
        ),
        (
            "no fence",
            Rules {
                fence: false,
                ..ours
            },
            "",
        ),
    ] {
        let failed = first_failure(0, 3000, rules);
        let Some((_, violation, _)) = failed else {
            panic!("{name}: not noticed");
        };
        assert!(
            format!("{violation:?}").contains(expected),
            "{name}: {violation:?}"
        );
    }
}
