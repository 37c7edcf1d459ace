//! `herald check`: tries everything the daemon will need and says, line by line, what to do where it fails.

mod report;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::time::timeout;
use uuid::Uuid;

use crate::armed;
use crate::check::report::Report;
use crate::claim::unusable;
use crate::cli::CheckArgs;
use crate::config::{Config, Problem, Sources, is_loopback};
use crate::database::{Database, DatabaseError};
use crate::error::chain;
use crate::exit::Exit;
use crate::link::Link;
use crate::output::print;
use crate::protocol::arming::Verdict;
use crate::store;
use crate::twilio::{Twilio, TwilioError};
use crate::verify::VerifyClient;
use crate::wake::Wake;

/// Twilio gives up on its own side after 26 to 30 s; an answer may come until then.
const TWILIO_GIVES_UP: Duration = Duration::from_secs(30);
/// How long a NOTIFY may take to come back.
const ECHO: Duration = Duration::from_secs(1);
/// A clock that differs by more is worth a warning.
const CLOCK_TOLERANCE_SECONDS: f64 = 2.0;

/// Checks and prints. 78 if the configuration is wrong, 1 if anything else failed.
pub(crate) async fn check(sources: &Sources, args: &CheckArgs) -> Exit {
    let mut report = Report::default();
    let config = match Config::load(sources) {
        Ok(config) => config,
        Err(problems) => {
            for problem in &problems {
                report.broken("configuration", problem.to_string());
            }
            print(&report.text(args.json));
            return Exit::Config;
        }
    };
    report.ok("configuration", "complete");
    check_public_url(&config, &mut report);
    check_timeout(&config, &mut report);
    let database = match Database::new(&config.database) {
        Ok(database) => Arc::new(database),
        Err(problem) => return refuse(&problem, &mut report, args),
    };
    check_encryption(&database, &config, &mut report);
    if !args.offline {
        check_database(&database, &config, &mut report).await;
        check_twilio(&config, &mut report).await;
        check_verify(&config, &mut report).await;
    }
    print(&report.text(args.json));
    report.exit()
}

fn refuse(problem: &Problem, report: &mut Report, args: &CheckArgs) -> Exit {
    report.broken("database", problem.to_string());
    print(&report.text(args.json));
    Exit::Config
}

fn check_public_url(config: &Config, report: &mut Report) {
    let Some(url) = &config.public_url else {
        return report.ok(
            "public url",
            "the address that is bound: Twilio's API is on this machine",
        );
    };
    let local = reqwest::Url::parse(url).is_ok_and(|url| is_loopback(&url));
    if local && !is_loopback(&config.twilio.api_base_url) {
        return report.warn(
            "public url",
            format!("{url} is on this machine: Twilio cannot reach it"),
            "set HERALD_PUBLIC_URL to the address of your reverse proxy",
        );
    }
    report.ok(
        "public url",
        format!(
            "{url}/twilio/status gets the status callbacks; enter {url}/twilio/inbound at Twilio for incoming messages"
        ),
    );
}

fn check_timeout(config: &Config, report: &mut Report) {
    let timeout = config.twilio.request_timeout;
    if timeout < TWILIO_GIVES_UP && !is_loopback(&config.twilio.api_base_url) {
        report.warn(
            "time-out",
            format!(
                "requests are given up after {} s, while Twilio may still take them",
                timeout.as_secs()
            ),
            "set HERALD_REQUEST_TIMEOUT_SECONDS to 35, or more texts than needed become unknown",
        );
    }
}

fn check_encryption(database: &Database, config: &Config, report: &mut Report) {
    use tokio_postgres::config::Host;
    let remote = config
        .database
        .connection
        .get_hosts()
        .iter()
        .any(|host| match host {
            Host::Tcp(name) => {
                name != "localhost"
                    && !name
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|ip| ip.is_loopback())
            }
            Host::Unix(_) => false,
        });
    if remote && !database.is_encrypted() {
        report.warn(
            "encryption",
            "phone numbers and texts go to Postgres unencrypted",
            "add sslmode=require to DATABASE_URL",
        );
    }
}

async fn check_database(database: &Arc<Database>, config: &Config, report: &mut Report) {
    let mut link = Link::new(database.clone(), Counter::default());
    if let Err(error) = link.open().await {
        let fix = match error {
            DatabaseError::NoExtension { .. } => "run it as a superuser or the database's owner",
            _ => "check DATABASE_URL, pg_hba.conf and that Postgres runs",
        };
        return report.fail("database", chain(&error), fix);
    }
    report.ok("database", format!("connected to {}", database.place()));

    let user = config.database.connection.get_user().unwrap_or("herald");
    match store::privileges(&mut link).await {
        Ok(functions) => check_privileges(&functions, user, report),
        Err(error) => report.fail("privileges", chain(&error), "see the server's log"),
    }
    check_hello(&mut link, config, report).await;
    check_arming(&mut link, config, report).await;
    check_listen(database, &mut link, report).await;
}

fn check_privileges(functions: &[(String, bool, bool)], user: &str, report: &mut Report) {
    let names = |wanted: (bool, bool)| {
        let chosen = functions
            .iter()
            .filter(|(_, exists, allowed)| (*exists, *allowed) == wanted);
        chosen
            .map(|(name, ..)| name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (missing, refused) = (names((false, false)), names((true, false)));
    if !missing.is_empty() {
        report.fail(
            "functions",
            format!("not there: {missing}"),
            "run ALTER EXTENSION pg_herald UPDATE;",
        );
    }
    if !refused.is_empty() {
        report.fail(
            "privileges",
            format!("{user} may not call {refused}"),
            format!("run SELECT herald_grant('dispatcher', '{user}'); as the owner"),
        );
    }
    if missing.is_empty() && refused.is_empty() {
        report.ok(
            "privileges",
            format!("{user} may call all {} functions", functions.len()),
        );
    }
}

async fn check_hello(link: &mut Link, config: &Config, report: &mut Report) {
    let hello = match store::hello(link, Uuid::now_v7()).await {
        Ok(hello) => hello,
        Err(error) => {
            return report.fail(
                "schema",
                chain(&error),
                "run SELECT herald_install(); as the owner",
            );
        }
    };
    if hello.in_recovery {
        report.fail(
            "schema",
            "the server is a standby",
            "name all servers in DATABASE_URL and add target_session_attrs=read-write",
        );
    }
    match unusable(&hello, config.twilio.request_timeout) {
        Some(problem) => report.broken("schema", problem),
        None => report.ok(
            "schema",
            format!(
                "version {}, pg_herald {}",
                hello.schema_version, hello.extension_version
            ),
        ),
    }
    let offset = hello.clock_offset_seconds;
    if offset.abs() > CLOCK_TOLERANCE_SECONDS {
        report.warn(
            "clock",
            format!("Postgres' clock is {offset:+.1} s from this one"),
            "check NTP on both machines",
        );
    }
}

/// Whether the daemon would send from this database. Changes nothing.
async fn check_arming(link: &mut Link, config: &Config, report: &mut Report) {
    match armed::verdict(link, &config.state_dir).await {
        Ok(Verdict::Armed(_)) => report.ok("arming", "sending is armed for this database"),
        Ok(Verdict::First) => report.ok(
            "arming",
            "new installation: the first daemon arms it for this database",
        ),
        Ok(Verdict::Refused(reasons)) => report.fail(
            "arming",
            format!("nothing is sent: {}", reasons.join("; ")),
            "run herald arm, which says what to do",
        ),
        Err(error) => report.broken("arming", chain(&error)),
    }
}

/// Sends a NOTIFY from one session and waits for it on another: a pooler in transaction mode swallows it.
async fn check_listen(database: &Arc<Database>, link: &mut Link, report: &mut Report) {
    if database.is_pooled() {
        return report.warn(
            "wake-up",
            "a pooler in transaction mode is in the path, so work is found by polling (up to 1 s later)",
            "name Postgres itself in DATABASE_URL, not the pooler",
        );
    }
    let wake = Arc::new(Wake::default());
    let echo = async {
        let session = database.connect(Some(wake.clone()), false).await?;
        let failed = |source| DatabaseError::Call {
            call: "LISTEN",
            source,
        };
        session
            .client
            .batch_execute(store::LISTEN)
            .await
            .map_err(failed)?;
        link.query("NOTIFY", store::NOTIFY, &[]).await?;
        Ok::<_, DatabaseError>(timeout(ECHO, wake.sending.notified()).await.is_ok())
    };
    match echo.await {
        Ok(true) => report.ok("wake-up", "NOTIFY arrives"),
        Ok(false) => report.warn(
            "wake-up",
            "NOTIFY does not arrive, so work is found by polling (up to 1 s later)",
            "connect to Postgres directly, not through a pooler in transaction mode",
        ),
        Err(error) => report.warn(
            "wake-up",
            chain(&error),
            "work is found by polling meanwhile",
        ),
    }
}

async fn check_twilio(config: &Config, report: &mut Report) {
    let account = match Twilio::new(&config.twilio) {
        Ok(twilio) => twilio.account_status().await,
        Err(error) => Err(error),
    };
    match account {
        Ok(status) if status == "active" => report.ok(
            "twilio",
            format!("account {} is active", config.twilio.account_sid),
        ),
        Ok(status) => report.fail(
            "twilio",
            format!("account {} is {status}", config.twilio.account_sid),
            "open the Twilio console to see why",
        ),
        Err(error) => {
            let fix = match error {
                TwilioError::Refused {
                    status: 401 | 403, ..
                } => "check TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN or the API key",
                TwilioError::Refused { status: 404, .. } => {
                    "check TWILIO_ACCOUNT_SID: the credentials belong to another account"
                }
                _ => "check the network, TWILIO_API_BASE_URL and status.twilio.com",
            };
            report.fail("twilio", chain(&error), fix);
        }
    }
}

async fn check_verify(config: &Config, report: &mut Report) {
    let client = match Twilio::new(&config.twilio) {
        Ok(twilio) => VerifyClient::new(&config.twilio, &twilio),
        Err(error) => return report.fail("verify", chain(&error), "see the line about twilio"),
    };
    let Some(client) = client else {
        return report.ok(
            "verify",
            "no service: phone numbers cannot be verified (TWILIO_VERIFY_SERVICE_SID)",
        );
    };
    match client.service_name().await {
        Ok(name) => report.ok("verify", format!("service {name:?} proves phone numbers")),
        Err(error) => {
            let fix = match error {
                TwilioError::Refused {
                    status: 401 | 403, ..
                } => "check TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN or the API key",
                TwilioError::Refused { status: 404, .. } => {
                    "check TWILIO_VERIFY_SERVICE_SID: the account has no such service"
                }
                _ => "check the network, TWILIO_VERIFY_BASE_URL and status.twilio.com",
            };
            report.fail("verify", chain(&error), fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_functions_and_missing_privileges_are_told_apart() {
        let mut report = Report::default();
        let functions = [
            ("a()".to_owned(), false, false),
            ("b()".to_owned(), true, false),
            ("c()".to_owned(), true, true),
        ];
        check_privileges(&functions, "herald", &mut report);
        assert_eq!(
            report.text(false),
            "fail  functions      not there: a(); run ALTER EXTENSION pg_herald UPDATE;\n\
             fail  privileges     herald may not call b(); run SELECT herald_grant('dispatcher', 'herald'); as the owner\n"
        );
    }
}
