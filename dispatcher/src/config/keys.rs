//! The one table of settings: every key, where it may stand, its default and what it means.
//!
//! File, environment, `herald config` and all error messages are made from it.

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.name` in the TOML file.
    pub(crate) file: &'static str,
    /// Name of the environment variable.
    pub(crate) env: &'static str,
    /// A secret may also come from a file (`…_FILE`, systemd credential) and is never shown.
    pub(crate) secret: bool,
    /// Value when nothing sets it.
    pub(crate) default: Option<&'static str>,
    /// What it means, with an example where that helps.
    pub(crate) help: &'static str,
}

/// Environment variable with the path of the TOML file; the command line option `--config` goes before it.
pub(crate) const CONFIG_VARIABLE: &str = "HERALD_CONFIG";

const fn key(
    file: &'static str,
    env: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Key {
    Key {
        file,
        env,
        secret: false,
        default,
        help,
    }
}

const fn secret(file: &'static str, env: &'static str, help: &'static str) -> Key {
    Key {
        file,
        env,
        secret: true,
        default: None,
        help,
    }
}

/// Every setting there is.
pub(crate) const KEYS: &[Key] = &[
    secret(
        "database.url",
        "DATABASE_URL",
        "Postgres: postgres://herald:password@db.example.org/app?sslmode=require",
    ),
    key(
        "database.ca_file",
        "HERALD_DATABASE_CA_FILE",
        None,
        "PEM file with the authorities that sign Postgres' certificate; without it the system's",
    ),
    key(
        "twilio.account_sid",
        "TWILIO_ACCOUNT_SID",
        None,
        "Account SID: AC and 32 hexadecimal digits",
    ),
    secret(
        "twilio.auth_token",
        "TWILIO_AUTH_TOKEN",
        "auth token; several, separated by commas, while a token is being rotated",
    ),
    secret(
        "twilio.auth_token_secondary",
        "TWILIO_AUTH_TOKEN_SECONDARY",
        "second auth token whose webhook signatures are accepted as well",
    ),
    key(
        "twilio.api_key",
        "TWILIO_API_KEY",
        None,
        "API key SID: SK and 32 hexadecimal digits; used for requests instead of the auth token",
    ),
    secret(
        "twilio.api_secret",
        "TWILIO_API_SECRET",
        "secret of the API key",
    ),
    key(
        "twilio.messaging_service_sid",
        "TWILIO_MESSAGING_SERVICE_SID",
        None,
        "Messaging Service that sends: MG and 32 hexadecimal digits",
    ),
    key(
        "twilio.from",
        "TWILIO_FROM",
        None,
        "sender when there is no Messaging Service: +15005550006, a short code or a sender ID",
    ),
    key(
        "twilio.smart_encoded",
        "TWILIO_SMART_ENCODED",
        Some("false"),
        "true: Twilio replaces typographic quotes and the like, so that a text stays in the cheaper alphabet; false",
    ),
    key(
        "twilio.keywords",
        "TWILIO_KEYWORDS",
        Some("default"),
        "what Twilio does with STOP, START and HELP before we see them: default (its standard words), advanced (Advanced Opt-Out) or off",
    ),
    key(
        "twilio.api_base_url",
        "TWILIO_API_BASE_URL",
        Some("https://api.twilio.com"),
        "Twilio's API, or a simulator on this machine",
    ),
    key(
        "twilio.verify_service_sid",
        "TWILIO_VERIFY_SERVICE_SID",
        None,
        "Verify service that proves phone numbers: VA and 32 hexadecimal digits",
    ),
    key(
        "twilio.verify_base_url",
        "TWILIO_VERIFY_BASE_URL",
        None,
        "Verify's API; without it https://verify.twilio.com, or twilio.api_base_url if that is not Twilio's",
    ),
    key(
        "http.listen",
        "HERALD_HTTP_LISTEN",
        Some("127.0.0.1:8080"),
        "address and port for webhooks, health and metrics; port 0 takes a free one",
    ),
    key(
        "http.public_url",
        "HERALD_PUBLIC_URL",
        None,
        "base URL under which Twilio reaches this daemon: https://herald.example.org",
    ),
    key(
        "http.inbound_answer",
        "HERALD_INBOUND_ANSWER",
        Some("twiml"),
        "how texts from people are answered: twiml (with our words for HELP and START where Twilio has none) or empty",
    ),
    key(
        "dispatch.concurrency",
        "HERALD_CONCURRENCY",
        Some("32"),
        "requests to Twilio at the same time, 1 to 1000",
    ),
    key(
        "dispatch.request_timeout_seconds",
        "HERALD_REQUEST_TIMEOUT_SECONDS",
        Some("35"),
        "longest wait for Twilio's answer, 1 to 50; Twilio itself gives up at 26 to 30 s, so stay above",
    ),
    key(
        "dispatch.shutdown_seconds",
        "HERALD_SHUTDOWN_SECONDS",
        Some("40"),
        "time for requests on their way when asked to stop, 0 to 3600",
    ),
    key(
        "dispatch.state_dir",
        "HERALD_STATE_DIR",
        Some("/var/lib/herald"),
        "directory of this daemon alone, kept across restarts: for which database it sends, and results not yet written; systemd's StateDirectory is taken by itself",
    ),
    key(
        "log.format",
        "HERALD_LOG_FORMAT",
        Some("text"),
        "text or json (one object a line)",
    ),
    key(
        "log.level",
        "HERALD_LOG_LEVEL",
        Some("info"),
        "error, warn, info, debug or trace; by module: info,herald::send=debug",
    ),
];

/// The setting with this `section.name`.
pub(crate) fn by_file_key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.file == name)
}

/// The setting with this environment variable.
pub(crate) fn by_variable(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.env == name)
}

/// The candidate most like `name`, if one is like it enough to be meant.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .map(|candidate| {
            (
                strsim::normalized_damerau_levenshtein(name, candidate),
                candidate,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_documented() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(key.file.contains('.'), "{}", key.file);
            assert!(!key.help.is_empty(), "{}", key.file);
            for other in &KEYS[index + 1..] {
                assert_ne!(key.file, other.file);
                assert_ne!(key.env, other.env);
            }
        }
    }

    #[test]
    fn nearest_finds_the_slip_of_the_pen_only() {
        let names = || KEYS.iter().map(|key| key.env);
        assert_eq!(
            nearest("TWILIO_ACOUNT_SID", names()),
            Some("TWILIO_ACCOUNT_SID")
        );
        assert_eq!(
            nearest("HERALD_PUBLICURL", names()),
            Some("HERALD_PUBLIC_URL")
        );
        assert_eq!(nearest("xyz", names()), None);
    }
}
