//! Every kind of mistake in the configuration, and what is said about it.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

const ACCOUNT: &str = "AC00000000000000000000000000000001";

fn complete() -> Vec<(&'static str, &'static str)> {
    vec![
        ("DATABASE_URL", "postgres://herald:s3cret@127.0.0.1/app"),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN", "12345"),
        ("TWILIO_FROM", "+15005550006"),
        ("HERALD_PUBLIC_URL", "https://Herald.example.org/"),
    ]
}

fn sources(changes: &[(&str, &str)]) -> Sources {
    let pairs = complete();
    let all = pairs.iter().copied().chain(changes.iter().copied());
    Sources {
        environment: all
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ..Sources::default()
    }
}

fn load(changes: &[(&str, &str)]) -> Config {
    Config::load(&sources(changes)).unwrap()
}

/// The problems of a complete environment with these changes, joined by lines.
fn problems(changes: &[(&str, &str)]) -> String {
    said(Config::load(&sources(changes)))
}

fn said(result: Result<Config, Vec<Problem>>) -> String {
    let problems = result.unwrap_err();
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// One file in a directory of its own, which goes away with the first of the pair.
fn file(name: &str, content: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    (directory, path)
}

#[test]
fn a_complete_environment_is_enough() {
    let config = load(&[]);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.concurrency, 32);
    assert_eq!(config.shutdown.as_secs(), 40);
    assert_eq!(config.log_format, LogFormat::Text);
    assert_eq!(config.twilio.keywords, Handling::Default);
    assert!(config.inbound_answers);
    assert_eq!(
        config.public_url.as_deref(),
        Some("https://Herald.example.org")
    );
    assert_eq!(
        config.twilio.sender,
        Sender::From("+15005550006".to_owned())
    );
    assert_eq!(config.twilio.request_timeout.as_secs(), 35);
    assert_eq!(
        config.twilio.api_base_url.as_str(),
        "https://api.twilio.com/"
    );
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!(
        "{:?}",
        load(&[
            ("TWILIO_AUTH_TOKEN", "tok-one,tok-two"),
            ("TWILIO_API_KEY", "SK00000000000000000000000000000001"),
            ("TWILIO_API_SECRET", "sec-three")
        ])
    );
    for secret in ["s3cret", "tok-one", "tok-two", "sec-three"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn tokens_come_as_a_list_or_in_two_variables() {
    let config = load(&[
        ("TWILIO_AUTH_TOKEN", "one, two"),
        ("TWILIO_AUTH_TOKEN_SECONDARY", "three"),
    ]);
    let tokens: Vec<&str> = config
        .twilio
        .auth_tokens
        .iter()
        .map(Secret::expose)
        .collect();
    assert_eq!(tokens, ["one", "two", "three"]);
}

#[test]
fn unknown_names_are_refused_with_what_was_meant() {
    assert_eq!(
        problems(&[("TWILIO_ACOUNT_SID", "x")]),
        "environment TWILIO_ACOUNT_SID: is not a setting of herald; did you mean TWILIO_ACCOUNT_SID?"
    );
    assert_eq!(
        problems(&[("HERALD_ZZZ", "x")]),
        "environment HERALD_ZZZ: is not a setting of herald; unset it; `herald config` lists all settings"
    );
    assert_eq!(load(&[("PGHOST", "elsewhere")]).concurrency, 32);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    assert_eq!(load(&[("HERALD_CONCURRENCY", "")]).concurrency, 32);
    assert!(
        problems(&[("TWILIO_AUTH_TOKEN", "")])
            .starts_with("twilio.auth_token: is not set; set TWILIO_AUTH_TOKEN")
    );
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
    let (_directory, path) = file(
        "herald.toml",
        "[dispatch]\nconcurrency = 7\nshutdown_seconds = 9\n",
    );
    let config = Config::load(&Sources {
        file: Some(path),
        ..sources(&[("HERALD_CONCURRENCY", "8")])
    })
    .unwrap();
    assert_eq!((config.concurrency, config.shutdown.as_secs()), (8, 9));
}

#[test]
fn mistakes_in_the_file_are_named_by_file_and_key() {
    let (_directory, path) = file(
        "herald.toml",
        "speed = 9\n[dispatch]\nconcurency = 7\nshutdown_seconds = 1.5\n[twilio]\nauth_token = [\"a\", 1]\n",
    );
    let shown = path.display().to_string();
    let mut environment = sources(&[]);
    environment.file = Some(path);
    let text = said(Config::load(&environment));
    assert!(text.contains(&format!("{shown}: dispatch.concurency: is not a setting of herald; did you mean dispatch.concurrency?")), "{text}");
    assert!(
        text.contains(&format!(
            "{shown}: dispatch.shutdown_seconds: is neither text nor a whole number"
        )),
        "{text}"
    );
    assert!(
        text.contains(&format!("{shown}: speed: is not a setting")),
        "{text}"
    );
    assert!(
        text.contains(&format!("{shown}: twilio.auth_token: is neither")),
        "{text}"
    );
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_named_without_its_content() {
    let mut environment = sources(&[]);
    environment.file = Some(PathBuf::from("/nonexistent/herald.toml"));
    assert!(
        said(Config::load(&environment)).starts_with("/nonexistent/herald.toml: cannot be read: ")
    );
    let (_directory, path) = file("herald.toml", "[twilio]\nauth_token = s3cret\n");
    environment.file = Some(path);
    let text = said(Config::load(&environment));
    assert!(
        text.contains("is not TOML") && text.contains("(line 2)"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn secrets_may_stand_in_files_and_credentials_but_only_once() {
    let (_directory, path) = file("twilio_auth_token", "from-file\n");
    let shown = path.display().to_string();
    let mut environment = sources(&[
        ("TWILIO_AUTH_TOKEN", ""),
        ("TWILIO_AUTH_TOKEN_FILE", &shown),
    ]);
    let config = Config::load(&environment).unwrap();
    assert_eq!(config.twilio.auth_tokens[0].expose(), "from-file");

    environment.credentials = path.parent().map(PathBuf::from);
    let text = said(Config::load(&environment));
    assert!(text.contains("twilio.auth_token: is given twice"), "{text}");

    environment.environment.remove("TWILIO_AUTH_TOKEN_FILE");
    let config = Config::load(&environment).unwrap();
    assert_eq!(config.twilio.auth_tokens[0].expose(), "from-file");

    let text = problems(&[("TWILIO_AUTH_TOKEN_FILE", &shown)]);
    assert_eq!(
        text,
        format!(
            "twilio.auth_token: is given twice: by environment TWILIO_AUTH_TOKEN and by environment TWILIO_AUTH_TOKEN_FILE (file {shown}); keep one of them"
        )
    );
    let text = problems(&[
        ("TWILIO_AUTH_TOKEN", ""),
        ("TWILIO_AUTH_TOKEN_FILE", "/nonexistent"),
    ]);
    assert!(
        text.starts_with("environment TWILIO_AUTH_TOKEN_FILE (file /nonexistent): cannot be read"),
        "{text}"
    );
    assert!(!text.contains("is not set"), "{text}");
}

#[test]
fn a_secret_file_named_in_the_toml_is_read() {
    let (_secret_directory, secret) = file("token", "deep\n");
    let (_directory, path) = file(
        "herald.toml",
        &format!(
            "[twilio]\nauth_token_file = {:?}\n",
            secret.display().to_string()
        ),
    );
    let mut environment = sources(&[("TWILIO_AUTH_TOKEN", "")]);
    environment.file = Some(path);
    assert_eq!(
        Config::load(&environment).unwrap().twilio.auth_tokens[0].expose(),
        "deep"
    );
}

#[test]
fn every_wrong_value_is_named_with_value_and_way_out() {
    for (name, value, expected) in [
        (
            "TWILIO_ACCOUNT_SID",
            "AC1",
            "is not AC followed by 32 hexadecimal digits (it is \"AC1\"); copy it",
        ),
        (
            "TWILIO_FROM",
            "555-0100",
            "is no sender (it is \"555-0100\")",
        ),
        (
            "TWILIO_API_BASE_URL",
            "http://api.twilio.com",
            "is not encrypted and not on this machine",
        ),
        (
            "TWILIO_API_BASE_URL",
            "https://api.twilio.com/2010",
            "is more than scheme, host and port",
        ),
        (
            "HERALD_PUBLIC_URL",
            "http://example.org",
            "is not encrypted",
        ),
        (
            "HERALD_PUBLIC_URL",
            "https://my_host.example.org",
            "has an underscore",
        ),
        (
            "HERALD_PUBLIC_URL",
            "https://example.org/?a=1",
            "has a query or a fragment",
        ),
        ("HERALD_PUBLIC_URL", "example.org", "is no URL"),
        (
            "HERALD_PUBLIC_URL",
            "ftp://example.org",
            "is no http or https URL",
        ),
        (
            "HERALD_HTTP_LISTEN",
            "8080",
            "is not an address and a port (it is \"8080\")",
        ),
        (
            "HERALD_CONCURRENCY",
            "0",
            "is out of range (it is \"0\"); use a whole number from 1 to 1000",
        ),
        ("HERALD_CONCURRENCY", "many", "is no whole number"),
        ("HERALD_REQUEST_TIMEOUT_SECONDS", "51", "is out of range"),
        ("HERALD_SHUTDOWN_SECONDS", "-1", "is no whole number"),
        (
            "HERALD_LOG_FORMAT",
            "xml",
            "is not a log format (it is \"xml\"); use text or json",
        ),
        ("HERALD_LOG_LEVEL", "loud=very", "is not a log level"),
        (
            "DATABASE_URL",
            "postgres://u:s3cret@h/d?sslmode=verify-full",
            "use sslmode=require",
        ),
        ("DATABASE_URL", "dbname=x password=s3cret", "names no host"),
        ("TWILIO_AUTH_TOKEN", " , ", "holds no token"),
    ] {
        let text = problems(&[(name, value)]);
        assert!(
            text.starts_with(&format!("environment {name}: {expected}")) || text.contains(expected),
            "{text}"
        );
        assert!(
            text.contains(name) && !text.contains('\n') && !text.contains("s3cret"),
            "{text}"
        );
    }
}

#[test]
fn pairs_and_choices_are_checked() {
    for (changes, expected) in [
        (
            &[("TWILIO_API_KEY", "SK00000000000000000000000000000001")][..],
            "twilio.api_secret: is not set although there is an API key",
        ),
        (
            &[("TWILIO_API_SECRET", "x")],
            "twilio.api_key: is not set although there is an API secret",
        ),
        (
            &[(
                "TWILIO_MESSAGING_SERVICE_SID",
                "MG00000000000000000000000000000001",
            )],
            "twilio.from: is set together with",
        ),
        (&[("TWILIO_FROM", "")], "nobody to send from"),
        (&[("HERALD_PUBLIC_URL", "")], "http.public_url: is not set"),
        (
            &[("DATABASE_URL", "")],
            "database.url: is not set; set DATABASE_URL",
        ),
    ] {
        let text = problems(changes);
        assert!(text.contains(expected) && !text.contains('\n'), "{text}");
    }
}

#[test]
fn a_simulator_on_this_machine_needs_no_public_url() {
    for base in ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"] {
        let config = load(&[("HERALD_PUBLIC_URL", ""), ("TWILIO_API_BASE_URL", base)]);
        assert_eq!(config.public_url, None);
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = problems(&[
        ("HERALD_CONCURRENCY", "0"),
        ("HERALD_LOG_FORMAT", "xml"),
        ("HERALD_ZZZ", "x"),
    ]);
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn the_example_file_names_every_setting_and_is_valid() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/herald.toml");
    let text = std::fs::read_to_string(example).unwrap();
    for key in KEYS {
        let (section, name) = key.file.split_once('.').unwrap();
        let place = text.split(&format!("[{section}]\n")).nth(1).unwrap();
        let place = place.split("\n[").next().unwrap();
        assert!(
            place.contains(&format!("{name} = ")) || place.contains(&format!("{name}_file = ")),
            "{name}"
        );
        assert!(place.contains(key.env), "{}", key.env);
        if let Some(default) = key.default {
            assert!(place.contains(default), "{} = {default}", key.file);
        }
    }
    let sources = Sources {
        file: Some(PathBuf::from(example)),
        ..sources(&[
            ("TWILIO_FROM", ""),
            ("HERALD_PUBLIC_URL", ""),
            ("TWILIO_ACCOUNT_SID", ""),
        ])
    };
    assert_eq!(
        Config::load(&sources).unwrap().public_url.as_deref(),
        Some("https://herald.example.org")
    );
}

#[test]
fn verify_stands_beside_the_api_unless_it_is_told_otherwise() {
    let base = |variables: &[(&str, &str)]| load(variables).twilio.verify_base_url.to_string();
    assert_eq!(base(&[]), "https://verify.twilio.com/");
    for (api, verify) in [
        (
            "https://api.dublin.ie1.twilio.com",
            "https://verify.dublin.ie1.twilio.com/",
        ),
        ("http://127.0.0.1:4010", "http://127.0.0.1:4010/"),
        (
            "https://api.example.org:8443",
            "https://api.example.org:8443/",
        ),
        ("https://api.nottwilio.com", "https://api.nottwilio.com/"),
    ] {
        assert_eq!(base(&[("TWILIO_API_BASE_URL", api)]), verify, "{api}");
    }
    let told = base(&[
        ("TWILIO_API_BASE_URL", "http://127.0.0.1:4010"),
        ("TWILIO_VERIFY_BASE_URL", "http://127.0.0.1:4011"),
    ]);
    assert_eq!(told, "http://127.0.0.1:4011/");
    assert_eq!(load(&[]).twilio.verify_service_sid, None);
    assert!(
        problems(&[("TWILIO_VERIFY_SERVICE_SID", "MG0")]).contains("is not VA followed by 32"),
        "only a Verify service"
    );
}

#[test]
fn texts_from_people_are_treated_as_configured() {
    let config = load(&[
        ("TWILIO_KEYWORDS", "advanced"),
        ("HERALD_INBOUND_ANSWER", "empty"),
    ]);
    assert_eq!(config.twilio.keywords, Handling::Advanced);
    assert!(!config.inbound_answers);
    for (name, value) in [("TWILIO_KEYWORDS", "on"), ("HERALD_INBOUND_ANSWER", "xml")] {
        let problems = Config::load(&sources(&[(name, value)])).unwrap_err();
        assert!(problems[0].to_string().contains(name), "{problems:?}");
    }
}
