//! Phone numbers: the E.164 form and the masked form for logs.

/// Whether `number` is written in E.164 form: `+`, a first digit 1 to 9, and 7 to 15 digits in all.
///
/// It tells nothing about whether the number is in use.
pub fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The number as it may stand in a log: `+`, the first two and the last two digits, `*` for each digit between.
///
/// Anything that is not E.164 becomes `***`, so a mistyped field never puts its content into a log.
pub fn mask(number: &str) -> String {
    if !is_e164(number) {
        return "***".to_owned();
    }
    let (head, rest) = number.split_at(3);
    let (middle, tail) = rest.split_at(rest.len() - 2);
    format!("{head}{}{tail}", "*".repeat(middle.len()))
}
