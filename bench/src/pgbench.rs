//! Postgres' own load generator.

use crate::measure::Measure;
use crate::stats::Samples;
use crate::world::World;
use herald_tests::cluster::run;
use herald_tests::stack::DATABASE;
use herald_tests::{Failure, Outcome};
use std::path::PathBuf;
use std::process::Command;

/// A script that many clients run over and over.
pub(crate) struct Script {
    path: PathBuf,
    variables: Vec<(String, String)>,
    options: String,
}

impl Script {
    /// Keeps a script in the world's directory.
    pub(crate) fn new(world: &World, name: &str, content: &str) -> Outcome<Script> {
        let path = world.file(&format!("{}.sql", name.replace(' ', "_")), content)?;
        Ok(Script {
            path,
            variables: Vec::new(),
            options: String::new(),
        })
    }

    /// Sets one of the script's variables.
    pub(crate) fn variable(mut self, name: &str, value: impl Into<String>) -> Script {
        self.variables.push((name.to_string(), value.into()));
        self
    }

    /// Sets a parameter of all sessions.
    pub(crate) fn setting(mut self, name: &str, value: &str) -> Script {
        self.options.push_str(&format!(" -c {name}={value}"));
        self
    }

    fn command(&self, world: &World) -> Command {
        let mut command = world.cluster.client_command("pgbench");
        command
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg("--file")
            .arg(&self.path)
            .args(
                self.variables
                    .iter()
                    .map(|(name, value)| format!("--define={name}={value}")),
            )
            .env("PGOPTIONS", &self.options)
            .arg(DATABASE);
        command
    }

    /// Runs it once.
    pub(crate) fn once(&self, world: &World) -> Outcome<()> {
        run(self.command(world).arg("--transactions=1")).map(drop)
    }

    /// Transactions per second with that many clients.
    pub(crate) fn rate(&self, world: &World, clients: usize, seconds: u64) -> Outcome<f64> {
        let output = run(self
            .command(world)
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={}", clients.min(2)))
            .arg(format!("--time={seconds}")))?;
        output
            .lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Failure::new(format!("pgbench told no tps:\n{output}")))
    }
}

/// Runs scripts in turns, each from empty tables; gives each one's rates in the order of the rounds.
pub(crate) async fn in_turns(
    world: &World,
    measure: &Measure,
    scripts: &[&Script],
    clients: usize,
    rounds: usize,
    clean: &str,
) -> Outcome<Vec<Samples>> {
    let mut rates = vec![Samples::default(); scripts.len()];
    for round in 0..rounds {
        for place in 0..scripts.len() {
            // Another one goes first in each round.
            let index = (place + round) % scripts.len();
            world.forget_events().await?;
            world.run(clean).await?;
            rates[index].push(scripts[index].rate(world, clients, measure.seconds())?);
        }
    }
    Ok(rates)
}
