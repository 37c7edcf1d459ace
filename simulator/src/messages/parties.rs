//! Who sends and who receives: numbers, short codes, names, addresses of other channels.

use herald_core::phone;

use crate::error::ApiError;
use crate::identifiers::{channel_address, is_sender, is_sid};
use crate::simulator::Simulator;

/// Whether `to` can receive texts at all.
pub(super) fn check_recipient(to: &str) -> Result<(), ApiError> {
    if let Some((_, address)) = channel_address(to) {
        return match address.is_empty() {
            false => Ok(()),
            true => Err(invalid_recipient(to)),
        };
    }
    let is_short_code = (5..=6).contains(&to.len()) && to.bytes().all(|b| b.is_ascii_digit());
    if is_short_code && !to.starts_with('0') {
        let message = format!("'To' {to} is a short code");
        return Err(ApiError::bad_request(21265, message));
    }
    if !phone::is_e164(to) {
        return Err(invalid_recipient(to));
    }
    if to.starts_with("+1900") && to.len() == "+19005550100".len() {
        let message = format!("'To' number {to} is a premium-rate number");
        return Err(ApiError::bad_request(21268, message));
    }
    Ok(())
}

fn invalid_recipient(to: &str) -> ApiError {
    let message = format!("'To' number {to} is not a valid phone number");
    ApiError::bad_request(21211, message)
}

/// Whether `from` has the form of a sender, and may send to `to`.
pub(super) fn check_sender(from: &str, to: &str) -> Result<(), ApiError> {
    if !is_sender(from) {
        let message = format!("'From' {from} is not a valid phone number, short code or sender ID");
        return Err(ApiError::bad_request(21212, message));
    }
    if from == to {
        let message = "'To' and 'From' are the same number";
        return Err(ApiError::bad_request(21266, message));
    }
    let channel = |party| channel_address(party).map(|(channel, _)| channel);
    match (channel(from), channel(to)) {
        (None, None) => {
            let is_name = from.bytes().any(|b| b.is_ascii_alphabetic());
            if is_name && to.starts_with("+1") {
                let message = format!("'To' {to} cannot be reached from the sender ID {from}");
                return Err(ApiError::bad_request(21612, message));
            }
            Ok(())
        }
        // An RCS sender may fall back to an ordinary text.
        (Some("rcs"), None) => Ok(()),
        (from, to) if from == to => Ok(()),
        _ => {
            let message = "'To' and 'From' belong to different channels";
            Err(ApiError::bad_request(21910, message))
        }
    }
}

/// Whether the account owns the sender.
pub(super) fn check_owner(from: &str, simulator: &Simulator) -> Result<(), ApiError> {
    let known = &simulator.senders;
    if known.is_empty() || known.iter().any(|sender| sender == from) {
        return Ok(());
    }
    let message = format!("'From' {from} does not belong to this account");
    Err(ApiError::bad_request(21606, message))
}

/// Whether the account has the Messaging Service.
pub(super) fn check_service(service: &str, simulator: &Simulator) -> Result<(), ApiError> {
    let known = &simulator.messaging_services;
    if known.is_empty() || known.iter().any(|sid| sid == service) {
        return Ok(());
    }
    Err(no_service(service))
}

/// Whether this is the SID of a Messaging Service.
pub(super) fn check_service_sid(service: &str) -> Result<(), ApiError> {
    if is_sid("MG", service) {
        return Ok(());
    }
    Err(no_service(service))
}

fn no_service(service: &str) -> ApiError {
    let message = format!("Messaging Service {service} does not exist");
    ApiError::bad_request(21701, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(to: &str) -> Result<(), i32> {
        check_recipient(to).map_err(|error| error.code)
    }

    fn sender(from: &str, to: &str) -> Result<(), i32> {
        check_sender(from, to).map_err(|error| error.code)
    }

    #[test]
    fn recipients() {
        for (to, expected) in [
            ("+14155550100", Ok(())),
            ("whatsapp:+14155550100", Ok(())),
            ("messenger:1234", Ok(())),
            ("messenger:", Err(21211)),
            ("fax:+14155550100", Err(21211)),
            ("4155550100", Err(21211)),
            ("12345", Err(21265)),
            ("01234", Err(21211)),
            ("415", Err(21211)),
            ("+19005550100", Err(21268)),
            ("+1900555010", Ok(())),
        ] {
            assert_eq!(recipient(to), expected, "{to}");
        }
    }

    #[test]
    fn senders() {
        for (from, to, expected) in [
            ("+15005550006", "+14155550100", Ok(())),
            ("12345", "+14155550100", Ok(())),
            ("+1", "+14155550100", Err(21212)),
            ("+14155550100", "+14155550100", Err(21266)),
            ("HERALD", "+14155550100", Err(21612)),
            ("HERALD", "+447700900123", Ok(())),
            ("whatsapp:+15005550006", "whatsapp:+14155550100", Ok(())),
            ("whatsapp:+15005550006", "+14155550100", Err(21910)),
            ("+15005550006", "whatsapp:+14155550100", Err(21910)),
            ("rcs:herald", "+14155550100", Ok(())),
        ] {
            assert_eq!(sender(from, to), expected, "{from} {to}");
        }
    }
}
