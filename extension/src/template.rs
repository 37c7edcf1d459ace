//! Templates for those who write them: checked when they are stored, shown before they are used.

use herald_core::template::Template;
use pgrx::datum::AnyElement;
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::{ARRAY, TEMPLATE};
use crate::query::jsonb;
use crate::report::{Result, invalid, not_found, null_argument, unexpected};
use crate::text::{self, Version};

/// What in an array is no variable name.
const NO_NAME: &str = r#"strict $[*] ? (@.type() != "string" || !(@ like_regex "^[A-Za-z0-9_]+([.][A-Za-z0-9_]+)*$"))"#;

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn check_template(template: Option<&str>, required: Option<AnyElement>) -> Result<()> {
    let template = template.ok_or_else(|| null_argument("p_message_template"))?;
    Template::parse(template).map_err(|error| {
        invalid(
            format!("the template cannot be read: {error}"),
            "Write variables as {{name}}, {{path.to.value}} or {{name|default}}.",
        )
    })?;
    if required.is_none() {
        return Ok(());
    }
    let (kind, misfit) = ARRAY
        .catalog_rows(&[jsonb(required), NO_NAME.into()], |row| {
            Ok((row.want::<String>(1, "kind")?, row.get::<i32>(2)?))
        })?
        .into_iter()
        .next()
        .ok_or_else(|| unexpected("kind"))?;
    let problem = match (kind.as_str(), misfit) {
        ("array", None) => return Ok(()),
        ("array", Some(place)) => format!("element {place} of required_vars is no variable name"),
        (other, _) => format!("required_vars is of JSON type {other}"),
    };
    Err(invalid(
        problem,
        "Use an array such as [\"task_name\", \"task.due\"].",
    ))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn preview_template(
    key: Option<&str>,
    variables: Option<AnyElement>,
    locale: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(body, String),
            name!(encoding, String),
            name!(segments, i32),
            name!(characters, i32),
            name!(shortened_from, Option<i32>),
            name!(missing, Vec<String>),
            name!(locale, String),
            name!(version, i32),
        ),
    >,
> {
    let key = key.ok_or_else(|| null_argument("p_template_key"))?;
    let (version, locale, number) = TEMPLATE
        .row(&[key.into(), locale.into()], |row| {
            let template: String = row.want(1, "template")?;
            let version = Version::new(&template, row.want(2, "template")?, row.get(3)?);
            Ok((version, row.want(4, "template")?, row.want(5, "template")?))
        })?
        .ok_or_else(|| {
            not_found(
                format!("there is no active template {key:?} in this language or the default one"),
                "SELECT template_key, locale, version, is_active FROM herald.sms_templates shows them.",
            )
        })?;
    let (body, missing) = text::preview(&version, variables)?.map_err(|problem| {
        invalid(
            format!("template {key:?} gives no text: {problem}"),
            "Insert the mended text as the next version.",
        )
    })?;
    let number_of = |size: usize| i32::try_from(size).unwrap_or(i32::MAX);
    Ok(TableIterator::once((
        body.text,
        body.encoding.to_owned(),
        body.segments.into(),
        number_of(body.characters),
        body.shortened_from.map(number_of),
        missing,
        locale,
        number,
    )))
}
