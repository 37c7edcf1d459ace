//! The daemon `herald run` as a process that can be killed, frozen and started again.

use crate::failure::{Explain, Failure, Outcome};
use crate::ports::free_port;
use crate::process::{POLL, Process, Signal};
use crate::programs::{self, Account};
use crate::simulator::{SENDER, Simulator, TwilioAccount, VERIFY_SERVICE, http_client};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long a start may take, on a machine that is busy with many tests.
const START: Duration = Duration::from_secs(60);

/// The daemon with its configuration; it keeps its port and its log through restarts.
pub struct Daemon {
    environment: BTreeMap<String, String>,
    log: PathBuf,
    process: Option<Process>,
    http: reqwest::Client,
    /// Where it listens, and its public URL at the same time.
    pub url: String,
}

impl Daemon {
    /// Prepares a daemon for this database and simulator with its log in `directory`.
    pub fn new(database_url: &str, simulator: &Simulator, directory: &Path) -> Outcome<Daemon> {
        Daemon::at(database_url, &simulator.url, &simulator.account, directory)
    }

    /// As [`Daemon::new`], for whatever answers at `api_url` in Twilio's place.
    pub fn at(
        database_url: &str,
        api_url: &str,
        account: &TwilioAccount,
        directory: &Path,
    ) -> Outcome<Daemon> {
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        let state = directory.join(format!("herald-{port}"));
        std::fs::create_dir(&state).explain(|| format!("cannot make {}", state.display()))?;
        // The cluster's directory, and all below it, is removed by the user of the cluster.
        Account::of_postgres()?.own(&state)?;
        let environment = [
            ("DATABASE_URL", database_url),
            ("TWILIO_ACCOUNT_SID", &account.sid),
            ("TWILIO_AUTH_TOKEN", &account.auth_token),
            ("TWILIO_FROM", SENDER),
            ("TWILIO_VERIFY_SERVICE_SID", VERIFY_SERVICE),
            ("TWILIO_API_BASE_URL", api_url),
            ("HERALD_PUBLIC_URL", &url),
            ("HERALD_HTTP_LISTEN", &format!("127.0.0.1:{port}")),
            ("HERALD_STATE_DIR", &state.to_string_lossy()),
        ]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .into();
        Ok(Daemon {
            environment,
            log: directory.join(format!("herald-{port}.log")),
            process: None,
            http: http_client()?,
            url,
        })
    }

    /// Sets one variable of its environment, for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_string(), value.to_string());
    }

    /// Starts it and waits until it listens and calls itself ready.
    pub async fn start(&mut self) -> Outcome<()> {
        self.start_unready().await?;
        self.wait_ready(START).await
    }

    /// Starts it and waits until it listens, ready or not.
    pub async fn start_unready(&mut self) -> Outcome<()> {
        let command = self.command(&["run"])?;
        self.process = Some(Process::start("herald", command, &self.log)?);
        self.running()?
            .wait_for_line("herald listening on ", START)
            .await?;
        Ok(())
    }

    /// Its state directory.
    pub fn state_directory(&self) -> Option<&Path> {
        self.environment.get("HERALD_STATE_DIR").map(Path::new)
    }

    /// `herald` with these arguments and this daemon's environment.
    pub fn command(&self, arguments: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(programs::herald()?);
        // Nothing of the caller's own configuration may leak in.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let of_herald = ["TWILIO_", "HERALD_", "PG", "DATABASE_", "FAILPOINTS"];
            if of_herald.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command.args(arguments).envs(&self.environment);
        Ok(command)
    }

    fn running(&mut self) -> Outcome<&mut Process> {
        self.process
            .as_mut()
            .ok_or_else(|| Failure::new("the daemon is not running"))
    }

    /// Waits until `/readyz` answers 200.
    pub async fn wait_ready(&self, limit: Duration) -> Outcome<()> {
        let deadline = Instant::now() + limit;
        while !self.is_ready().await {
            if Instant::now() > deadline {
                return Err(Failure::new(format!(
                    "the daemon was not ready within {limit:?}:\n{}",
                    self.log_text()?
                )));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Whether `/readyz` answers 200 now.
    pub async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/readyz", self.url)).send().await;
        answer.is_ok_and(|response| response.status().is_success())
    }

    /// Gets a path of the daemon: the HTTP status and the body.
    pub async fn get(&self, path: &str) -> Outcome<(u16, String)> {
        let response = self.http.get(format!("{}{path}", self.url)).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Posts a form to a path of the daemon, with headers; gives the HTTP status.
    pub async fn post_form(
        &self,
        target: &str,
        headers: &[(&str, &str)],
        form: &[(String, String)],
    ) -> Outcome<u16> {
        let mut request = self.http.post(format!("{}{target}", self.url)).form(form);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.send().await?.status().as_u16())
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// Asks it to end with SIGTERM and waits.
    pub async fn terminate(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        let process = self.running()?;
        process.signal(Signal::Terminate)?;
        process.wait(limit).await
    }

    /// Waits for its end.
    pub async fn wait(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        self.running()?.wait(limit).await
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Freezes it.
    pub fn pause(&mut self) -> Outcome<()> {
        self.running()?.signal(Signal::Stop)
    }

    /// Lets a frozen daemon go on.
    pub fn resume(&mut self) -> Outcome<()> {
        self.running()?.signal(Signal::Continue)
    }

    /// The log of all its starts.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Everything it has logged since its first start.
    pub fn log_text(&self) -> Outcome<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// Lets it run on after us; returns its process id.
    pub fn leave_running(mut self) -> Outcome<u32> {
        self.process
            .take()
            .ok_or_else(|| Failure::new("the daemon is not running"))?
            .leave_running()
    }
}
