//! `./dev bench`: how fast pg_herald is, told as ratios between things measured in turns within one run.
#![forbid(unsafe_code)]

mod callbacks;
mod machine;
mod measure;
mod page;
mod parts;
mod peers;
mod people;
mod pgbench;
mod process;
mod row;
mod sink;
mod stats;
mod texts;
mod world;

use clap::Parser;
use herald_tests::{Failure, Outcome};
use measure::Measure;
use parts::Part;
use row::PartResult;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long one benchmark may take; what hangs must not keep the others waiting.
const PATIENCE: Duration = Duration::from_secs(900);

/// Runs benchmarks and writes what they gave.
#[derive(Parser)]
struct Arguments {
    /// The benchmarks to run; all of them when none is named.
    #[arg(value_enum)]
    names: Vec<Part>,
    /// Smaller numbers and fewer rounds: whether it works, not how fast it is. Nothing of it is kept.
    #[arg(long)]
    quick: bool,
    /// How often each thing is measured, in turns with what it is compared with.
    #[arg(long)]
    rounds: Option<usize>,
    /// How long one run of pgbench takes.
    #[arg(long)]
    seconds: Option<u64>,
    /// Where the raw results are kept, one file a benchmark.
    #[arg(long, env = "HERALD_BENCH_RESULTS", default_value = "target/bench")]
    results: PathBuf,
    /// The page whose table is written anew.
    #[arg(long, default_value = "docs/BENCHMARKS.md")]
    page: PathBuf,
    /// Leave the page as it is.
    #[arg(long)]
    no_page: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = tokio::select! {
        outcome = run(Arguments::parse()) => outcome,
        _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted; everything that was started has been removed")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what is asked for; false when one of the benchmarks could not be carried out.
async fn run(arguments: Arguments) -> Outcome<bool> {
    let measure = Measure::new(arguments.quick, arguments.rounds, arguments.seconds)?;
    let parts = if arguments.names.is_empty() {
        Part::all()
    } else {
        arguments.names
    };
    std::fs::create_dir_all(&arguments.results)?;
    let mut results = Vec::new();
    for part in parts {
        eprintln!("bench: {part}");
        let started = Instant::now();
        let outcome = tokio::time::timeout(PATIENCE, part.run(&measure))
            .await
            .unwrap_or_else(|_| Err(Failure::new(format!("not done within {PATIENCE:?}"))));
        if let Err(failure) = &outcome {
            eprintln!("bench: {part} failed: {failure}");
        }
        let result = PartResult::new(part, outcome, &measure, started.elapsed());
        if !measure.quick {
            result.write(&arguments.results)?;
            if !arguments.no_page {
                page::write(&arguments.page, &arguments.results)?;
            }
        }
        results.push(result);
    }
    print!("{}", page::terminal_table(&results));
    Ok(results.iter().all(|result| result.failure.is_none()))
}
