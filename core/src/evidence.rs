//! Chained digests of an exported record: a copy of the last one proves all rows before it.

use sha2::{Digest, Sha256};

use crate::hex;

/// The digest of a row and of everything before it: SHA-256 over the previous row's digest (empty for the first) and the
/// fields. Each is preceded by its length in bytes as 8 bytes, most significant first; an absent one is eight times 0xff.
pub fn link(previous: &str, fields: &[Option<&str>]) -> String {
    let mut digest = Sha256::new();
    let mut add = |field: Option<&str>| match field {
        Some(text) => {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        None => digest.update([0xff; 8]),
    };
    add(Some(previous));
    fields.iter().copied().for_each(&mut add);
    hex::encode(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rule_stands_in_the_documentation_and_may_not_change() {
        assert_eq!(
            link("", &[Some("a"), None]),
            "d58873d8d640613bcba1989b5efbed96f72562accc6a15c4d0b1ac653bc4bf50"
        );
    }

    proptest! {
        /// Moving a character from one field to the next, or a field to the next row, changes the digest.
        #[test]
        fn no_two_records_look_alike(a in "\\PC{1,8}", b in "\\PC{0,8}") {
            let last = a.chars().last().unwrap_or_default();
            let shorter = &a[..a.len() - last.len_utf8()];
            let moved = format!("{last}{b}");
            prop_assert_ne!(link("", &[Some(&a), Some(&b)]), link("", &[Some(shorter), Some(&moved)]));
            prop_assert_ne!(link("", &[Some(&a), None]), link("", &[Some(&a), Some("")]));
            prop_assert_ne!(link("", &[Some(&a)]), link(&link("", &[]), &[Some(&a)]));
        }
    }
}
