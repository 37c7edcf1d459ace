//! The catalogue is data: these tests walk every row of it.

use super::*;

const CATEGORIES: [&str; 15] = [
    "account_issue",
    "carrier_issue",
    "compliance",
    "config",
    "content_blocked",
    "expired",
    "fraud_block",
    "geo_permission",
    "invalid_number",
    "opted_out",
    "provider_error",
    "quiet_hours",
    "rate_limit",
    "unknown",
    "unreachable",
];

#[track_caller]
fn entry(code: i32) -> &'static ErrorCode {
    lookup(code).unwrap_or_else(|| panic!("{code} is not in the catalogue"))
}

#[test]
fn every_row_can_be_read() {
    assert_eq!(
        FILE.lines().next(),
        Some(
            "code,surface,meaning,category,permanence,retry,base_delay_seconds,max_delay_seconds,\
             max_attempts,counts_attempt,scope,severity,action,advice"
        )
    );
    assert_eq!(FILE.lines().next(), DEFAULTS_FILE.lines().next());
    for row in rows(FILE).chain(rows(DEFAULTS_FILE)) {
        assert!(parse(row).is_some(), "malformed row: {row}");
        assert!(!row.contains('"'), "a field may hold no quote: {row}");
    }
    assert_eq!(all().len(), 170);
    assert!(
        all().is_sorted_by(|a, b| a.code < b.code),
        "codes must be unique and ascending"
    );
    assert_eq!(defaults().len(), 11);
    assert!(defaults().is_sorted_by(|a, b| a.code < b.code));
    assert!(defaults().iter().all(|rule| rule.code < 0));
}

#[test]
fn malformed_rows_are_refused() {
    let good = "20429,request 429,m,rate_limit,temporary,backoff,1,60,,false,account,low,none,a";
    assert!(parse(good).is_some());
    for bad in [
        "",
        "20429,request 429,m,rate_limit,temporary,backoff,1,60,,false,account,low,none",
        "20429,request 429,m,rate_limit,temporary,backoff,1,60,,false,account,low,none,a,b",
        "204-29,request 429,m,rate_limit,temporary,backoff,1,60,,false,account,low,none,a",
        "20429,request 429,m,rate_limit,sometimes,backoff,1,60,,false,account,low,none,a",
        "20429,request 429,m,rate_limit,temporary,backoff,1 s,60,,false,account,low,none,a",
        "20429,request 429,m,rate_limit,temporary,backoff,1,60,x,false,account,low,none,a",
        "20429,request 429,m,rate_limit,temporary,backoff,1,60,,no,account,low,none,a",
    ] {
        assert!(parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn lookup_finds_every_code_and_nothing_else() {
    for known in all() {
        assert_eq!(lookup(known.code), Some(known));
    }
    for unknown in [i32::MIN, -1, 0, 30000, 30031, 99999, i32::MAX] {
        assert_eq!(lookup(unknown), None);
    }
}

#[test]
fn texts_are_short_and_clean() {
    for entry in all().iter().chain(defaults()) {
        assert!(CATEGORIES.contains(&entry.category), "{entry:?}");
        for text in [entry.surface, entry.meaning, entry.advice] {
            assert!(
                !text.is_empty() && text.is_ascii() && text.trim() == text && text.len() <= 120,
                "{entry:?}"
            );
            assert!(!text.ends_with('.'), "{entry:?}");
        }
    }
}

#[test]
fn surfaces_have_known_forms() {
    for entry in all().iter().chain(defaults()) {
        let first = entry
            .surface
            .strip_suffix(" or callback")
            .unwrap_or(entry.surface);
        let (place, status) = first.split_once(' ').unwrap_or((first, "400"));
        assert!(
            [
                "request", "callback", "inbound", "debugger", "verify", "lookup"
            ]
            .contains(&place),
            "{entry:?}"
        );
        assert!(
            status
                .parse()
                .is_ok_and(|status: u16| (400..600).contains(&status)),
            "{entry:?}"
        );
    }
}

#[test]
fn columns_agree_with_each_other() {
    for entry in all().iter().chain(defaults()) {
        let has_delay = matches!(entry.retry, Retry::Once | Retry::Backoff);
        assert!(!has_delay || entry.base_delay_seconds > 0, "{entry:?}");
        assert!(
            has_delay || entry.retry == Retry::Reconcile || entry.max_delay_seconds == 0,
            "{entry:?}"
        );
        assert!(
            entry.base_delay_seconds <= entry.max_delay_seconds,
            "{entry:?}"
        );
        assert!(entry.max_attempts.is_none_or(|most| most > 0), "{entry:?}");
        assert!(
            entry.retry != Retry::Once || entry.max_attempts == Some(1),
            "{entry:?}"
        );

        // What nobody changed fails again: a permanent error has no retry by itself, a temporary one has some.
        let gives_up = matches!(
            entry.retry,
            Retry::Never | Retry::Stop | Retry::NotApplicable
        );
        assert!(
            entry.permanence != Permanence::Permanent || gives_up,
            "{entry:?}"
        );
        assert!(
            entry.permanence == Permanence::Permanent || entry.retry != Retry::Never,
            "{entry:?}"
        );

        // A breaker needs something to pause, and what waits for it keeps its attempts.
        if entry.retry == Retry::Stop {
            assert_eq!(entry.action, Action::PauseScope, "{entry:?}");
        }
        if entry.action == Action::PauseScope {
            assert!(
                matches!(entry.scope, Scope::Country | Scope::Sender | Scope::Account),
                "{entry:?}"
            );
            assert!(!entry.counts_attempt, "{entry:?}");
        }
        if matches!(entry.action, Action::OptOut | Action::MarkNumber) {
            assert_eq!(
                (entry.scope, entry.retry),
                (Scope::Number, Retry::Never),
                "{entry:?}"
            );
        }
    }
}

#[test]
fn every_code_is_its_own_rule_wherever_it_is_seen() {
    for entry in all() {
        for &surface in Surface::ALL {
            for status in [None, Some(400), Some(401), Some(404), Some(429), Some(500)] {
                assert_eq!(rule(surface, status, Some(entry.code)), entry);
            }
        }
    }
}

#[test]
fn what_is_not_in_the_catalogue_goes_by_surface_status_and_family() {
    use Surface::{Callback, Lookup, Request, Verify};
    for (surface, status, code, expected) in [
        (Request, Some(400), None, -1),
        (Request, Some(422), Some(21999), -1),
        (Request, Some(403), Some(1), -4),
        (Request, None, Some(1), -1),
        (Request, Some(401), None, -4),
        (Request, Some(404), None, -4),
        (Request, Some(407), None, -4),
        (Request, Some(429), Some(1), -3),
        (Request, Some(408), None, -2),
        (Request, Some(500), None, -2),
        (Request, Some(503), Some(1), -2),
        (Request, Some(302), None, -2),
        (Callback, None, None, -5),
        (Callback, None, Some(30031), -5),
        (Callback, None, Some(30999), -5),
        (Callback, None, Some(20999), -6),
        (Callback, None, Some(21999), -7),
        (Callback, None, Some(35999), -7),
        (Callback, None, Some(63999), -7),
        (Callback, None, Some(575_001), -7),
        (Callback, None, Some(-5), -7),
        (Verify, Some(400), Some(60999), -8),
        (Verify, Some(429), None, -9),
        (Verify, Some(503), None, -10),
        (Verify, None, None, -8),
        (Lookup, Some(500), None, -11),
    ] {
        let found = rule(surface, status, code);
        assert_eq!(found.code, expected, "{surface} {status:?} {code:?}");
    }
    // Each of them is used, and none of them is a code.
    for default in defaults() {
        assert!(lookup(default.code).is_none());
    }
}

#[test]
fn a_rule_without_delay_gets_its_categorys() {
    assert_eq!(usual_delay_seconds("rate_limit").0, 300);
    assert_eq!(usual_delay_seconds("carrier_issue").0, 180);
    for category in CATEGORIES {
        let (base, max) = usual_delay_seconds(category);
        assert!(60 <= base && base < max, "{category}");
    }
}

#[test]
fn opt_outs_are_opt_outs() {
    for code in [21610, 30630] {
        assert_eq!(
            (entry(code).action, entry(code).category),
            (Action::OptOut, "opted_out")
        );
    }
    assert_eq!(
        all()
            .iter()
            .filter(|entry| entry.action == Action::OptOut)
            .count(),
        2
    );
}

#[test]
fn neighbours_are_kept_apart() {
    // Codes that were once lumped together as one range.
    let category = |code| entry(code).category;
    assert_eq!(category(30001), "rate_limit");
    assert_eq!(category(30002), "account_issue");
    assert_eq!(category(30003), "unreachable");
    assert_eq!(category(30004), "content_blocked");
    assert_eq!(category(30005), "invalid_number");
    assert_eq!(category(30007), "content_blocked");
    assert_eq!(category(30008), "unknown");
}

#[test]
fn the_codes_that_matter_most() {
    let too_long = entry(21617);
    assert_eq!(
        (too_long.category, too_long.retry),
        ("content_blocked", Retry::Never)
    );

    let busy = entry(20429);
    assert_eq!((busy.base_delay_seconds, busy.max_delay_seconds), (1, 60));
    assert_eq!((busy.retry, busy.counts_attempt), (Retry::Backoff, false));

    let refused = entry(20003);
    assert_eq!(
        (refused.retry, refused.scope),
        (Retry::Stop, Scope::Account)
    );
    assert_eq!(
        (refused.severity, refused.counts_attempt),
        (Severity::Critical, false)
    );

    let out_of_reach = entry(30003);
    assert_eq!(
        (
            out_of_reach.base_delay_seconds,
            out_of_reach.max_delay_seconds
        ),
        (900, 21600)
    );
    assert_eq!(
        (out_of_reach.max_attempts, out_of_reach.action),
        (Some(3), Action::None)
    );

    assert_eq!(
        (entry(20500).permanence, entry(20500).retry),
        (Permanence::Ambiguous, Retry::Reconcile)
    );
    assert_eq!(
        (entry(21408).scope, entry(21408).retry),
        (Scope::Country, Retry::Stop)
    );
    assert_eq!(
        (entry(21611).scope, entry(21611).base_delay_seconds),
        (Scope::Sender, 300)
    );
    assert_eq!(
        (entry(30023).retry, entry(30023).scope),
        (Retry::DailyReset, Scope::Message)
    );
    assert_eq!(entry(30610).retry, Retry::QuietHoursEnd);
    assert_eq!(
        entry(21608).action,
        Action::None,
        "a trial account says nothing about the number"
    );
}
