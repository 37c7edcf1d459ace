//! `herald_grant`: roles get what they need, and `herald_admin`, the mark of an administrator.

use pgrx::pg_sys::Oid;
use pgrx::prelude::*;

use crate::install::{extension_schema, require_schema};
use crate::report::{Result, internal, invalid, null_argument, unexpected};

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_grant(what: Option<&str>, grantee: Option<Oid>) -> Result<()> {
    let what = what.ok_or_else(|| null_argument("what"))?;
    let grantee = grantee.ok_or_else(|| null_argument("grantee"))?;
    let grants = match what {
        "app" => include_str!("../../sql/grants/app.sql"),
        "dispatcher" => include_str!("../../sql/grants/dispatcher.sql"),
        "admin" => include_str!("../../sql/grants/admin.sql"),
        "auditor" => include_str!("../../sql/grants/auditor.sql"),
        other => {
            return Err(invalid(
                format!("there is nothing called {other:?} to grant"),
                "Use app, dispatcher, admin or auditor.",
            ));
        }
    };
    require_schema()?;
    Spi::connect_mut(|client| {
        let role = client
            .select("select $1::regrole::text", None, &[grantee.into()])
            .map_err(internal)?
            .first()
            .get_one::<String>()
            .map_err(internal)?
            .ok_or_else(|| unexpected("role"))?;
        let sql = grants
            .replace("{ext}", &extension_schema(client)?)
            .replace("{role}", &role);
        client
            .update(sql.as_str(), None, &[])
            .map(drop)
            .map_err(internal)
    })
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_admin() -> bool {
    true
}
