//! The Twilio simulator as a process, and its control interface with types.

use crate::failure::{Explain, Failure, Outcome};
use crate::process::Process;
use crate::programs;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The number texts are sent from.
pub const SENDER: &str = "+15005550006";

/// The Verify service; the simulator knows every well-formed one.
pub const VERIFY_SERVICE: &str = "VA00000000000000000000000000000001";

/// The credentials of the one account the simulator has.
#[derive(Clone)]
pub struct TwilioAccount {
    /// AC and 32 hexadecimal digits.
    pub sid: String,
    /// Signs callbacks and opens the API.
    pub auth_token: String,
}

impl TwilioAccount {
    /// An account nobody else has.
    pub fn random() -> TwilioAccount {
        TwilioAccount {
            sid: format!("AC{:032x}", rand::random::<u128>()),
            auth_token: format!("{:032x}", rand::random::<u128>()),
        }
    }
}

/// A running simulator.
pub struct Simulator {
    process: Process,
    /// Where it listens, without a slash at the end.
    pub url: String,
    /// Its account.
    pub account: TwilioAccount,
    http: reqwest::Client,
}

/// One message the simulator accepted.
#[derive(Debug, Deserialize)]
pub struct AcceptedMessage {
    /// Its id, SM and 32 hexadecimal digits.
    pub sid: String,
    /// The recipient's number.
    pub to: String,
    /// The text.
    pub body: String,
    /// Its latest status.
    pub status: String,
    /// When it was accepted.
    pub received_at: DateTime<Utc>,
    /// What went wrong with the answer, if anything did.
    pub fault: Option<String>,
    /// All parameters of the request by name.
    pub params: BTreeMap<String, serde_json::Value>,
    /// Every callback that was sent.
    pub callbacks: Vec<SentCallback>,
}

/// A callback and how it was answered.
#[derive(Debug, Deserialize)]
pub struct SentCallback {
    /// The HTTP status of the answer; `None` if there was no answer.
    pub http_status: Option<u16>,
}

#[derive(Deserialize)]
struct Accepted {
    accepted: Vec<AcceptedMessage>,
}

/// What shall happen to the next requests that create a message.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NextRequests {
    /// How many of them.
    pub count: u32,
    /// How long the answer takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// HTTP status of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Twilio's error code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// A fault by name, such as `error_after` or `stall_after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
}

/// How callbacks are sent from now on; fields that are `None` stay as they are.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CallbackSettings {
    /// `normal`, `none`, `early`, `duplicate` or `reverse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callbacks: Option<&'static str>,
    /// Milliseconds after acceptance by status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_delays_ms: Option<HashMap<&'static str, u64>>,
    /// The status messages end in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_status: Option<&'static str>,
    /// Twilio's error code of that end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i32>,
}

impl Simulator {
    /// Starts it on a free port with its log in `directory`; `arguments` are added to its command line.
    pub async fn start(directory: &Path, arguments: &[String]) -> Outcome<Simulator> {
        let account = TwilioAccount::random();
        let mut command = Command::new(programs::twilio_simulator()?);
        command
            .args(["--listen", "127.0.0.1:0", "--from", SENDER])
            .args(arguments)
            .env("TWILIO_ACCOUNT_SID", &account.sid)
            .env("TWILIO_AUTH_TOKEN", &account.auth_token)
            .env_remove("SIMULATOR_LISTEN");
        let mut process = Process::start(
            "twilio-simulator",
            command,
            &directory.join("simulator.log"),
        )?;
        let address = process
            .wait_for_line("listening on ", Duration::from_secs(10))
            .await?;
        Ok(Simulator {
            process,
            url: address.trim().to_string(),
            account,
            http: http_client()?,
        })
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Every message it accepted, in order.
    pub async fn accepted(&self) -> Outcome<Vec<AcceptedMessage>> {
        Ok(self.get::<Accepted>("/_sim/messages").await?.accepted)
    }

    /// How often each text was accepted.
    pub async fn accepted_per_body(&self) -> Outcome<HashMap<String, usize>> {
        let mut counts = HashMap::new();
        for message in self.accepted().await? {
            *counts.entry(message.body).or_default() += 1;
        }
        Ok(counts)
    }

    /// How many requests to create a message it got, refused ones included.
    pub async fn requests(&self) -> Outcome<u64> {
        let answer: serde_json::Value = self.get("/_sim/requests").await?;
        answer["count"]
            .as_u64()
            .ok_or_else(|| Failure::new(format!("/_sim/requests has no count: {answer}")))
    }

    /// Sets what happens to the next requests.
    pub async fn next(&self, what: &NextRequests) -> Outcome<()> {
        self.post("/_sim/next", what).await
    }

    /// Sets how callbacks are sent.
    pub async fn settings(&self, settings: &CallbackSettings) -> Outcome<()> {
        self.post("/_sim/settings", settings).await
    }

    /// The code of the latest verification of a number, as the person reads it.
    pub async fn code_for(&self, number: &str) -> Outcome<String> {
        let answer: serde_json::Value = self.get("/_sim/verify").await?;
        let all = answer["verifications"].as_array();
        let latest = all
            .into_iter()
            .flatten()
            .rfind(|verification| verification["to"] == number);
        latest
            .and_then(|verification| verification["code"].as_str())
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("no verification of {number}: {answer}")))
    }

    /// Replaces the rules of Verify: which numbers it refuses, and how.
    pub async fn verify_rules(&self, rules: &serde_json::Value) -> Outcome<()> {
        self.post("/_sim/verify/rules", rules).await
    }

    /// Changes how Verify behaves.
    pub async fn verify_settings(&self, settings: &serde_json::Value) -> Outcome<()> {
        self.post("/_sim/verify/settings", settings).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        let response = self.http.get(format!("{}{path}", self.url)).send().await?;
        let text = response.error_for_status()?.text().await?;
        serde_json::from_str(&text).explain(|| format!("{path} of the simulator answered {text}"))
    }

    /// Posts JSON to a path of its control interface.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Outcome<()> {
        let response = self
            .http
            .post(format!("{}{path}", self.url))
            .json(body)
            .send()
            .await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{path} of the simulator answered {status}: {}",
            response.text().await?
        )))
    }

    /// Lets it run on after us; returns its process id.
    pub fn leave_running(self) -> Outcome<u32> {
        self.process.leave_running()
    }
}

/// An HTTP client; rustls has to be told once which cryptography it uses, even though everything here is plain HTTP.
pub fn http_client() -> Outcome<reqwest::Client> {
    // An error means that it was told before.
    let _told = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .build()?)
}
