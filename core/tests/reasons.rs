//! Every reason the gate and the limits know is a word with a sentence, and some regression test shows it.
#![allow(clippy::expect_used)] // A test may.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use herald_core::gate::Refusal;
use herald_core::reason::sentence;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in the repository")
        .to_owned()
}

/// The words that a statement's `then '…'` and `else '…'` give.
fn words(file: &str) -> BTreeSet<String> {
    let path = repository().join("sql/queries").join(file);
    let text = fs::read_to_string(&path).expect("the statement is there");
    text.lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| {
            ["then '", "else '"]
                .into_iter()
                .filter_map(move |before| line.split_once(before))
        })
        .filter_map(|(_, rest)| rest.split_once('\'').map(|(word, _)| word.to_owned()))
        .collect()
}

#[test]
fn every_reason_is_explained_and_shown_by_a_test() {
    let mut reasons = words("limits.sql");
    reasons.extend(
        Refusal::ALL
            .iter()
            .map(|refusal| refusal.as_str().to_owned()),
    );
    assert!(reasons.len() >= 20, "{reasons:?}");
    let expected = fs::read_dir(repository().join("pg_test/expected")).expect("regression tests");
    let shown: String = expected
        .map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("a text"))
        .collect();
    for reason in &reasons {
        assert!(sentence(reason).is_some(), "{reason} has no sentence");
        let is_shown = shown.lines().any(|line| {
            let is_result = line.starts_with(' ') && line.contains(['|', ' ']);
            is_result && line.split([' ', '|']).any(|word| word == reason)
        });
        assert!(is_shown, "no regression test shows {reason}");
    }
}
