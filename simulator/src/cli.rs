//! The command line: address, credentials, senders and the default pace of callbacks.

use std::net::SocketAddr;

use crate::callback_target::CallbackTarget;
use crate::faults::chances::Odds;
use crate::identifiers::{is_sender, is_sid};
use crate::queues::QueueRates;
use crate::rules::{Rule, Rules};
use crate::settings::Settings;
use crate::verify::is_code;

const HELP: &str = include_str!("help.txt");

/// Answers like Twilio's Messages and Verify APIs, without sending anything to anybody.
#[derive(Debug, clap::Parser)]
#[command(name = "twilio-simulator", version, after_help = "The endpoints and an example: --help", after_long_help = HELP)]
pub(crate) struct Options {
    /// Address and port to listen on; port 0 takes a free one (see the first line on stdout)
    #[arg(
        long,
        env = "SIMULATOR_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:4010"
    )]
    pub(crate) listen: SocketAddr,

    /// The one account that exists here
    #[arg(long, env = "TWILIO_ACCOUNT_SID", value_name = "AC…", value_parser = account_sid)]
    pub(crate) account_sid: String,

    /// The account's auth token: for HTTP Basic, and the key that signs every callback
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN",
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) auth_token: String,

    /// API key that is accepted besides the auth token
    #[arg(long, env = "TWILIO_API_KEY", value_name = "SK…", requires = "api_secret", value_parser = api_key)]
    pub(crate) api_key: Option<String>,

    /// Secret of the API key
    #[arg(long, env = "TWILIO_API_SECRET", hide_env_values = true, value_name = "SECRET",
        requires = "api_key", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) api_secret: Option<String>,

    /// Second auth token: opens the API as well; signs only after POST /v1/AuthTokens/Promote
    #[arg(long, env = "TWILIO_SECONDARY_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN",
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) secondary_auth_token: Option<String>,

    /// Account SID of test credentials: creates are answered by Twilio's magic numbers, nothing is stored
    #[arg(long, env = "TWILIO_TEST_ACCOUNT_SID", value_name = "AC…", requires = "test_auth_token", value_parser = account_sid)]
    pub(crate) test_account_sid: Option<String>,

    /// Auth token of the test credentials
    #[arg(long, env = "TWILIO_TEST_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN",
        requires = "test_account_sid", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) test_auth_token: Option<String>,

    /// A sender the account owns (repeatable). With one or more, any other From is refused with 21606
    #[arg(long = "from", value_name = "NUMBER", value_parser = sender)]
    pub(crate) senders: Vec<String>,

    /// A Messaging Service of the account (repeatable). With one or more, any other is refused with 21701
    #[arg(long = "messaging-service", value_name = "MG…", value_parser = messaging_service)]
    pub(crate) messaging_services: Vec<String>,

    /// Webhook that gets the texts posted to /_sim/inbound; without it they are only recorded
    #[arg(long, env = "SIMULATOR_INBOUND_URL", value_name = "URL", value_parser = webhook_url)]
    pub(crate) inbound_url: Option<String>,

    /// A Verify service of the account (repeatable). With one or more, any other is not found
    #[arg(long = "verify-service", value_name = "VA…", value_parser = verify_service)]
    pub(crate) verify_services: Vec<String>,

    /// The code of every verification; without it each has a random one (see /_sim/verify)
    #[arg(long, value_name = "CODE", value_parser = verify_code)]
    pub(crate) verify_code: Option<String>,

    /// Time from `accepted` to `queued` (only messages to a Messaging Service have that step)
    #[arg(long, value_name = "MS", default_value_t = 20)]
    pub(crate) delay_queued_ms: u64,

    /// Time from `queued` to `sent` (or to `failed`)
    #[arg(long, value_name = "MS", default_value_t = 60)]
    pub(crate) delay_sent_ms: u64,

    /// Time from `sent` to `delivered` (or to `undelivered`)
    #[arg(long, value_name = "MS", default_value_t = 150)]
    pub(crate) delay_delivered_ms: u64,

    /// StatusCallback of the Messaging Services, for creates through them that name none
    #[arg(long, value_name = "URL", value_parser = webhook_url)]
    pub(crate) service_status_callback: Option<String>,

    /// Let senders send at Twilio's rates (1 segment/s for a US number …); else they send at once
    #[arg(long)]
    pub(crate) sender_queues: bool,

    /// Requests under way at once; one more is refused with 429 and 20429. 0: any number
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) concurrency_limit: usize,

    /// A fault by chance (repeatable): error_after=0.1, all=0.05; the names are at /_sim/faults below
    #[arg(long = "fault", value_name = "NAME=PROBABILITY", value_parser = odds)]
    pub(crate) faults: Vec<Odds>,

    /// Seed of the faults by chance
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) fault_seed: u64,

    /// A rule for certain messages as JSON (repeatable); see /_sim/rules below
    #[arg(long = "rule", value_name = "JSON", value_parser = rule)]
    pub(crate) rule: Vec<Rule>,

    /// File with a JSON list of rules; they come after those of --rule
    #[arg(long = "rules", value_name = "FILE", value_parser = rule_file)]
    pub(crate) rule_file: Option<RuleFile>,
}

/// The rules of a file.
#[derive(Debug, Clone)]
pub(crate) struct RuleFile(Vec<Rule>);

impl Options {
    /// What `/_sim/settings` shows at the start.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::new(
            self.delay_queued_ms,
            self.delay_sent_ms,
            self.delay_delivered_ms,
        );
        settings
            .service_status_callback
            .clone_from(&self.service_status_callback);
        settings.sender_queues = self.sender_queues.then(QueueRates::default);
        settings.concurrency_limit = self.concurrency_limit;
        settings
    }

    /// The rules at the start.
    pub(crate) fn rules(&self) -> Rules {
        let from_file = self.rule_file.iter().flat_map(|file| &file.0);
        Rules::new(self.rule.iter().chain(from_file).cloned().collect())
    }
}

fn odds(text: &str) -> Result<Odds, String> {
    let (name, probability) = text
        .split_once('=')
        .ok_or("expected a name, = and a probability")?;
    let probability = probability
        .parse()
        .map_err(|_| format!("{probability} is not a number"))?;
    Odds::new(name, probability).map_err(|error| error.to_string())
}

fn rule(text: &str) -> Result<Rule, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn rule_file(path: &str) -> Result<RuleFile, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let rules = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(RuleFile(rules))
}

fn account_sid(text: &str) -> Result<String, String> {
    sid("AC", text)
}

fn api_key(text: &str) -> Result<String, String> {
    sid("SK", text)
}

fn messaging_service(text: &str) -> Result<String, String> {
    sid("MG", text)
}

fn verify_service(text: &str) -> Result<String, String> {
    sid("VA", text)
}

fn webhook_url(text: &str) -> Result<String, String> {
    if CallbackTarget::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    Err("expected an http or https URL whose host has no underscore".to_owned())
}

fn verify_code(text: &str) -> Result<String, String> {
    if is_code(text) {
        return Ok(text.to_owned());
    }
    Err("expected 4 to 10 letters or digits".to_owned())
}

fn sender(text: &str) -> Result<String, String> {
    if is_sender(text) {
        return Ok(text.to_owned());
    }
    Err(
        "expected an E.164 number, a short code or an alphanumeric sender of at most 11 characters"
            .to_owned(),
    )
}

fn sid(prefix: &str, text: &str) -> Result<String, String> {
    if is_sid(prefix, text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected {prefix} followed by 32 hexadecimal digits"
    ))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    fn parsed(more: &[&str]) -> Result<Options, clap::Error> {
        let account = [
            "twilio-simulator",
            "--account-sid",
            ACCOUNT,
            "--auth-token",
            "t",
        ];
        Options::try_parse_from(account.iter().chain(more))
    }

    #[test]
    fn faults_and_rules_are_read_or_refused_at_once() {
        let rule = r#"{"to":"+1*","refuse":{"code":21610}}"#;
        let options = parsed(&[
            "--fault",
            "all=0.1",
            "--fault",
            "stall_after=0",
            "--rule",
            rule,
        ]);
        let options = options.unwrap();
        assert_eq!(options.faults.len(), 2);
        assert_eq!(options.rules().entries().len(), 1);
        for wrong in [
            ["--fault", "explode=0.1"],
            ["--fault", "all=2"],
            ["--fault", "all"],
            ["--rule", "{}"],
            ["--rules", "/nowhere/rules.json"],
        ] {
            assert!(parsed(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_api_key_needs_its_secret() {
        let key = "SK00000000000000000000000000000001";
        let arguments = [
            "twilio-simulator",
            "--account-sid",
            ACCOUNT,
            "--auth-token",
            "t",
        ];
        let with = |more: &[&str]| Options::try_parse_from(arguments.iter().chain(more));
        assert!(with(&[]).is_ok());
        assert!(with(&["--api-key", key, "--api-secret", "s"]).is_ok());
        assert!(with(&["--api-key", key]).is_err());
        assert!(with(&["--api-secret", "s"]).is_err());
    }
}
