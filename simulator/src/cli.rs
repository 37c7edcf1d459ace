//! The command line: address, credentials, senders and the default pace of callbacks.

use std::net::SocketAddr;

use crate::callback_target::CallbackTarget;
use crate::identifiers::{is_sender, is_sid};
use crate::verify::is_code;

const EXAMPLES: &str = "\
Example:
  twilio-simulator --listen 127.0.0.1:4010 \\
    --account-sid AC00000000000000000000000000000001 --auth-token secret

  curl -u AC00000000000000000000000000000001:secret \\
    --data-urlencode To=+14155550100 --data-urlencode From=+15005550006 -d Body=Hello \\
    http://127.0.0.1:4010/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json

Twilio's API (HTTP Basic: account SID and auth token, or API key and secret):
  POST   /2010-04-01/Accounts/{AC}/Messages.json       create
  GET    /2010-04-01/Accounts/{AC}/Messages.json       list: To, From, DateSent, DateSent<, DateSent>, PageSize
  GET    /2010-04-01/Accounts/{AC}/Messages/{SM}.json  fetch
  POST   /2010-04-01/Accounts/{AC}/Messages/{SM}.json  Status=canceled (cancel) or Body= (redact)
  DELETE /2010-04-01/Accounts/{AC}/Messages/{SM}.json  delete
  GET    /2010-04-01/Accounts/{AC}.json                credential check
  POST   /v2/Services/{VA}/Verifications               send a code: To, Channel
  GET    /v2/Services/{VA}/Verifications/{VE or To}    fetch
  POST   /v2/Services/{VA}/Verifications/{VE or To}    Status=approved or canceled
  POST   /v2/Services/{VA}/VerificationCheck           check a code: To or VerificationSid, Code

Control, no credentials, from this machine only:
  GET  /_sim/messages?since=ORDER&limit=N   what was accepted: parameters, status history, callbacks and their answers
  GET  /_sim/requests?since=ORDER&limit=N   every create request, also the refused and the failed ones
  GET  /_sim/stats                          counts only
  POST /_sim/next      {\"count\":3,\"latency_ms\":500,\"http_status\":503,\"code\":20503,\"fault\":\"error_before\"}
                       fault: error_before, error_after, reset_after, stall_after, html_502
  GET, POST /_sim/settings
                       {\"callback_delays_ms\":{\"queued\":20,\"sent\":60,\"delivered\":150},
                        \"callbacks\":\"normal\",\"final_status\":\"undelivered\",\"error_code\":30003}
                       callbacks: normal, none, early, duplicate, reverse
                       final_status: delivered, undelivered, failed, sent
  POST /_sim/inbound   {\"from\":\"+14155550100\",\"to\":\"+15005550006\",\"body\":\"STOP\"}: a text comes in
  GET  /_sim/inbound?since=ORDER&limit=N    texts that came in, how the webhook answered, what was sent back
  GET, POST /_sim/inbound/settings          {\"webhook\":{\"url\":…},\"messaging_services\":{\"MG…\":{\"advanced_opt_out\":true,…}}}
  GET, POST /_sim/opt-outs                  {\"number\":…,\"sender\":… or \"messaging_service\":…,\"opted_out\":true}
  GET  /_sim/verify                         every verification with its code
  GET, POST /_sim/verify/settings           {\"code\":\"123456\",\"ttl_seconds\":600,\"max_sends\":5,\"max_checks\":5,…}
  GET, POST /_sim/verify/rules              [{\"to\":\"+1415*\",\"outcome\":\"landline\"},…]
                       outcome: landline, blocked, refused, country, vetting, concurrent, rate_limit, failure, unavailable
  POST /_sim/reset     forget all messages, requests, faults and settings
  GET  /_sim/health

State is kept in memory and gone at the end. The first line on stdout is `listening on http://ADDRESS`; logs go to
stderr (RUST_LOG sets the level). SIGTERM and SIGINT end the process and log what was still on its way.";

/// Answers like Twilio's Messages and Verify APIs, without sending anything to anybody.
#[derive(Debug, clap::Parser)]
#[command(name = "twilio-simulator", version, after_help = "The endpoints and an example: --help", after_long_help = EXAMPLES)]
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
