//! Instructions of the pure functions that every text goes through: a figure that does not move with the machine's noise.

use crate::measure::Measure;
use crate::row::{Report, Row};
use crate::stats::whole;
use herald_tests::{Explain, Failure, Outcome};
use std::process::Command;

const FUNCTIONS: [(&str, &str); 5] = [
    ("render", "render a template with two variables"),
    ("segments_gsm", "count segments, 90 characters, GSM-7"),
    ("segments_ucs2", "count segments, 38 characters, UCS-2"),
    ("signature", "verify the signature of a status callback"),
    (
        "classify",
        "classify an answer of Twilio's and find its rule",
    ),
];
/// The work `classify` does at a time.
const CLASSIFIED: f64 = 4.0;

/// Counted twice, so that starting the program is not among them.
pub(crate) async fn run(_: &Measure) -> Outcome<Report> {
    let mut report = Report::default();
    for (name, what) in FUNCTIONS {
        let few = count(name, 200)?;
        let many = count(name, 1_200)?;
        let each = (many - few) / 1_000.0;
        let each = if name == "classify" {
            each / CLASSIFIED
        } else {
            each
        };
        report.row(Row::new(what, format!("{} instructions", whole(each))));
    }
    Ok(report)
}

fn count(name: &str, times: usize) -> Outcome<f64> {
    let program = std::env::current_exe()?.with_file_name("hot_functions");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg(name)
        .arg(times.to_string())
        .output()
        .explain(|| "cannot run valgrind".to_string())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, number)| number.trim().parse().ok())
        .filter(|_| output.status.success())
        .ok_or_else(|| Failure::new(format!("callgrind counted nothing:\n{text}")))
}
