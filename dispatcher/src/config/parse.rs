//! Turns the texts of the settings into their types and checks the rules that bind several of them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::filter::Targets;

use super::keys::by_file_key;
use super::sources::{Found, Values};
use super::values::{
    Refusal, api_base_url, from_address, is_loopback, number, public_url, refuse, sid, tokens,
    verify_beside,
};
use super::{Config, DatabaseConfig, LogFormat, Problem, Secret, Sender, TwilioConfig};

/// Hands out settings one by one and keeps what is wrong with them.
#[derive(Debug)]
pub(super) struct Reader {
    values: Values,
    problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(values: Values, problems: Vec<Problem>) -> Self {
        Self { values, problems }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// The setting if it is there and `read` takes it; `read` returns what is wrong and what to do.
    fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Option<T> {
        let found = self.values.get(name)?;
        match read(found.text.trim()) {
            Ok(value) => Some(value),
            Err((what, fix)) => {
                let shown = shown(name, found);
                let place = found.origin.clone();
                self.problems.push(Problem::new(place, what + &shown, fix));
                None
            }
        }
    }

    /// As [`Self::optional`], but the setting has to be there.
    fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Option<T> {
        if !self.values.contains_key(name) {
            self.missing(name, "is not set");
        }
        self.optional(name, read)
    }

    fn missing(&mut self, name: &str, what: &str) {
        let Some(key) = by_file_key(name) else { return };
        // A value that was refused while gathering is reported there; do not call it missing as well.
        if self.problems.iter().any(|problem| problem.concerns(key)) {
            return;
        }
        let fix = format!("set {} or {name} in the file ({})", key.env, key.help);
        self.problems.push(Problem::new(name, what, fix));
    }

    fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn conflict(&mut self, place: &str, what: &str, fix: &str) {
        self.problems.push(Problem::new(place, what, fix));
    }
}

fn shown(name: &str, found: &Found) -> String {
    let secret = by_file_key(name).is_some_and(|key| key.secret);
    // A URL may carry user and password.
    if secret || found.text.contains('@') {
        String::new()
    } else {
        format!(" (it is {:?})", found.text)
    }
}

/// Reads everything. `None` only if a problem was noted.
pub(super) fn config(reader: &mut Reader) -> Option<Config> {
    let database = database(reader);
    let twilio = twilio(reader);
    let listen = reader.required("http.listen", |text| {
        text.parse::<SocketAddr>().map_err(|_| {
            refuse(
                "is not an address and a port",
                "write it as 127.0.0.1:8080 or [::1]:8080",
            )
        })
    });
    let public_url = reader.optional("http.public_url", public_url);
    if let Some(twilio) = &twilio
        && !reader.has("http.public_url")
        && !is_loopback(&twilio.api_base_url)
    {
        reader.missing(
            "http.public_url",
            "is not set, so Twilio could not report what became of a text",
        );
    }
    let inbound_answers = reader.required("http.inbound_answer", |text| match text {
        "twiml" => Ok(true),
        "empty" => Ok(false),
        _ => Err(refuse("is not an answer", "use twiml or empty")),
    });
    let concurrency = reader.required("dispatch.concurrency", |text| number(text, 1, 1000));
    let shutdown = reader.required("dispatch.shutdown_seconds", |text| number(text, 0, 3600));
    let state_dir = reader.required("dispatch.state_dir", |text| {
        let path = PathBuf::from(text);
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(refuse(
                "is not an absolute path",
                "write it as /var/lib/herald",
            ))
        }
    });
    let log_format = reader.required("log.format", |text| match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(refuse("is not a log format", "use text or json")),
    });
    let log_level = reader.required("log.level", |text| {
        text.parse::<Targets>().map_err(|_| {
            refuse(
                "is not a log level",
                "use error, warn, info, debug, trace or info,herald::send=debug",
            )
        })
    });

    Some(Config {
        database: database?,
        twilio: twilio?,
        listen: listen?,
        public_url,
        inbound_answers: inbound_answers?,
        concurrency: usize::try_from(concurrency?).ok()?,
        shutdown: Duration::from_secs(shutdown?),
        state_dir: state_dir?,
        log_format: log_format?,
        log_level: log_level?,
    })
}

fn database(reader: &mut Reader) -> Option<DatabaseConfig> {
    let connection = reader.required("database.url", |text| {
        let config: tokio_postgres::Config = text.parse().map_err(|error| {
            let mut fix = "write it as postgres://user:password@host:5432/database?sslmode=require"
                .to_owned();
            if text.contains("sslmode=verify") {
                fix = "use sslmode=require: herald always checks certificate and host name"
                    .to_owned();
            }
            (
                format!("is no connection string: {}", crate::error::chain(&error)),
                fix,
            )
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(refuse(
                "names no host",
                "add host=/run/postgresql or a host name",
            ));
        }
        Ok(config)
    });
    let ca_file = reader.optional("database.ca_file", |text| Ok(PathBuf::from(text)));
    Some(DatabaseConfig {
        connection: connection?,
        ca_file,
    })
}

fn twilio(reader: &mut Reader) -> Option<TwilioConfig> {
    let account_sid = reader.required("twilio.account_sid", |text| sid("AC", text));
    let mut auth_tokens = reader.required("twilio.auth_token", tokens);
    if let Some(more) = reader.optional("twilio.auth_token_secondary", tokens)
        && let Some(tokens) = &mut auth_tokens
    {
        tokens.extend(more);
    }

    let key_sid = reader.optional("twilio.api_key", |text| sid("SK", text));
    let key_secret = reader.optional("twilio.api_secret", |text| Ok(Secret::new(text)));
    if reader.has("twilio.api_key") && !reader.has("twilio.api_secret") {
        reader.missing(
            "twilio.api_secret",
            "is not set although there is an API key",
        );
    }
    if reader.has("twilio.api_secret") && !reader.has("twilio.api_key") {
        reader.missing(
            "twilio.api_key",
            "is not set although there is an API secret",
        );
    }

    let service = reader.optional("twilio.messaging_service_sid", |text| sid("MG", text));
    let from = reader.optional("twilio.from", from_address);
    match (
        reader.has("twilio.messaging_service_sid"),
        reader.has("twilio.from"),
    ) {
        (true, true) => reader.conflict(
            "twilio.from",
            "is set together with twilio.messaging_service_sid",
            "keep one of them: a service picks the number itself",
        ),
        (false, false) => reader.missing(
            "twilio.messaging_service_sid",
            "is not set, and twilio.from (TWILIO_FROM) is not either: nobody to send from",
        ),
        _ => {}
    }

    let verify_base_url = reader.optional("twilio.verify_base_url", api_base_url);
    let smart_encoded = reader.required("twilio.smart_encoded", |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(refuse("is neither true nor false", "use true or false")),
    });
    let keywords = reader.required("twilio.keywords", |text| {
        text.parse()
            .map_err(|_| refuse("is not a keyword handling", "use default, advanced or off"))
    });
    let api_base_url = reader.required("twilio.api_base_url", api_base_url);
    let verify_service_sid = reader.optional("twilio.verify_service_sid", |text| sid("VA", text));
    let timeout = reader.required("dispatch.request_timeout_seconds", |text| {
        number(text, 1, 50)
    });
    Some(TwilioConfig {
        account_sid: account_sid?,
        auth_tokens: auth_tokens?,
        api_key: key_sid.zip(key_secret),
        sender: service
            .map(Sender::MessagingService)
            .or(from.map(Sender::From))?,
        verify_service_sid,
        verify_base_url: verify_base_url.or_else(|| api_base_url.as_ref().map(verify_beside))?,
        smart_encoded: smart_encoded?,
        keywords: keywords?,
        api_base_url: api_base_url?,
        request_timeout: Duration::from_secs(timeout?),
    })
}
