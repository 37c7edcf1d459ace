//! The daemon `herald run` as a process that can be killed, frozen and started again.

use crate::failure::{Failure, Outcome};
use crate::ports::free_port;
use crate::process::{POLL, Process, Signal};
use crate::programs;
use crate::simulator::{SENDER, Simulator, http_client};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long a start may take.
const START: Duration = Duration::from_secs(20);

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
    /// Prepares a daemon for this database and simulator with its log in `directory`; `extra` adds to its environment.
    pub fn new(
        database_url: &str,
        simulator: &Simulator,
        directory: &Path,
        extra: &[(String, String)],
    ) -> Outcome<Daemon> {
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        let account = &simulator.account;
        let mut environment: BTreeMap<String, String> = [
            ("DATABASE_URL", database_url),
            ("TWILIO_ACCOUNT_SID", &account.sid),
            ("TWILIO_AUTH_TOKEN", &account.auth_token),
            ("TWILIO_FROM", SENDER),
            ("TWILIO_API_BASE_URL", &simulator.url),
            ("HERALD_PUBLIC_URL", &url),
            ("HERALD_HTTP_LISTEN", &format!("127.0.0.1:{port}")),
        ]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .into();
        environment.extend(extra.iter().cloned());
        Ok(Daemon {
            environment,
            log: directory.join("herald.log"),
            process: None,
            http: http_client()?,
            url,
        })
    }

    /// Starts it and waits until it listens and calls itself ready.
    pub async fn start(&mut self) -> Outcome<()> {
        self.spawn("run")?;
        self.running()?
            .wait_for_line("herald listening on ", START)
            .await?;
        self.wait_ready(START).await
    }

    /// Starts `herald VERB` without waiting for anything.
    fn spawn(&mut self, verb: &str) -> Outcome<()> {
        let mut command = Command::new(programs::herald()?);
        // Nothing of the caller's own configuration may leak in.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("TWILIO_") || name.starts_with("HERALD_") || name.starts_with("PG")
            {
                command.env_remove(name.as_ref());
            }
        }
        command.arg(verb).envs(&self.environment);
        self.process = Some(Process::start("herald", command, &self.log)?);
        Ok(())
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
