//! A running simulator and requests to it.

use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

/// The account of every simulator here.
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// Its auth token.
pub(crate) const TOKEN: &str = "simulated-token";
/// A Messaging Service.
pub(crate) const SERVICE: &str = "MG00000000000000000000000000000001";

/// The parameters of an ordinary create.
pub(crate) const HELLO: [(&str, &str); 3] = [
    ("To", "+14155550100"),
    ("From", "+15005550006"),
    ("Body", "Hello"),
];

/// A simulator on a free port; killed when dropped.
pub(crate) struct Simulator {
    process: Child,
    client: Client,
    pub(crate) url: String,
}

impl Simulator {
    /// Starts one without delays.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let delays = [
            "--delay-queued-ms",
            "0",
            "--delay-sent-ms",
            "0",
            "--delay-delivered-ms",
            "0",
        ];
        Self::start_with(&[&delays, arguments].concat())
    }

    /// Starts one with these arguments besides address and credentials.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_twilio-simulator"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--account-sid",
                ACCOUNT,
                "--auth-token",
                TOKEN,
            ])
            .args(arguments)
            .env("RUST_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self {
            process,
            client: client(),
            url,
        }
    }

    /// A request with the account's credentials; `path` begins below the account, `/Messages.json`.
    pub(crate) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.host(method, &format!("/2010-04-01/Accounts/{ACCOUNT}{path}"))
    }

    /// A request with the account's credentials to a path from the root of the host.
    pub(crate) fn host(&self, method: Method, path: &str) -> RequestBuilder {
        self.plain(method, path).basic_auth(ACCOUNT, Some(TOKEN))
    }

    /// A request without credentials.
    pub(crate) fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Sends a create.
    pub(crate) async fn create(&self, params: &[(&str, &str)]) -> reqwest::Result<Response> {
        self.api(Method::POST, "/Messages.json")
            .form(params)
            .send()
            .await
    }

    /// Sends a create that must be accepted; returns the body of the 201.
    pub(crate) async fn accepted(&self, params: &[(&str, &str)]) -> Value {
        let response = self.create(params).await.unwrap();
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    }

    /// GET of a control endpoint.
    pub(crate) async fn control(&self, path: &str) -> Value {
        let response = self
            .plain(Method::GET, &format!("/_sim{path}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// POST to a control endpoint.
    pub(crate) async fn set(&self, path: &str, body: Value) -> Response {
        let request = self.plain(Method::POST, &format!("/_sim{path}"));
        let response = request.json(&body).send().await.unwrap();
        assert!(
            response.status().is_success(),
            "{path} {body}: {}",
            response.status()
        );
        response
    }

    /// The message at this place (from 0) of `/_sim/messages`, as soon as it has this status.
    pub(crate) async fn message_in_status(&self, place: usize, status: &str) -> Value {
        eventually(async || {
            let message = self.control("/messages").await["accepted"][place].clone();
            (message["status"] == status).then_some(message)
        })
        .await
    }

    /// Asks it to end; returns its exit code and its log.
    pub(crate) fn terminate(mut self) -> (Option<i32>, String) {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let status = self.process.wait().unwrap();
        let mut log = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (status.code(), log)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks again until there is an answer; gives up after 20 seconds.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it did not happen"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A client that never gives up by itself. An error of the provider says that it is installed already.
fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}
