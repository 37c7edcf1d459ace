//! Preferences: what a user may set, by which rules, and what stands between a user and texts.

use herald_core::priority::Priority;
use pgrx::JsonB;
use pgrx::datum::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::{Map, Value, json};

use crate::queries::{
    PREFERENCES, PREFERENCES_NOW, PREFERENCES_ROWS, PREFERENCES_SET, SMS_CONSENT, TIME_ZONE,
};
use crate::query::{jsonb, jsonb_of};
use crate::report::{Result, invalid, null_argument, unexpected};
use crate::subscriptions;

/// What a value has to be like.
pub enum Kind {
    Flag,
    /// A whole number in a range; NULL too, if it says so.
    Number(i64, i64, Null),
    /// A time of day.
    Time(Null),
    Priority,
    /// A time zone, or NULL for the one in `herald.recipients`.
    Zone,
    /// A language tag, or NULL for the default.
    Locale,
    /// Overrides by event type.
    Events,
}

#[derive(PartialEq)]
pub enum Null {
    Allowed,
    Refused,
}

const MOST: i64 = i32::MAX as i64;

/// Everything that may be set, by the name it has.
pub const KEYS: &[(&str, Kind)] = &[
    ("sms_enabled", Kind::Flag),
    ("email_enabled", Kind::Flag),
    ("push_enabled", Kind::Flag),
    ("in_app_enabled", Kind::Flag),
    ("should_sms_daily_brief", Kind::Flag),
    ("should_email_daily_brief", Kind::Flag),
    ("locale", Kind::Locale),
    ("priority", Kind::Priority),
    ("batch_enabled", Kind::Flag),
    (
        "batch_interval_minutes",
        Kind::Number(1, MOST, Null::Allowed),
    ),
    ("max_per_day", Kind::Number(0, MOST, Null::Allowed)),
    ("max_per_hour", Kind::Number(0, MOST, Null::Allowed)),
    ("quiet_hours_enabled", Kind::Flag),
    ("quiet_hours_start", Kind::Time(Null::Refused)),
    ("quiet_hours_end", Kind::Time(Null::Refused)),
    ("timezone", Kind::Zone),
    ("urgent_alerts", Kind::Flag),
    ("urgent_bypass_quiet_hours", Kind::Flag),
    ("daily_sms_limit", Kind::Number(0, MOST, Null::Refused)),
    ("event_reminders_enabled", Kind::Flag),
    (
        "event_reminder_lead_time_minutes",
        Kind::Number(0, MOST, Null::Refused),
    ),
    ("morning_kickoff_enabled", Kind::Flag),
    ("morning_kickoff_time", Kind::Time(Null::Allowed)),
    ("evening_recap_enabled", Kind::Flag),
    ("events", Kind::Events),
];

/// Why something was not switched on, for a program and for a person.
pub struct Refusal {
    code: &'static str,
    detail: &'static str,
    error: &'static str,
}

impl Refusal {
    /// The person is no administrator.
    pub const ADMIN: Refusal = Refusal {
        code: "admin_required",
        detail: "requiresAdmin",
        error: "This event type is for administrators only.",
    };

    /// The answer in place of the preferences.
    pub fn answer(&self) -> JsonB {
        JsonB(json!({
            "success": false,
            "error": self.error,
            "code": self.code,
            "details": { self.detail: true },
        }))
    }
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn get_notification_preferences(user: Option<Uuid>) -> Result<JsonB> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    PREFERENCES
        .row(&[user.into()], |row| row.want(1, "preferences"))?
        .ok_or_else(|| unexpected("preferences"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn set_notification_preferences(user: Option<Uuid>, preferences: Option<JsonB>) -> Result<JsonB> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let preferences = preferences.ok_or_else(|| null_argument("p_preferences"))?;
    let Value::Object(mut changes) = preferences.0 else {
        return Err(invalid(
            "p_preferences is no JSON object",
            "Pass {\"name\": value, …} with names of get_notification_preferences().",
        ));
    };
    for (name, value) in &changes {
        check(name, value)?;
    }
    let events = match changes.remove("events") {
        Some(Value::Object(events)) => events,
        _ => Map::new(),
    };
    let has_quiet_hours = changes.remove("quiet_hours_enabled");
    quiet_hours(&mut changes, has_quiet_hours.as_ref())?;
    let switches_texts_on = ["sms_enabled", "should_sms_daily_brief"]
        .iter()
        .any(|name| changes.get(*name) == Some(&Value::Bool(true)))
        || events.values().any(subscriptions::switches_texts_on);
    if switches_texts_on && let Some(refusal) = texts_refused(user)? {
        return Ok(refusal.answer());
    }
    for (event_type, change) in &events {
        if let Some(refusal) = subscriptions::refused(event_type, user, change)? {
            return Ok(refusal.answer());
        }
    }
    PREFERENCES_ROWS.run(&[user.into()])?;
    let has_hours: bool = PREFERENCES_SET
        .row(
            &[user.into(), jsonb(jsonb_of(Value::Object(changes)))],
            |row| row.want(1, "quiet hours"),
        )?
        .ok_or_else(|| unexpected("preferences"))?;
    if has_quiet_hours == Some(Value::Bool(true)) && !has_hours {
        return Err(invalid(
            "quiet_hours_enabled is true, but quiet hours start when they end",
            "Pass quiet_hours_start and quiet_hours_end that differ.",
        ));
    }
    for (event_type, change) in events {
        subscriptions::write(user, &event_type, change, user)?;
    }
    let mut answer: JsonB = PREFERENCES_NOW
        .row(&[user.into()], |row| row.want(1, "preferences"))?
        .ok_or_else(|| unexpected("preferences"))?;
    answer.0["success"] = Value::Bool(true);
    Ok(answer)
}

/// What keeps this user from being texted, if anything does.
pub fn texts_refused(user: Uuid) -> Result<Option<Refusal>> {
    let (has_phone, is_verified, is_opted_out, is_blocked) = SMS_CONSENT
        .row(&[user.into()], |row| {
            Ok((
                row.want::<bool>(1, "phone")?,
                row.want::<bool>(2, "phone")?,
                row.want::<bool>(3, "phone")?,
                row.want::<bool>(4, "phone")?,
            ))
        })?
        .ok_or_else(|| unexpected("phone"))?;
    Ok(if is_opted_out {
        Some(Refusal {
            code: "opt_in_required",
            detail: "requiresOptIn",
            error: if is_blocked {
                "Twilio blocks texts to the number since the person texted STOP; only texting START ends that."
            } else {
                "The user has opted out of texts; verifying the number again opts in."
            },
        })
    } else if !has_phone {
        Some(Refusal {
            code: "phone_setup_required",
            detail: "requiresPhoneSetup",
            error: "There is no phone number; verify one first.",
        })
    } else if !is_verified {
        Some(Refusal {
            code: "phone_verification_required",
            detail: "requiresPhoneVerification",
            error: "The phone number is not verified.",
        })
    } else {
        None
    })
}

/// Turns the switch into hours: none start when they end.
fn quiet_hours(changes: &mut Map<String, Value>, switch: Option<&Value>) -> Result<()> {
    if switch != Some(&Value::Bool(false)) {
        return Ok(());
    }
    for name in ["quiet_hours_start", "quiet_hours_end"] {
        if changes.contains_key(name) {
            return Err(invalid(
                format!("quiet_hours_enabled is false beside {name}"),
                "Pass one or the other.",
            ));
        }
        changes.insert(name.to_owned(), json!("00:00"));
    }
    Ok(())
}

/// 22023 unless there is a preference of this name and the value fits it.
fn check(name: &str, value: &Value) -> Result<()> {
    let Some((_, kind)) = KEYS.iter().find(|(known, _)| *known == name) else {
        return Err(unknown(name));
    };
    let wrong = |rule: &str| {
        invalid(
            format!("preference {name:?} cannot be {value}"),
            rule.to_owned(),
        )
    };
    match kind {
        Kind::Flag if !value.is_boolean() => Err(wrong("Use true or false.")),
        Kind::Number(_, _, Null::Allowed) | Kind::Time(Null::Allowed) if value.is_null() => Ok(()),
        Kind::Number(least, most, _)
            if !value
                .as_i64()
                .is_some_and(|number| (*least..=*most).contains(&number)) =>
        {
            Err(wrong(&format!("Use a whole number of at least {least}.")))
        }
        Kind::Time(_) if !value.as_str().is_some_and(is_time) => {
            Err(wrong("Use a time such as \"21:00\"."))
        }
        Kind::Priority
            if value
                .as_str()
                .is_none_or(|word| word.parse::<Priority>().is_err()) =>
        {
            Err(wrong("Use urgent, high, normal or low."))
        }
        Kind::Locale if !(value.is_null() || value.as_str().is_some_and(is_locale)) => Err(wrong(
            "Use a language tag such as \"de\" or \"pt-BR\", or null for the default.",
        )),
        Kind::Zone if value.is_null() => Ok(()),
        Kind::Zone => match value.as_str() {
            Some(zone) if is_zone(zone)? => Ok(()),
            _ => Err(wrong(
                "Use a time zone of the IANA's, such as \"America/New_York\"; pg_timezone_names lists them.",
            )),
        },
        Kind::Events => match value {
            Value::Object(events) => events
                .iter()
                .try_for_each(|(event_type, change)| subscriptions::check(event_type, change)),
            _ => Err(wrong(
                "Use an object: {\"event.type\": {\"sms_enabled\": true}}.",
            )),
        },
        _ => Ok(()),
    }
}

fn unknown(name: &str) -> ErrorReport {
    let hint = match name {
        "phone" | "phone_number" | "phone_verified" | "phone_verified_at" => {
            "start_phone_verification() proves a number; it cannot be set."
        }
        "opted_out" | "opted_out_at" | "opt_out_reason" => {
            "Verifying the number again lifts an opt-out; it cannot be set."
        }
        _ => "get_notification_preferences() shows the names there are.",
    };
    invalid(format!("there is no preference {name:?} to set"), hint)
}

/// `HH:MM` or `HH:MM:SS`.
fn is_time(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let limits = [24, 60, 60];
    (2..=3).contains(&parts.len())
        && parts.iter().zip(limits).all(|(part, limit)| {
            part.len() == 2
                && part.bytes().all(|b| b.is_ascii_digit())
                && part.parse::<u32>().is_ok_and(|number| number < limit)
        })
}

/// `de`, `pt-BR`: as the column takes it.
fn is_locale(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let fits = |part: &str, shortest: usize, longest: usize| {
        (shortest..=longest).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let language = parts.next().unwrap_or_default();
    fits(language, 2, 3)
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| fits(part, 2, 8))
}

fn is_zone(name: &str) -> Result<bool> {
    TIME_ZONE
        .row(&[name.into()], |row| row.want(1, "answer"))?
        .ok_or_else(|| unexpected("answer"))
}
