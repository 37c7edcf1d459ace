//! Postgres' own load generator.

use crate::measure::Measure;
use crate::stats::Samples;
use crate::world::World;
use herald_tests::cluster::run;
use herald_tests::stack::DATABASE;
use herald_tests::{Explain, Failure, Outcome};
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

    /// Transactions per second with that many clients, once every session has made its plans.
    pub(crate) fn rate(&self, world: &World, clients: usize, seconds: u64) -> Outcome<f64> {
        let warm_up = if clients > 8 { 2 } else { 1 };
        let output = self
            .command(world)
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={}", clients.min(2)))
            .arg(format!("--time={}", warm_up + seconds))
            .arg("--progress=1")
            .output()
            .explain(|| "cannot run pgbench".to_string())?;
        let report = String::from_utf8_lossy(&output.stderr);
        let rates: Vec<f64> = report
            .lines()
            .filter_map(second)
            .filter(|(at, _)| *at > warm_up as f64 + 0.5)
            .map(|(_, rate)| rate)
            .collect();
        if !output.status.success() || rates.is_empty() {
            return Err(Failure::new(format!(
                "pgbench: {}\n{report}",
                output.status
            )));
        }
        Ok(rates.iter().sum::<f64>() / rates.len() as f64)
    }
}

/// When a second ended and its rate, from a line `progress: 2.0 s, 1234.5 tps, …`.
fn second(line: &str) -> Option<(f64, f64)> {
    let (at, rest) = line.strip_prefix("progress: ")?.split_once(" s, ")?;
    let rate = rest.split_once(" tps")?.0;
    Some((at.parse().ok()?, rate.parse().ok()?))
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_of_progress_is_read() {
        let line = "progress: 2.0 s, 1234.5 tps, lat 6.4 ms stddev 2.1, 0 failed";
        assert_eq!(super::second(line), Some((2.0, 1234.5)));
        assert_eq!(super::second("pgbench (15.20)"), None);
    }
}
