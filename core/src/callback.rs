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
