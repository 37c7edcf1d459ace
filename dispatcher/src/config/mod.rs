//! The configuration: defaults, TOML file, environment; checked as a whole before anything is opened.

mod keys;
mod parse;
mod problem;
mod secret;
mod sources;
#[cfg(test)]
mod tests;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use herald_core::keywords::Handling;
use reqwest::Url;
use tracing_subscriber::filter::Targets;

pub(crate) use keys::KEYS;
pub(crate) use problem::Problem;
pub(crate) use secret::Secret;
pub(crate) use sources::Sources;
pub(crate) use values::is_loopback;

/// Everything herald needs to know, valid in itself.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// How to reach Postgres.
    pub(crate) database: DatabaseConfig,
    /// How to reach Twilio, and who sends.
    pub(crate) twilio: TwilioConfig,
    /// Address that the HTTP server binds.
    pub(crate) listen: SocketAddr,
    /// Base URL that Twilio calls, without a trailing `/`. `None` only with a Twilio API on this machine (a
    /// simulator): then it is the address that was bound.
    pub(crate) public_url: Option<String>,
    /// Whether texts from people are answered in TwiML; otherwise the answer is empty.
    pub(crate) inbound_answers: bool,
    /// Requests to Twilio at the same time.
    pub(crate) concurrency: usize,
    /// Time for requests on their way when asked to stop.
    pub(crate) shutdown: Duration,
    /// Directory of this daemon alone, kept across restarts.
    pub(crate) state_dir: PathBuf,
    /// Form of the log lines.
    pub(crate) log_format: LogFormat,
    /// Which log lines are written.
    pub(crate) log_level: Targets,
}

/// How to reach Postgres.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseConfig {
    /// The parsed connection string; its `Debug` hides the password.
    pub(crate) connection: tokio_postgres::Config,
    /// PEM file with certificate authorities, instead of the system's.
    pub(crate) ca_file: Option<PathBuf>,
}

/// How to reach Twilio, and who sends.
#[derive(Debug, Clone)]
pub(crate) struct TwilioConfig {
    /// `AC…`.
    pub(crate) account_sid: String,
    /// Tokens that webhooks may be signed with; at least one. The first also authenticates requests if there is no
    /// API key.
    pub(crate) auth_tokens: Vec<Secret>,
    /// API key SID and secret for requests.
    pub(crate) api_key: Option<(String, Secret)>,
    /// Who the texts come from.
    pub(crate) sender: Sender,
    /// Twilio replaces look-alikes of GSM-7 characters (`SmartEncoded`).
    pub(crate) smart_encoded: bool,
    /// What the account does with keywords before a text reaches us.
    pub(crate) keywords: Handling,
    /// Scheme, host and port of the API.
    pub(crate) api_base_url: Url,
    /// The Verify service, `VA…`; without one no number can be verified.
    pub(crate) verify_service_sid: Option<String>,
    /// Scheme, host and port of Verify's API.
    pub(crate) verify_base_url: Url,
    /// Longest time from the start of a request to the end of its answer.
    pub(crate) request_timeout: Duration,
}

/// Who the texts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A number, short code or alphanumeric sender ID (`From`).
    From(String),
    /// A Messaging Service (`MessagingServiceSid`).
    MessagingService(String),
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads and checks the configuration. Returns every problem there is, not only the first.
    pub(crate) fn load(sources: &Sources) -> Result<Self, Vec<Problem>> {
        let (values, problems) = sources.gather();
        let mut reader = parse::Reader::new(values, problems);
        let config = parse::config(&mut reader);
        match (config, reader.into_problems()) {
            (Some(config), problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(problems),
        }
    }
}
