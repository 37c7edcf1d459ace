//! The webhook signature against published vectors, forged requests and random ones.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use herald_core::signature::{SignatureError, Verifier, sign};
use proptest::prelude::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=UTF-8");
const JSON: Option<&str> = Some("application/json");

type Params = Vec<(String, String)>;

#[derive(serde::Deserialize)]
struct Vector {
    id: String,
    auth_token: String,
    url: String,
    params: BTreeMap<String, String>,
    signature: String,
}

fn params(pairs: &[(&str, &str)]) -> Params {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn form(params: &Params) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish()
        .into_bytes()
}

/// The call of Twilio's own examples.
fn call() -> Params {
    params(&[
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ])
}

const TARGET: &str = "/myapp.php?foo=1&bar=2";

fn verifier(public_url: &str) -> Verifier {
    Verifier::new(public_url, vec!["12345".to_owned()])
}

fn accepts(public_url: &str, target: &str, params: &Params, signature: &str) -> bool {
    let verified = verifier(public_url).verify(target, &form(params), FORM, Some(signature));
    verified.is_ok_and(|form| form.params == *params && form.token_index == 0)
}

#[test]
fn published_vectors() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("data/twilio_signature_vectors.json")).unwrap();
    assert_eq!(vectors.len(), 10);
    for vector in vectors {
        let params: Params = vector.params.into_iter().collect();
        assert_eq!(
            sign(&vector.auth_token, &vector.url, &params),
            vector.signature,
            "{}",
            vector.id
        );

        let path = vector.url.find("://").map(|at| at + 3).unwrap();
        let path = path + vector.url[path..].find('/').unwrap();
        let (base, target) = vector.url.split_at(path);
        let verifier = Verifier::new(base, vec![vector.auth_token]);
        let verified = verifier
            .verify(target, &form(&params), FORM, Some(&vector.signature))
            .unwrap();
        assert_eq!(verified.params, params, "{}", vector.id);
        assert!(
            verifier
                .verify(target, b"", FORM, Some(&vector.signature))
                .is_err(),
            "{}",
            vector.id
        );
    }
}

/// Random requests, signed by Twilio's own library for Python.
#[derive(serde::Deserialize)]
struct Signed {
    requests: Vec<Request>,
}

#[derive(serde::Deserialize)]
struct Request(String, String, String, Params, String);

#[test]
fn requests_signed_by_twilios_library_are_accepted_and_no_byte_of_them_can_be_changed() {
    let signed: Signed = serde_json::from_str(include_str!("data/signed_requests.json")).unwrap();
    assert_eq!(signed.requests.len(), 250);
    for Request(public_url, target, token, params, signature) in signed.requests {
        let verifier = Verifier::new(&public_url, vec![token.clone()]);
        let body = form(&params);
        let verify = |target: &str, body: &[u8], signature: &str| {
            verifier.verify(target, body, FORM, Some(signature))
        };
        let verified = verify(&target, &body, &signature).map(|form| form.params);
        assert_eq!(verified.as_ref(), Ok(&params), "{public_url}{target}");
        assert_eq!(
            sign(&token, &format!("{public_url}{target}"), &params),
            signature
        );

        for place in 0..target.len() {
            let mut altered = target.clone().into_bytes();
            altered[place] ^= 1;
            let altered = String::from_utf8(altered).unwrap();
            // What stands behind a # is never signed, nor sent.
            if !altered.contains('#') {
                assert!(verify(&altered, &body, &signature).is_err(), "{altered}");
            }
        }
        for place in 0..signature.len() {
            let mut altered = signature.clone().into_bytes();
            altered[place] ^= 1;
            let altered = String::from_utf8(altered).unwrap();
            assert!(verify(&target, &body, &altered).is_err(), "{altered}");
        }
        for place in 0..body.len() {
            let mut altered = body.clone();
            altered[place] ^= 1;
            let read: Params = form_urlencoded::parse(&altered).into_owned().collect();
            // Another way to write the same form is the same form.
            assert_eq!(
                verify(&target, &altered, &signature).is_err(),
                read != params
            );
        }
    }
}

/// Further cases from the tests of Twilio's helper libraries.
#[test]
fn repeated_names_count_once_per_value_and_sorted() {
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let bindings = [
        ("MessagingBinding.Address", "+1325xxxxxxx"),
        ("MessagingBinding.Address", "+1415xxxxxxx"),
    ];
    assert_eq!(
        sign("12345", url, &params(&bindings)),
        "83O6e2vORAoJHUNzJjDWN1jz+BA="
    );
    assert_eq!(
        sign("12345", url, &params(&[bindings[1], bindings[0]])),
        "83O6e2vORAoJHUNzJjDWN1jz+BA="
    );
    let digits = params(&[
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ]);
    assert_eq!(sign("12345", url, &digits), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    assert!(accepts(
        "https://mycompany.com",
        TARGET,
        &digits,
        "IK+Dwps556ElfBT0I3Rgjkr1wJU="
    ));
}

#[test]
fn ports_and_userinfo_that_twilio_may_leave_out() {
    let accepted = [
        // Signed without a port; the configured URL has one.
        ("https://mycompany.com:443", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://mycompany.com:1234", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        // Signed with the standard port; the configured URL has none.
        ("https://mycompany.com", "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("http://mycompany.com", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (
            "https://user:pass@mycompany.com",
            "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=",
        ),
        // As given.
        ("https://user@mycompany.com", "2YRLlVAflCqxaNicjMpJcSTgzSs="),
        (
            "https://user@mycompany.com:443",
            "aZfj4hyX1MLZhSS6QIL18Vn2/RA=",
        ),
        (
            "https://user:pass@mycompany.com:443",
            "CukzLTc1tT5dXEDIHm/tKBanW10=",
        ),
        ("https://MyCompany.com:1234", "PCqOZm8cnu/L6+u5i5fuEd+Iac4="),
        // Userinfo dropped.
        (
            "https://user:pass@mycompany.com",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        (
            "https://user:pass@mycompany.com:8443",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
    ];
    for (public_url, signature) in accepted {
        assert!(
            accepts(public_url, TARGET, &call(), signature),
            "{public_url}"
        );
        assert!(
            accepts(&format!("{public_url}/"), TARGET, &call(), signature),
            "{public_url}/"
        );
    }
    let refused = [
        ("http://mycompany.com", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://MyCompany.com", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://mycompany.com", "CYn1h0gLBdNxDGkKJg6hYohgeD8="),
        ("https://mycompany.com", "CukzLTc1tT5dXEDIHm/tKBanW10="),
        ("mycompany.com", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ];
    for (public_url, signature) in refused {
        assert!(
            !accepts(public_url, TARGET, &call(), signature),
            "{public_url}"
        );
    }
}

#[test]
fn ipv6_hosts_and_base_paths() {
    for (public_url, signed) in [
        ("https://[::1]", "https://[::1]:443/hooks/in"),
        ("https://[::1]:8443", "https://[::1]/hooks/in"),
        ("https://[2001:db8::12]", "https://[2001:db8::12]/hooks/in"),
    ] {
        let signature = sign("12345", signed, &call());
        assert!(
            accepts(public_url, "/hooks/in", &call(), &signature),
            "{public_url}"
        );
        assert!(
            accepts(&format!("{public_url}/hooks/"), "/in", &call(), &signature),
            "{public_url}"
        );
    }
}

#[test]
fn bodies_that_are_no_form() {
    let target = "/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let body = br#"{"property": "value", "boolean": true}"#;
    let signature = Some("a9nBmqA0ju/hNViExpshrM61xv4=");
    let verifier = verifier("https://mycompany.com");
    assert_eq!(
        verifier
            .verify(target, body, JSON, signature)
            .unwrap()
            .params,
        []
    );
    assert_eq!(
        verifier.verify(target, b"{}", JSON, signature),
        Err(SignatureError::BodyHash)
    );
    assert_eq!(
        verifier.verify(target, b"", None, signature),
        Err(SignatureError::BodyHash)
    );
    assert_eq!(
        verifier.verify(TARGET, body, JSON, signature),
        Err(SignatureError::Mismatch)
    );

    let only_key =
        "/myapp.php?bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    assert!(
        verifier
            .verify(only_key, body, JSON, Some("y77kIzt2vzLz71DgmJGsen2scGs="))
            .is_ok()
    );

    let with_port = "/myapp.php?foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert!(
        verifier
            .verify(with_port, b"{}", JSON, Some("Ldidvp12m26NI7eqEvxnEpkd9Hc="))
            .is_ok()
    );

    // A body that nothing signs is refused; no body needs nothing.
    let url_only = sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &[]);
    assert_eq!(
        verifier.verify(TARGET, body, JSON, Some(&url_only)),
        Err(SignatureError::BodyHash)
    );
    assert_eq!(
        verifier.verify(TARGET, body, None, Some(&url_only)),
        Err(SignatureError::BodyHash)
    );
    assert!(verifier.verify(TARGET, b"", None, Some(&url_only)).is_ok());
    assert!(verifier.verify(TARGET, b"", FORM, Some(&url_only)).is_ok());
}

#[test]
fn a_token_being_rotated() {
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let tokens = ["", "old", "new"].map(str::to_owned).to_vec();
    let verifier = Verifier::new("https://mycompany.com", tokens);
    for (index, token) in [(1, "old"), (2, "new")] {
        let signature = sign(token, url, &call());
        let verified = verifier
            .verify(TARGET, &form(&call()), FORM, Some(&signature))
            .unwrap();
        assert_eq!(verified.token_index, index);
    }
    for token in ["", "older"] {
        let signature = sign(token, url, &call());
        let verified = verifier.verify(TARGET, &form(&call()), FORM, Some(&signature));
        assert_eq!(verified, Err(SignatureError::Mismatch), "token {token:?}");
    }
    assert_eq!(format!("{verifier:?}"), "Verifier(2 tokens, redacted)");
}

#[test]
fn requests_without_a_usable_signature() {
    let body = form(&call());
    let verify = |header| verifier("https://mycompany.com").verify(TARGET, &body, FORM, header);
    assert_eq!(verify(None), Err(SignatureError::Missing));
    for malformed in [
        "",
        "not base64",
        "AAAA",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8",
        "RSOYDt4T1cUTdK1PDd93/VVr8B9=",
    ] {
        assert_eq!(
            verify(Some(malformed)),
            Err(SignatureError::Malformed),
            "{malformed:?}"
        );
    }
    assert_eq!(
        verify(Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
        Err(SignatureError::Mismatch)
    );

    let no_token = Verifier::new("https://mycompany.com", vec![String::new()]);
    let empty_key = sign("", "https://mycompany.com/myapp.php?foo=1&bar=2", &call());
    assert_eq!(
        no_token.verify(TARGET, &body, FORM, Some(&empty_key)),
        Err(SignatureError::NoToken)
    );
}

#[test]
fn the_fragment_is_not_signed() {
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    assert_eq!(
        sign("12345", &format!("{url}#rc=5&rp=all"), &call()),
        sign("12345", url, &call())
    );
}

#[test]
fn values_are_kept_as_they_are() {
    let odd = params(&[
        ("Body", "  caf\u{e9} 100% + 1 \u{1f600}\n"),
        ("Empty", ""),
        ("a&b=c", "d;e"),
    ]);
    let signature = sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &odd);
    assert!(accepts("https://mycompany.com", TARGET, &odd, &signature));
}

fn random_params() -> impl Strategy<Value = Params> {
    prop::collection::vec(("[A-Za-z][A-Za-z0-9.]{0,8}", "\\PC{0,12}"), 1..8)
}

proptest! {
    #[test]
    fn signed_requests_are_accepted_and_altered_ones_refused(
        params in random_params(),
        path in "/[a-z]{1,8}\\?[a-z]=[0-9a-f]{1,8}",
        token in "[0-9a-f]{1,32}",
        place: prop::sample::Index,
        bit in 0..7_u32,
    ) {
        let base = "https://notify.example.org";
        let signature = sign(&token, &(base.to_owned() + &path), &params);
        let body = form(&params);
        let verifier = Verifier::new(base, vec![token.clone()]);
        let verified = verifier.verify(&path, &body, FORM, Some(&signature));
        prop_assert_eq!(verified.map(|form| form.params), Ok(params.clone()));

        let flip = |bytes: &[u8]| {
            let mut altered = bytes.to_vec();
            altered[place.index(bytes.len())] ^= 1 << bit;
            altered
        };

        let altered = String::from_utf8(flip(path.as_bytes())).unwrap();
        // What stands behind a # is never signed, nor sent.
        if !altered.contains('#') {
            prop_assert!(verifier.verify(&altered, &body, FORM, Some(&signature)).is_err());
        }
        let altered = String::from_utf8(flip(signature.as_bytes())).unwrap();
        prop_assert!(verifier.verify(&path, &body, FORM, Some(&altered)).is_err());
        let altered = String::from_utf8(flip(token.as_bytes())).unwrap();
        let other = Verifier::new(base, vec![altered]);
        prop_assert!(other.verify(&path, &body, FORM, Some(&signature)).is_err());

        // %c3 and %C3 are the same form; anything that changes what is read is refused.
        let altered = flip(&body);
        let read: Params = form_urlencoded::parse(&altered).into_owned().collect();
        let refused = verifier.verify(&path, &altered, FORM, Some(&signature)).is_err();
        prop_assert_eq!(refused, read != params);
    }

    #[test]
    fn anything_may_come_in(target: String, body: Vec<u8>, content_type: Option<String>, header: Option<String>) {
        let verifier = verifier("https://notify.example.org");
        prop_assert!(verifier.verify(&target, &body, content_type.as_deref(), header.as_deref()).is_err());
    }
}
