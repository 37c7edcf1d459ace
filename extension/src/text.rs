//! The text of an event: its template filled from the payload.

use herald_core::segments::{self, MAX_BODY_CHARACTERS};
use herald_core::template::Template;
use pgrx::datum::AnyElement;

use crate::queries::PAYLOAD_VALUES;
use crate::query::jsonb;
use crate::report::Result;

/// The template of event types that have none: the payload's own message.
pub const MESSAGE_TEMPLATE: &str = "{{message}}";

/// A text ready to be sent.
pub struct Body {
    /// The text.
    pub text: String,
    /// `GSM-7` or `UCS-2`.
    pub encoding: &'static str,
    /// Segments it takes.
    pub segments: i16,
}

/// Fills a template; the inner error is the problem, in words for `notification_events.problems`.
pub fn compose(
    template: &str,
    required: &[String],
    payload: Option<AnyElement>,
) -> Result<std::result::Result<Body, String>> {
    let template = match Template::parse(template) {
        Ok(template) => template,
        Err(error) => return Ok(Err(format!("template_unreadable: {error}"))),
    };
    let mut names: Vec<&str> = template.variables();
    for name in required {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let values = values(payload, &names)?;
    let value_of = |name: &str| {
        let position = names.iter().position(|known| *known == name)?;
        values.get(position).cloned().flatten()
    };
    let mut missing: Vec<&str> = required
        .iter()
        .map(String::as_str)
        .filter(|name| value_of(name).is_none())
        .collect();
    for name in template.required() {
        if value_of(name).is_none() && !missing.contains(&name) {
            missing.push(name);
        }
    }
    if !missing.is_empty() {
        return Ok(Err(format!("missing_variables: {}", missing.join(", "))));
    }
    Ok(match template.render(value_of) {
        Ok(text) => checked(text),
        Err(missing) => Err(format!("missing_variables: {}", missing.0.join(", "))),
    })
}

/// A text as it is, if it may be sent; otherwise the problem.
pub fn checked(text: String) -> std::result::Result<Body, String> {
    let characters = segments::body_characters(&text);
    if text.trim().is_empty() {
        return Err("empty_text".to_owned());
    }
    if characters > MAX_BODY_CHARACTERS {
        return Err(format!(
            "text_too_long: {characters} characters, at most {MAX_BODY_CHARACTERS}"
        ));
    }
    let counted = segments::count(&text);
    Ok(Body {
        encoding: counted.encoding.as_str(),
        segments: i16::try_from(counted.segments).unwrap_or(i16::MAX),
        text,
    })
}

fn values(payload: Option<AnyElement>, names: &[&str]) -> Result<Vec<Option<String>>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let row = PAYLOAD_VALUES.row(&[jsonb(payload), names.to_vec().into()], |row| {
        row.want::<Vec<Option<String>>>(1, "payload values")
    })?;
    Ok(row.unwrap_or_default())
}
