//! Twilio's webhook signature (`X-Twilio-Signature`): making it and checking it.
//!
//! Rules: <https://www.twilio.com/docs/usage/webhooks/webhooks-security>. The signature is Base64 of HMAC-SHA1, keyed
//! with the account's auth token, over the full URL followed by every form parameter, name and value, sorted by name.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::hex;

type HmacSha1 = Hmac<Sha1>;

/// Why a request was not taken for one of Twilio's. None of them says anything about the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no auth token to check with.
    #[error("no Twilio auth token is configured: set at least one to receive webhooks")]
    NoToken,
    /// The header is missing.
    #[error("the request has no X-Twilio-Signature header")]
    Missing,
    /// The header is not Base64 of 20 bytes.
    #[error("the X-Twilio-Signature header is not Base64 of an HMAC-SHA1")]
    Malformed,
    /// No token and no form of the URL gives this signature.
    #[error(
        "the signature does not match: check that the public URL is the one Twilio calls, and the auth token"
    )]
    Mismatch,
    /// The body is no form, and its SHA-256 is not the signed `bodySHA256` of the URL.
    #[error("the body does not match the bodySHA256 parameter of the signed URL")]
    BodyHash,
}

/// A request that Twilio signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedForm {
    /// The decoded form parameters in the order they came; empty when the body is no form.
    pub params: Vec<(String, String)>,
    /// Which of the tokens given to [`Verifier::new`] matched, counted from 0.
    pub token_index: usize,
}

/// The value of `X-Twilio-Signature` for a request to `url` (its fragment is not signed) with these form parameters.
pub fn sign(auth_token: &str, url: &str, params: &[(String, String)]) -> String {
    let mac = keyed(auth_token)
        .chain_update(without_fragment(url))
        .chain_update(signed_params(params));
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Checks requests against one public URL and any number of auth tokens (two while a token is being rotated).
pub struct Verifier {
    bases: Vec<String>,
    /// Position among the configured tokens, and the HMAC keyed with it.
    tokens: Vec<(usize, HmacSha1)>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({} tokens, redacted)", self.tokens.len())
    }
}

impl Verifier {
    /// `public_url` is the base URL that Twilio calls, exactly as configured there (upper and lower case count); a
    /// trailing `/` is dropped. It is never taken from the request, whose `Host` anyone can write. Empty tokens are
    /// left out: with an empty key anybody could sign.
    pub fn new(public_url: &str, tokens: Vec<String>) -> Self {
        let tokens = tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| !token.is_empty());
        Self {
            bases: accepted_bases(public_url.trim_end_matches('/')),
            tokens: tokens.map(|(index, token)| (index, keyed(token))).collect(),
        }
    }

    /// Checks one request: `request_target` is path and query exactly as on the wire, `header` the value of
    /// `X-Twilio-Signature`. Accepts the signature of the public URL as configured, without its port or with the
    /// scheme's standard port, each with and without user and password, because Twilio's products differ in that.
    ///
    /// The comparison takes the same time wherever the signatures differ. Returns the decoded form, or what is wrong.
    pub fn verify(
        &self,
        request_target: &str,
        body: &[u8],
        content_type: Option<&str>,
        header: Option<&str>,
    ) -> Result<VerifiedForm, SignatureError> {
        if self.tokens.is_empty() {
            return Err(SignatureError::NoToken);
        }
        let header = header.ok_or(SignatureError::Missing)?;
        let signature = STANDARD
            .decode(header)
            .map_err(|_| SignatureError::Malformed)?;
        if signature.len() != 20 {
            return Err(SignatureError::Malformed);
        }

        let target = without_fragment(request_target);
        let is_form = is_form(content_type);
        let params = if is_form {
            decode_form(body)
        } else {
            Vec::new()
        };
        let signed_params = signed_params(&params);
        let matches = |token: &HmacSha1| {
            self.bases.iter().any(|base| {
                let mac = token
                    .clone()
                    .chain_update(base)
                    .chain_update(target)
                    .chain_update(&signed_params);
                mac.verify_slice(&signature).is_ok()
            })
        };
        let token_index = self
            .tokens
            .iter()
            .find(|(_, token)| matches(token))
            .map(|&(index, _)| index);
        let token_index = token_index.ok_or(SignatureError::Mismatch)?;

        if !is_form && !body_is_signed(target, body) {
            return Err(SignatureError::BodyHash);
        }
        Ok(VerifiedForm {
            params,
            token_index,
        })
    }
}

fn keyed(auth_token: &str) -> HmacSha1 {
    let Ok(mac) = HmacSha1::new_from_slice(auth_token.as_bytes()) else {
        unreachable!("HMAC takes a key of any length")
    };
    mac
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(before, _)| before)
}

/// Name and value of each parameter, sorted by name and then value, a repeated pair once.
fn signed_params(params: &[(String, String)]) -> String {
    let mut sorted: Vec<(&str, &str)> = params
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
        .into_iter()
        .flat_map(|(name, value)| [name, value])
        .collect()
}

fn is_form(content_type: Option<&str>) -> bool {
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    media_type
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn decode_form(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// A body that is no form is covered by the signature only through its hash in the signed URL; no body needs none.
fn body_is_signed(target: &str, body: &[u8]) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256") {
        Some((_, expected)) => expected == hex::encode(&Sha256::digest(body)),
        None => body.is_empty(),
    }
}

/// The forms of the public URL whose signature is accepted: {port as given, none, standard} × {userinfo, none}.
fn accepted_bases(public_url: &str) -> Vec<String> {
    let Some((scheme, rest)) = public_url.split_once("://") else {
        return vec![public_url.to_owned()];
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (userinfo, host_port) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let host = match host_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host_port,
    };
    let standard_port = if scheme.eq_ignore_ascii_case("http") {
        80
    } else {
        443
    };

    let mut bases = Vec::with_capacity(6);
    for userinfo in [userinfo, ""] {
        for host in [host_port, host, &format!("{host}:{standard_port}")] {
            let base = format!("{scheme}://{userinfo}{host}{path}");
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
    }
    bases
}
