//! Verifications as Twilio's API shows them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::settings::VerifySettings;
use super::verification::{Verification, VerificationStatus};

/// The answer to a start, a fetch and an update. `base` is the scheme and host the client called.
pub(super) fn verification(verification: &Verification, account_sid: &str, base: &str) -> Value {
    let attempts: Vec<_> = verification
        .sends
        .iter()
        .map(|send| {
            json!({
                "attempt_sid": send.attempt_sid,
                "channel": send.channel,
                "time": send.time.to_rfc3339_opts(SecondsFormat::Millis, true),
            })
        })
        .collect();
    let service = &verification.service_sid;
    let sid = &verification.sid;
    let mut shown = common(verification, account_sid);
    shown["lookup"] = json!({"carrier": carrier(verification)});
    shown["send_code_attempts"] = attempts.into();
    shown["sna"] = Value::Null;
    shown["url"] = format!("{base}/v2/Services/{service}/Verifications/{sid}").into();
    shown
}

/// The answer to a check.
pub(super) fn check(verification: &Verification, account_sid: &str) -> Value {
    let mut shown = common(verification, account_sid);
    shown["sna_attempts_error_codes"] = json!([]);
    shown
}

/// The service itself.
pub(super) fn service(
    service_sid: &str,
    account_sid: &str,
    base: &str,
    settings: &VerifySettings,
    now: DateTime<Utc>,
) -> Value {
    let url = format!("{base}/v2/Services/{service_sid}");
    let links: serde_json::Map<_, _> = ["verifications", "verification_checks"]
        .into_iter()
        .zip(["Verifications", "VerificationCheck"])
        .map(|(name, path)| (name.to_owned(), format!("{url}/{path}").into()))
        .collect();
    json!({
        "sid": service_sid,
        "account_sid": account_sid,
        "friendly_name": "Simulated service",
        "code_length": settings.code_length,
        "custom_code_enabled": settings.custom_code,
        "lookup_enabled": settings.lookup,
        "skip_sms_to_landlines": false,
        "dtmf_input_required": true,
        "do_not_share_warning_enabled": false,
        "psd2_enabled": false,
        "tts_name": null,
        "default_template_sid": null,
        "push": null,
        "totp": null,
        "verify_event_subscription_enabled": false,
        "date_created": seconds(now),
        "date_updated": seconds(now),
        "url": url,
        "links": links,
    })
}

fn common(verification: &Verification, account_sid: &str) -> Value {
    json!({
        "account_sid": account_sid,
        "amount": null,
        "channel": verification.channel,
        "date_created": seconds(verification.created_at),
        "date_updated": seconds(verification.updated_at),
        "payee": null,
        "service_sid": verification.service_sid,
        "sid": verification.sid,
        "status": verification.status,
        "to": verification.to,
        "valid": verification.status == VerificationStatus::Approved,
    })
}

fn carrier(verification: &Verification) -> Value {
    if !verification.has_lookup {
        return Value::Null;
    }
    json!({
        "error_code": null,
        "mobile_country_code": "310",
        "mobile_network_code": "260",
        "name": "Simulated Mobile",
        "type": "mobile",
    })
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
