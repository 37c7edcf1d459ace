//! What people text us: stored once, understood, and acted upon in the same transaction.

use std::borrow::Cow;

use herald_core::keywords;
use herald_core::twilio_keywords::Keyword;
use pgrx::datum::{AnyElement, FromDatum, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use crate::dispatch::{Element, require_array};
use crate::opt_out;
use crate::queries::{
    CONSENT, INBOUND_DONE, INBOUND_REPEAT, INBOUND_STORE, OPT_IN_NUMBER, OPT_IN_PEOPLE,
    OPT_OUT_GUARD, UNBLOCK_NUMBER,
};
use crate::query::{jsonb, jsonb_of};
use crate::report::{Result, invalid, null_argument, unexpected};

const INBOUND: Element = Element {
    misfit: Cow::Borrowed(
        "$[*] ? (!(@.message_sid.type() == \"string\") || !(@.from.type() == \"string\") || !(@.to.type() == \"string\"))",
    ),
    rule: Cow::Borrowed("Each text is an object with message_sid, from and to."),
};

/// Where the ledger says that something came from.
const SOURCE: &str = "inbound";

/// One text, as the daemon hands it over.
#[derive(Deserialize)]
struct Text {
    message_sid: String,
    from: String,
    to: String,
    #[serde(default)]
    body: String,
    messaging_service_sid: Option<String>,
    opt_out_type: Option<String>,
    done_by_twilio: Option<String>,
    #[serde(default)]
    may_reply: bool,
    #[serde(default)]
    params: Value,
}

/// What was done about one text.
#[derive(Default)]
struct Done {
    result: String,
    keyword: Option<String>,
    cancelled: i32,
    in_flight: i32,
    reply: Option<String>,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn record_twilio_inbound(
    messages: Option<AnyElement>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(ordinal, i32),
            name!(result, String),
            name!(keyword, Option<String>),
            name!(cancelled, i32),
            name!(in_flight, i32),
            name!(reply, Option<String>),
        ),
    >,
> {
    let messages = messages.ok_or_else(|| null_argument("p_messages"))?;
    require_array(messages, "p_messages", &INBOUND)?;
    let mut rows = Vec::new();
    let texts = texts(messages)?;
    // Before any row is locked; held until the commit, so that texts of one call keep their order among opt-outs.
    if texts.iter().any(|text| meaning(text).is_some()) {
        OPT_OUT_GUARD.run(&[])?;
    }
    for (ordinal, text) in (1..).zip(&texts) {
        let done = record(text)?;
        rows.push((
            ordinal,
            done.result,
            done.keyword,
            done.cancelled,
            done.in_flight,
            done.reply,
        ));
    }
    Ok(TableIterator::new(rows))
}

fn texts(messages: AnyElement) -> Result<Vec<Text>> {
    // SAFETY: the SQL declaration says jsonb.
    let value = unsafe { pgrx::JsonB::from_datum(messages.datum(), false) };
    let value = value.ok_or_else(|| unexpected("value of p_messages"))?;
    serde_json::from_value(value.0).map_err(|error| {
        invalid(
            format!("p_messages cannot be read: {error}"),
            INBOUND.rule.as_ref(),
        )
    })
}

fn meaning(text: &Text) -> Option<Keyword> {
    keywords::meaning_of(&text.body, text.opt_out_type.as_deref())
}

fn record(text: &Text) -> Result<Done> {
    let keyword = meaning(text);
    let params = match &text.params {
        Value::Null => Value::Object(serde_json::Map::new()),
        given => given.clone(),
    };
    let stored = INBOUND_STORE.row(
        &[
            text.message_sid.as_str().into(),
            text.messaging_service_sid.as_deref().into(),
            text.from.as_str().into(),
            text.to.as_str().into(),
            text.body.as_str().into(),
            keyword.map(Keyword::as_str).into(),
            text.opt_out_type.as_deref().into(),
            jsonb(jsonb_of(params)),
            (keyword.is_none() && keywords::mentions_stop(&text.body)).into(),
        ],
        |row| Ok((row.want::<Uuid>(1, "text")?, row.get::<Uuid>(2)?)),
    )?;
    let Some((id, user)) = stored else {
        return repeated(text);
    };
    let mut done = act(text, keyword, user)?;
    done.keyword = keyword.map(|keyword| keyword.as_str().to_owned());
    done.reply = INBOUND_DONE
        .row(
            &[
                id.into(),
                done.result.as_str().into(),
                done.cancelled.into(),
                done.in_flight.into(),
                answer(text, keyword).into(),
            ],
            |row| row.get(1),
        )?
        .flatten();
    Ok(done)
}

/// Twilio reports a text once more because it had no answer: it gets the same one.
fn repeated(text: &Text) -> Result<Done> {
    INBOUND_REPEAT
        .row(&[text.message_sid.as_str().into()], |row| {
            Ok(Done {
                result: "duplicate".to_owned(),
                keyword: row.get(1)?,
                cancelled: row.want(3, "count")?,
                in_flight: row.want(4, "count")?,
                reply: row.get(5)?,
            })
        })?
        .ok_or_else(|| unexpected("text that is there already"))
}

/// The setting with the answer to this text. `None`: Twilio has answered, or there is nothing to say.
fn answer(text: &Text, keyword: Option<Keyword>) -> Option<&'static str> {
    if !text.may_reply || text.done_by_twilio.is_some() {
        return None;
    }
    keyword.map(|keyword| match keyword {
        Keyword::Stop => "inbound_stop_reply",
        Keyword::Start => "inbound_start_reply",
        Keyword::Help => "inbound_help_reply",
    })
}

fn act(text: &Text, keyword: Option<Keyword>, user: Option<Uuid>) -> Result<Done> {
    let did = |word: Keyword| text.done_by_twilio.as_deref() == Some(word.as_str());
    let consent = |kind: &str| {
        CONSENT.run(&[
            user.into(),
            text.from.as_str().into(),
            kind.into(),
            SOURCE.into(),
            text.body.as_str().into(),
            text.message_sid.as_str().into(),
        ])
    };
    let done = |result: &str| Done {
        result: result.to_owned(),
        ..Done::default()
    };
    match keyword {
        None => Ok(done("stored")),
        Some(Keyword::Help) => {
            consent("help")?;
            Ok(done("help"))
        }
        Some(Keyword::Stop) => {
            consent("opt_out")?;
            let sender = text.messaging_service_sid.as_deref().unwrap_or(&text.to);
            let blocked = did(Keyword::Stop).then_some(sender);
            let stopped = opt_out::number(&text.from, "inbound_stop", blocked)?;
            Ok(Done {
                cancelled: stopped.cancelled,
                in_flight: stopped.in_flight,
                ..done("opted_out")
            })
        }
        Some(Keyword::Start) => {
            consent("opt_in")?;
            let number = text.from.as_str();
            if did(Keyword::Start) {
                UNBLOCK_NUMBER.run(&[number.into()])?;
            }
            let (is_lifted, was_opted_out) = OPT_IN_NUMBER
                .row(&[number.into()], |row| {
                    Ok((
                        row.want::<bool>(1, "opt-out")?,
                        row.want::<bool>(2, "opt-out")?,
                    ))
                })?
                .ok_or_else(|| unexpected("opt-out"))?;
            if is_lifted {
                OPT_IN_PEOPLE.run(&[number.into()])?;
            }
            Ok(done(match (is_lifted, was_opted_out) {
                (true, _) => "opted_in",
                (false, true) if did(Keyword::Start) => "unblocked",
                _ => "start",
            }))
        }
    }
}
