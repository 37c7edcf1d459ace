//! `herald_set_setting`.

use pgrx::datum::AnyElement;
use pgrx::prelude::*;

use crate::queries::{SET_SETTING, SETTING, SETTING_CONFLICT};
use crate::query::jsonb;
use crate::report::{Result, invalid, null_argument};

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_set_setting(name: Option<&str>, value: Option<AnyElement>) -> Result<()> {
    let name = name.ok_or_else(|| null_argument("name"))?;
    let value = value.ok_or_else(|| null_argument("value"))?;
    let (kind, is_right_kind, is_in_range, minimum, maximum) = SETTING
        .row(&[name.into(), jsonb(Some(value))], |row| {
            Ok((
                row.want::<String>(1, "setting")?,
                row.want::<bool>(2, "setting")?,
                row.want::<bool>(3, "setting")?,
                row.get::<String>(4)?,
                row.get::<String>(5)?,
            ))
        })?
        .ok_or_else(|| {
            invalid(
                format!("there is no setting {name:?}"),
                "SELECT name, value, description FROM herald.settings shows them.",
            )
        })?;
    if !is_right_kind {
        let shape = match kind.as_str() {
            "integer" => "a JSON number, such as 10",
            "text_list" => "a JSON array of strings, such as [\"+1\", \"+44\"]",
            _ => "a JSON string, such as \"en\"",
        };
        return Err(invalid(
            format!("setting {name:?} is of kind {kind}"),
            format!("Pass {shape}."),
        ));
    }
    if !is_in_range {
        return Err(invalid(
            format!("the value is out of range for setting {name:?}"),
            format!(
                "Use a whole number from {} to {}.",
                minimum.unwrap_or_else(|| "-infinity".to_owned()),
                maximum.unwrap_or_else(|| "infinity".to_owned())
            ),
        ));
    }
    if kind == "integer" {
        let conflict = SETTING_CONFLICT.row(&[name.into(), jsonb(Some(value))], |row| {
            Ok((row.get::<String>(1)?, row.want::<String>(2, "hint")?))
        })?;
        if let Some((Some(problem), hint)) = conflict {
            return Err(invalid(problem, hint));
        }
    }
    SET_SETTING.run(&[name.into(), jsonb(Some(value))])
}
