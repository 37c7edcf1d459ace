//! The gate: may this text go? One function for everything that asks: emit, fan-out, explain, `may_text`, the claim.
//!
//! Times are microseconds, [`NEVER`] is infinity.

use crate::words::words;

/// A time that does not come.
pub const NEVER: i64 = i64::MAX;
const SECOND: i64 = 1_000_000;

/// What must be known of a recipient, a channel and a text. Who does not know something says what lets less through.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Somebody has cancelled the event.
    pub is_cancelled: bool,
    /// The event's type is switched on.
    pub is_type_active: bool,
    /// The recipient's subscription to the type; for a text without an event: [`Subscription::Active`].
    pub subscription: Subscription,
    /// Not for administrators alone, or the recipient is one.
    pub is_in_audience: bool,
    /// sms, email, push or in_app.
    pub channel: &'a str,
    /// The recipient has the channel switched on.
    pub is_channel_enabled: bool,
    /// Where it would go.
    pub phone_number: Option<&'a str>,
    /// The recipient has shown to own the number.
    pub is_verified: bool,
    /// Carriers know no such number.
    pub is_invalid: bool,
    /// Somebody with this number wants no texts.
    pub is_opted_out: bool,
    /// When it is due.
    pub due_at: i64,
    /// Until when it is worth telling.
    pub expires_at: Option<i64>,
    /// From when on quiet hours let it go; `None` or [`NEVER`]: that cannot be known.
    pub open_at: Option<i64>,
}

/// What a recipient's subscription says of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subscription {
    /// There is none.
    #[default]
    None,
    /// There is one no more.
    Ended,
    /// Its filters do not match the payload.
    Filtered,
    /// It wants the event.
    Active,
}

impl Subscription {
    /// From what the tables say of it.
    pub const fn of(exists: bool, is_active: bool, matches: bool) -> Self {
        match (exists, is_active, matches) {
            (false, _, _) => Self::None,
            (true, false, _) => Self::Ended,
            (true, true, false) => Self::Filtered,
            (true, true, true) => Self::Active,
        }
    }
}

words! {
    /// Why nothing goes (`notification_deliveries.suppress_reason`), in the order in which it counts. Sentences: `reason`.
    Refusal ("refusal") {
        /// Somebody cancelled the event.
        EventCancelled = "event_cancelled",
        /// Its type is switched off.
        EventTypeInactive = "event_type_inactive",
        /// There is no subscription.
        NotSubscribed = "not_subscribed",
        /// There is one no more.
        Unsubscribed = "unsubscribed",
        /// Its filters do not match.
        Filter = "filter",
        /// It is for administrators.
        NotAdmin = "not_admin",
        /// The channel is switched off.
        Preference = "preference",
        /// Nothing sends on the channel.
        NoAdapter = "no_adapter",
        /// There is no number.
        NoPhone = "no_phone",
        /// No carrier knows the number.
        InvalidNumber = "invalid_number",
        /// Nobody has shown to own the number.
        Unverified = "unverified",
        /// Somebody with the number wants no texts.
        OptedOut = "opted_out",
        /// Numbers of the country are not texted.
        CountryNotAllowed = "country_not_allowed",
        /// Quiet hours cannot be told.
        UnknownTimeZone = "unknown_time_zone",
        /// It would come too late.
        Expired = "expired",
    }
}

/// Why nothing goes; `None`: it may, from `open_at` on. `is_allowed` says whether numbers of this country may be texted.
/// The first reason counts, in the order in which a person would ask.
pub fn refusal(facts: &Facts<'_>, is_allowed: impl FnOnce(&str) -> bool) -> Option<Refusal> {
    if facts.is_cancelled {
        return Some(Refusal::EventCancelled);
    }
    if !facts.is_type_active {
        return Some(Refusal::EventTypeInactive);
    }
    match facts.subscription {
        Subscription::None => return Some(Refusal::NotSubscribed),
        Subscription::Ended => return Some(Refusal::Unsubscribed),
        Subscription::Filtered => return Some(Refusal::Filter),
        Subscription::Active => {}
    }
    if !facts.is_in_audience {
        return Some(Refusal::NotAdmin);
    }
    if !facts.is_channel_enabled {
        return Some(Refusal::Preference);
    }
    match facts.channel {
        "sms" => text_refusal(facts, is_allowed),
        "in_app" => facts
            .expires_at
            .is_some_and(|expires_at| expires_at <= facts.due_at)
            .then_some(Refusal::Expired),
        _ => Some(Refusal::NoAdapter),
    }
}

/// What stands against a text, when its recipient wants it.
fn text_refusal(facts: &Facts<'_>, is_allowed: impl FnOnce(&str) -> bool) -> Option<Refusal> {
    let Some(number) = facts.phone_number else {
        return Some(Refusal::NoPhone);
    };
    if !facts.is_verified {
        return Some(match facts.is_invalid {
            true => Refusal::InvalidNumber,
            false => Refusal::Unverified,
        });
    }
    // An opt-out belongs to the number: triggers keep it in every row that has the number.
    if facts.is_opted_out {
        return Some(Refusal::OptedOut);
    }
    if !is_allowed(number) {
        return Some(Refusal::CountryNotAllowed);
    }
    match facts.open_at {
        None => Some(Refusal::UnknownTimeZone),
        Some(NEVER) if facts.due_at < NEVER => Some(Refusal::UnknownTimeZone),
        // It could only go when it is over, or in its last second.
        Some(open_at) => facts
            .expires_at
            .is_some_and(|expires_at| expires_at < a_second_after(open_at))
            .then_some(Refusal::Expired),
    }
}

/// Infinities stay what they are.
const fn a_second_after(at: i64) -> i64 {
    match at {
        i64::MIN | NEVER => at,
        _ => at.saturating_add(SECOND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason;
    use proptest::prelude::*;

    const GOING: Facts<'static> = Facts {
        is_cancelled: false,
        is_type_active: true,
        subscription: Subscription::Active,
        is_in_audience: true,
        channel: "sms",
        is_channel_enabled: true,
        phone_number: Some("+12015550123"),
        is_verified: true,
        is_invalid: false,
        is_opted_out: false,
        due_at: 1_000_000_000,
        expires_at: None,
        open_at: Some(1_000_000_000),
    };

    /// A reason, and what brings it about.
    type Obstacle = (&'static str, fn(&mut Facts<'static>));

    /// All that may stand in the way, in the order in which it counts; each alone is a reason.
    fn obstacles() -> Vec<Obstacle> {
        vec![
            ("event_cancelled", |facts| facts.is_cancelled = true),
            ("event_type_inactive", |facts| facts.is_type_active = false),
            ("not_subscribed", |facts| {
                facts.subscription = Subscription::None
            }),
            ("not_admin", |facts| facts.is_in_audience = false),
            ("preference", |facts| facts.is_channel_enabled = false),
            ("no_phone", |facts| facts.phone_number = None),
            ("unverified", |facts| facts.is_verified = false),
            ("opted_out", |facts| facts.is_opted_out = true),
            ("country_not_allowed", |facts| {
                facts.phone_number = facts.phone_number.and(Some("+79991234567"));
            }),
            ("unknown_time_zone", |facts| facts.open_at = Some(NEVER)),
            ("expired", |facts| facts.expires_at = Some(facts.due_at)),
        ]
    }

    fn asked(facts: &Facts<'_>) -> Option<&'static str> {
        refusal(facts, |number| number.starts_with("+1")).map(Refusal::as_str)
    }

    #[test]
    fn the_first_of_all_obstacles_is_the_reason() {
        assert_eq!(asked(&GOING), None);
        let obstacles = obstacles();
        for present in 1_u32..1 << obstacles.len() {
            let mut facts = GOING;
            let mut first = None;
            for (place, (reason, stand)) in obstacles.iter().enumerate() {
                if present & 1 << place != 0 {
                    stand(&mut facts);
                    first = first.or(Some(*reason));
                }
            }
            assert_eq!(asked(&facts), first, "{facts:?}");
        }
    }

    #[test]
    fn a_subscription_may_be_none_ended_or_about_something_else() {
        let with = |subscription| {
            asked(&Facts {
                subscription,
                ..GOING
            })
        };
        assert_eq!(
            with(Subscription::of(false, true, true)),
            Some("not_subscribed")
        );
        assert_eq!(
            with(Subscription::of(true, false, false)),
            Some("unsubscribed")
        );
        assert_eq!(with(Subscription::of(true, true, false)), Some("filter"));
        assert_eq!(with(Subscription::of(true, true, true)), None);
    }

    #[test]
    fn a_number_that_no_carrier_knows_is_no_more_verified() {
        let facts = Facts {
            is_verified: false,
            is_invalid: true,
            ..GOING
        };
        assert_eq!(asked(&facts), Some("invalid_number"));
        assert_eq!(
            asked(&Facts {
                is_invalid: true,
                ..GOING
            }),
            None
        );
    }

    #[test]
    fn a_text_needs_a_second_before_it_expires_and_any_moment_will_do_for_the_application() {
        let at = GOING.due_at;
        let text = |expires_at| {
            asked(&Facts {
                expires_at: Some(expires_at),
                ..GOING
            })
        };
        assert_eq!(text(at + SECOND - 1), Some("expired"));
        assert_eq!(text(at + SECOND), None);
        assert_eq!(text(NEVER), None);
        let shown = |expires_at| {
            asked(&Facts {
                channel: "in_app",
                phone_number: None,
                expires_at: Some(expires_at),
                ..GOING
            })
        };
        assert_eq!(shown(at), Some("expired"));
        assert_eq!(shown(at + 1), None);
    }

    #[test]
    fn what_is_due_never_is_not_held_back_by_an_unknown_zone() {
        let never = Facts {
            due_at: NEVER,
            open_at: Some(NEVER),
            ..GOING
        };
        assert_eq!(asked(&never), None);
        assert_eq!(
            asked(&Facts {
                expires_at: Some(NEVER),
                ..never.clone()
            }),
            None
        );
        assert_eq!(
            asked(&Facts {
                expires_at: Some(0),
                ..never.clone()
            }),
            Some("expired")
        );
        assert_eq!(
            asked(&Facts {
                open_at: None,
                ..never
            }),
            Some("unknown_time_zone")
        );
    }

    proptest! {
        #[test]
        fn nobody_who_should_not_be_texted_is(
            verified: bool, opted_out: bool, enabled: bool, known: bool, channel in "sms|email|push|in_app|fax",
            due_at: i64, open_at: Option<i64>, expires_at: Option<i64>,
        ) {
            let facts = Facts {
                is_verified: verified, is_opted_out: opted_out, is_channel_enabled: enabled, channel: &channel, due_at, open_at,
                expires_at, subscription: Subscription::of(known, true, true), ..GOING
            };
            let reason = asked(&facts);
            if let Some(reason) = reason {
                prop_assert!(reason::sentence(reason).is_some(), "{} is not explained", reason);
            } else {
                prop_assert!(enabled && known);
                prop_assert!(channel == "in_app" || channel == "sms" && verified && !opted_out && open_at.is_some());
            }
        }
    }
}
