//! The tables: made and brought up to date by `herald_install()`, found by everything else.

use std::cell::Cell;

use herald_core::catalogue;
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::report::{Result, internal, report, unexpected, wrong_state};

/// A numbered step of the tables' history; the number is its place in the list, from 1.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration { name: $name, sql: include_str!(concat!("../../sql/schema/", $name, ".sql")) }),*]
    };
}

const MIGRATIONS: &[Migration] = migrations![
    "0001_registry",
    "0002_people",
    "0003_events",
    "0004_messages",
    "0005_queue",
    "0006_seeds",
    "0007_twilio",
    "0008_consent",
    "0009_people",
    "0010_gate",
    "0011_content",
    "0012_protocol",
    "0013_speed",
    "0014_storage",
    "0015_deliveries",
    "0016_values",
];

/// Serialises installations. "install" in ASCII.
const LOCK: &str = "select pg_advisory_xact_lock(29676314707455084)";

const HINT: &str = "Run SELECT herald_install(); as the owner of the extension.";

thread_local! {
    /// Whether this backend has seen that the tables are there in this library's version.
    static READY: Cell<bool> = const { Cell::new(false) };
}

fn current_version() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

fn schema_exists() -> bool {
    // SAFETY: a catalogue lookup by a constant C string; with missing_ok it does not raise.
    unsafe { pg_sys::get_namespace_oid(c"herald".as_ptr(), true) != pg_sys::InvalidOid }
}

/// 55000 with a HINT unless the tables are there in this version.
pub fn require_schema() -> Result<()> {
    if !schema_exists() {
        READY.set(false);
        return Err(wrong_state(
            "pg_herald has no tables in this database: there is no schema herald",
            HINT,
        ));
    }
    if READY.get() {
        return Ok(());
    }
    let version = Spi::connect(schema_version)?;
    if version < current_version() {
        return Err(wrong_state(
            format!(
                "schema herald has version {version}, this library needs {}",
                current_version()
            ),
            HINT,
        ));
    }
    READY.set(true);
    Ok(())
}

/// The schema's version, 0 if there are no tables yet.
fn schema_version(client: &SpiClient<'_>) -> Result<i32> {
    let exists = client
        .select(
            "select to_regclass('herald.schema_version') is not null",
            None,
            &[],
        )
        .map_err(internal)?
        .first()
        .get_one::<bool>()
        .map_err(internal)?;
    if exists != Some(true) {
        return Ok(0);
    }
    let version = client
        .select(
            "select coalesce(max(version), 0) from herald.schema_version",
            None,
            &[],
        )
        .map_err(internal)?
        .first()
        .get_one::<i32>()
        .map_err(internal)?;
    version.ok_or_else(|| unexpected("schema version"))
}

/// The quoted name of the schema the extension's functions are in.
pub fn extension_schema(client: &SpiClient<'_>) -> Result<String> {
    let name = client
        .select(
            "select quote_ident(n.nspname) from pg_catalog.pg_extension e \
             join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_herald'",
            None,
            &[],
        )
        .map_err(internal)?
        .first()
        .get_one::<String>()
        .map_err(internal)?;
    name.ok_or_else(|| unexpected("row of pg_extension for pg_herald"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_install() -> Result<i32> {
    READY.set(false);
    Spi::connect_mut(|client| {
        client.update(LOCK, None, &[]).map_err(internal)?;
        own_schema(client)?;
        let installed = schema_version(client)?;
        if installed > current_version() {
            return Err(wrong_state(
                format!(
                    "schema herald has version {installed}, this library knows {}",
                    current_version()
                ),
                "Install the newer pg_herald packages; a newer schema is never taken back.",
            ));
        }
        for (number, migration) in (1..).zip(MIGRATIONS) {
            if number <= installed {
                continue;
            }
            client.update(migration.sql, None, &[]).map_err(internal)?;
            client
                .update(
                    "insert into herald.schema_version (version, name, extension_version) values ($1, $2, $3)",
                    None,
                    &[number.into(), migration.name.into(), env!("CARGO_PKG_VERSION").into()],
                )
                .map_err(internal)?;
        }
        load_error_codes(client)?;
        attach(client)?;
        Ok(current_version())
    })
}

/// Ties the tables to this extension, unless they are: it takes locks that would wait for every emit.
fn attach(client: &mut SpiClient<'_>) -> Result<()> {
    for (attached, attachment) in [
        (
            "select exists (select from pg_catalog.pg_trigger \
             where tgrelid = 'herald.queue_jobs'::pg_catalog.regclass and tgname = 'queue_jobs_wake')",
            include_str!("../../sql/attach.sql"),
        ),
        (
            "select exists (select from pg_catalog.pg_trigger \
             where tgrelid = 'herald.settings'::pg_catalog.regclass and tgname = 'registry_changed')",
            include_str!("../../sql/attach_registry.sql"),
        ),
    ] {
        let attached = client
            .select(attached, None, &[])
            .map_err(internal)?
            .first()
            .get_one::<bool>()
            .map_err(internal)?;
        if attached != Some(true) {
            let sql = attachment.replace("{ext}", &extension_schema(client)?);
            client.update(sql.as_str(), None, &[]).map_err(internal)?;
        }
    }
    Ok(())
}

/// Makes schema herald, or refuses one that somebody else made: its owner could slip in code that runs as us.
fn own_schema(client: &mut SpiClient<'_>) -> Result<()> {
    if !schema_exists() {
        client
            .update(
                "create schema herald; \
                 comment on schema herald is 'Tables of pg_herald: ordinary tables, made by herald_install().'",
                None,
                &[],
            )
            .map_err(internal)?;
        return Ok(());
    }
    let owner = client
        .select(
            "select nspowner::pg_catalog.regrole::text, nspowner = quote_ident(current_user)::pg_catalog.regrole \
             from pg_catalog.pg_namespace where nspname = 'herald'",
            None,
            &[],
        )
        .map_err(internal)?
        .first()
        .get_two::<String, bool>()
        .map_err(internal)?;
    match owner {
        (_, Some(true)) => Ok(()),
        (owner, _) => Err(report(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!(
                "schema herald belongs to role {}, not to the caller",
                owner.unwrap_or_default()
            ),
            "Call herald_install() as that role if you trust it, or drop or rename its schema.",
        )),
    }
}

/// Fills the error catalogue from the library; rows that the owner has edited stay as they are.
fn load_error_codes(client: &mut SpiClient<'_>) -> Result<()> {
    let codes: Vec<&catalogue::ErrorCode> = catalogue::defaults()
        .iter()
        .chain(catalogue::all())
        .collect();
    let text = |read: fn(&catalogue::ErrorCode) -> &str| {
        codes.iter().map(|&code| read(code)).collect::<Vec<_>>()
    };
    let number = |read: fn(&catalogue::ErrorCode) -> i32| {
        codes.iter().map(|&code| read(code)).collect::<Vec<_>>()
    };
    client
        .update(
            include_str!("../../sql/queries/unload_error_codes.sql"),
            None,
            &[number(|c| c.code).into()],
        )
        .map_err(internal)?;
    client
        .update(
            include_str!("../../sql/queries/load_error_codes.sql"),
            None,
            &[
                number(|c| c.code).into(),
                text(|c| c.surface).into(),
                text(|c| c.meaning).into(),
                text(|c| c.category).into(),
                text(|c| c.permanence.as_str()).into(),
                text(|c| c.retry.as_str()).into(),
                number(|c| c.base_delay_seconds).into(),
                number(|c| c.max_delay_seconds).into(),
                codes
                    .iter()
                    .map(|c| c.max_attempts)
                    .collect::<Vec<_>>()
                    .into(),
                codes
                    .iter()
                    .map(|c| c.counts_attempt)
                    .collect::<Vec<_>>()
                    .into(),
                text(|c| c.scope.as_str()).into(),
                text(|c| c.severity.as_str()).into(),
                text(|c| c.action.as_str()).into(),
                text(|c| c.advice).into(),
            ],
        )
        .map(drop)
        .map_err(internal)
}
