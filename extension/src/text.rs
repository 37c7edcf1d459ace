//! The text of an event: its template filled from the payload.

use herald_core::segments::{self, MAX_BODY_CHARACTERS};
use herald_core::template::{Rendered, Template};
use pgrx::datum::AnyElement;

use crate::json;
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
    /// Characters, as Twilio counts them.
    pub characters: usize,
    /// Its length before it was made to fit its template's limit.
    pub shortened_from: Option<usize>,
}

impl Body {
    /// What is worth a note in `notification_events.problems`, though the text goes.
    pub fn note(&self) -> Option<String> {
        let before = self.shortened_from?;
        Some(format!(
            "text_shortened: {before} characters, now {}",
            self.characters
        ))
    }
}

/// A version of a template, as the tables have it.
pub struct Version {
    /// Text with placeholders, or why it cannot be read.
    pub template: std::result::Result<Template, String>,
    /// Variables that must be there beside those that the text names without default.
    pub required: Vec<String>,
    /// Longest text it is meant to give, in characters; `None` = what Twilio takes.
    pub max_length: Option<i32>,
}

impl Version {
    /// A version with this text.
    pub fn new(template: &str, required: Vec<String>, max_length: Option<i32>) -> Self {
        let template = Template::parse(template);
        Self {
            template: template.map_err(|error| format!("template_unreadable: {error}")),
            required,
            max_length,
        }
    }

    /// The version for event types that have no template.
    pub fn of_message() -> Self {
        Self::new(MESSAGE_TEMPLATE, Vec::new(), None)
    }
}

/// Fills a template; the inner error is the problem, in words for `notification_events.problems`.
pub fn compose(
    version: &Version,
    payload: Option<AnyElement>,
) -> Result<std::result::Result<Body, String>> {
    let (rendered, missing) = match fill(version, payload)? {
        Ok(filled) => filled,
        Err(problem) => return Ok(Err(problem)),
    };
    if !missing.is_empty() {
        return Ok(Err(format!("missing_variables: {}", missing.join(", "))));
    }
    Ok(fitted(&rendered, version.max_length))
}

/// The variables that a payload must have, or why the template cannot be read.
pub fn needs(version: &Version) -> std::result::Result<Vec<String>, String> {
    let template = version.template.as_ref().map_err(String::clone)?;
    let mut names = version.required.clone();
    for name in template.required() {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Fills a template for people who look at it: a variable without value stands as its placeholder. Returns the missing ones.
pub fn preview(
    version: &Version,
    payload: Option<AnyElement>,
) -> Result<std::result::Result<(Body, Vec<String>), String>> {
    Ok(fill(version, payload)?
        .and_then(|(rendered, missing)| Ok((fitted(&rendered, version.max_length)?, missing))))
}

fn fitted(rendered: &Rendered, max_length: Option<i32>) -> std::result::Result<Body, String> {
    let Some(most) = max_length.and_then(|most| usize::try_from(most).ok()) else {
        return checked(rendered.text().to_owned());
    };
    let fitted = rendered
        .fit(most)
        .map_err(|too_long| format!("text_too_long: {too_long}"))?;
    let mut body = checked(fitted.text)?;
    body.shortened_from = fitted.shortened_from;
    Ok(body)
}

/// The template with the payload's values, and the names of those that the payload lacks: their placeholders stand.
fn fill(
    version: &Version,
    payload: Option<AnyElement>,
) -> Result<std::result::Result<(Rendered, Vec<String>), String>> {
    let required = &version.required;
    let template = match &version.template {
        Ok(template) => template,
        Err(problem) => return Ok(Err(problem.clone())),
    };
    let mut names: Vec<&str> = template.variables();
    for name in required {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let values = values(payload, &names);
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
    let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
    let shown = |name: &str| {
        let stands_for_itself = missing.iter().any(|missing| missing == name);
        value_of(name).or_else(|| stands_for_itself.then(|| format!("{{{{{name}}}}}")))
    };
    Ok(match template.render(shown) {
        Ok(rendered) => Ok((rendered, missing)),
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
        characters,
        shortened_from: None,
        text,
    })
}

/// The values of a payload under these names, dotted for nested ones.
pub fn values(payload: Option<AnyElement>, names: &[&str]) -> Vec<Option<String>> {
    let value = |name: &&str| json::named(payload?, name);
    names.iter().map(value).collect()
}
