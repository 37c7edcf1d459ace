//! The status callback URL we give to Twilio with each text, and reading it back.
//!
//! The URL names the text and the attempt, so a callback is matched even when it comes before the answer to the
//! create request was read. A MAC over both keeps anyone who learns a message id from building such a URL.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::hex;

/// Twilio's connection overrides: 3 s to connect, 10 s to read, 15 s in all, 5 retries on every kind of failure
/// (<https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>). Without them Twilio repeats a
/// callback once, and only when it could not connect.
const CONNECTION_OVERRIDES: &str = "#ct=3000&rt=10000&tt=15000&rc=5&rp=all";

/// Path of the endpoint below the public URL; part of what the MAC covers.
const PATH: &str = "/twilio/status";

/// Bytes of the HMAC that stand in the URL.
const MAC_BYTES: usize = 16;

/// Secret that proves that a callback URL was made by this installation. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackKey([u8; 32]);

/// Why a callback key or a callback URL was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The key is not base64 of exactly 32 bytes.
    #[error(
        "the callback key must be base64 of exactly 32 bytes; read it from herald_dispatcher_hello()"
    )]
    Key,
    /// The query string does not have the form `m=…&a=…&s=…`.
    #[error(
        "the query of the status callback is not m=<message>&a=<attempt>&s=<mac>; this URL was not made by pg_herald"
    )]
    Malformed,
    /// The MAC does not match: another installation made the URL, or it was altered.
    #[error("the MAC in the status callback URL does not match this installation's callback key")]
    Mac,
}

impl CallbackKey {
    /// A key from 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a key from standard base64. Returns [`CallbackError::Key`] unless it holds exactly 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, CallbackError> {
        let bytes = STANDARD
            .decode(text.trim())
            .map_err(|_| CallbackError::Key)?;
        bytes.try_into().map(Self).map_err(|_| CallbackError::Key)
    }

    fn mac(&self, identity: &str) -> Hmac<Sha256> {
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes a key of any length")
        };
        mac.chain_update(PATH)
            .chain_update("?")
            .chain_update(identity)
    }
}

impl std::fmt::Debug for CallbackKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallbackKey(redacted)")
    }
}

/// The `StatusCallback` value for one attempt of one text.
///
/// `public_url` is the base URL under which the world reaches the daemon; a trailing `/` is dropped. The part after
/// `#` is read by Twilio and neither requested nor signed.
pub fn status_callback_url(
    public_url: &str,
    key: &CallbackKey,
    message_id: Uuid,
    attempt: i32,
) -> String {
    let base = public_url.trim_end_matches('/');
    let identity = format!("m={}&a={attempt}", message_id.simple());
    let mac = key.mac(&identity).finalize().into_bytes();
    let mac = hex::encode(&mac[..MAC_BYTES]);
    format!("{base}{PATH}?{identity}&s={mac}{CONNECTION_OVERRIDES}")
}

/// Reads the raw query string (without `?`) of a status callback: message id and attempt.
///
/// The MAC is compared in constant time, before anything else is read. Returns [`CallbackError::Malformed`] or
/// [`CallbackError::Mac`].
pub fn read_status_callback(query: &str, key: &CallbackKey) -> Result<(Uuid, i32), CallbackError> {
    let (identity, mac) = query.rsplit_once("&s=").ok_or(CallbackError::Malformed)?;
    let mac = hex::decode::<MAC_BYTES>(mac).ok_or(CallbackError::Malformed)?;
    key.mac(identity)
        .verify_truncated_left(&mac)
        .map_err(|_| CallbackError::Mac)?;

    let (message_id, attempt) = identity
        .strip_prefix("m=")
        .and_then(|rest| rest.split_once("&a="))
        .ok_or(CallbackError::Malformed)?;
    let message_id = Uuid::try_parse(message_id).map_err(|_| CallbackError::Malformed)?;
    let attempt = attempt.parse().map_err(|_| CallbackError::Malformed)?;
    Ok((message_id, attempt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The query as it arrives: Twilio keeps the fragment to itself.
    fn query(url: &str) -> String {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        query.split('#').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_url_has_the_fixed_form() {
        let key = CallbackKey::new([7; 32]);
        let id = Uuid::from_u128(0x0192_f0e1_0000_7000_8000_0000_0000_00ff);
        let url = status_callback_url("https://notify.example.org/sms/", &key, id, 3);
        let (head, mac) = url.split_once("&s=").unwrap();
        assert_eq!(
            head,
            "https://notify.example.org/sms/twilio/status?m=0192f0e10000700080000000000000ff&a=3"
        );
        let (mac, fragment) = mac.split_once('#').unwrap();
        assert_eq!(
            (mac.len(), fragment),
            (32, "ct=3000&rt=10000&tt=15000&rc=5&rp=all")
        );
        assert_eq!(read_status_callback(&query(&url), &key), Ok((id, 3)));
    }

    #[test]
    fn another_installation_is_refused() {
        let url = status_callback_url(
            "https://a.example",
            &CallbackKey::new([1; 32]),
            Uuid::from_u128(1),
            1,
        );
        assert_eq!(
            read_status_callback(&query(&url), &CallbackKey::new([2; 32])),
            Err(CallbackError::Mac)
        );
    }

    #[test]
    fn other_queries_are_malformed() {
        let key = CallbackKey::new([1; 32]);
        for other in [
            "",
            "m=1&a=1",
            "&s=",
            "m=1&a=1&s=00",
            "m=1&a=1&s=0000000000000000000000000000000G",
        ] {
            assert_eq!(
                read_status_callback(other, &key),
                Err(CallbackError::Malformed),
                "{other}"
            );
        }
    }

    #[test]
    fn a_key_is_32_bytes_and_stays_secret() {
        let text = STANDARD.encode([9; 32]);
        let key = CallbackKey::from_base64(&text).unwrap();
        assert_eq!(key, CallbackKey::new([9; 32]));
        assert_eq!(format!("{key:?}"), "CallbackKey(redacted)");
        for bad in [
            "",
            "AAAA",
            "not base64!",
            &STANDARD.encode([9; 31]),
            &STANDARD.encode([9; 33]),
        ] {
            assert_eq!(
                CallbackKey::from_base64(bad),
                Err(CallbackError::Key),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn reads_back_and_refuses_any_changed_byte(
            secret: [u8; 32],
            id: u128,
            attempt in 0..i32::MAX,
            place: prop::sample::Index,
            change in 1..128_u8,
        ) {
            let key = CallbackKey::new(secret);
            let id = Uuid::from_u128(id);
            let mut query = query(&status_callback_url("https://a.example", &key, id, attempt)).into_bytes();
            prop_assert_eq!(read_status_callback(str::from_utf8(&query).unwrap(), &key), Ok((id, attempt)));

            let place = place.index(query.len());
            query[place] ^= change;
            prop_assert!(read_status_callback(str::from_utf8(&query).unwrap(), &key).is_err());
        }
    }
}
