//! One line of the table, and the file it is kept in until the page is written anew.

use crate::machine::Machine;
use crate::measure::Measure;
use crate::parts::Part;
use chrono::{DateTime, Utc};
use herald_tests::{Explain, Outcome};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// One line of the table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// What ours gave, with its unit.
    pub(crate) ours: String,
    /// What it is compared with, and what that gave.
    pub(crate) compared_with: String,
    /// Ours against that.
    pub(crate) ratio: String,
    /// What is wanted.
    pub(crate) aim: String,
    /// Whether that is so.
    pub(crate) reached: String,
}

/// A figure that is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// At least the first, better the second.
    AtLeast(f64, Option<f64>),
    /// At most the first, better the second.
    AtMost(f64, Option<f64>),
}

impl Bar {
    /// Says in a word whether a value is good enough.
    pub(crate) fn judge(self, value: f64) -> String {
        let (must, aim) = match self {
            Bar::AtLeast(must, aim) => (value >= must, aim.map(|aim| value >= aim)),
            Bar::AtMost(must, aim) => (value <= must, aim.map(|aim| value <= aim)),
        };
        match (must, aim) {
            (true, Some(true)) => "yes, the aim",
            (true, _) => "yes",
            (false, _) => "**no**",
        }
        .to_string()
    }

    /// The figure in words.
    pub(crate) fn show(self, write: impl Fn(f64) -> String) -> String {
        let (sign, must, aim) = match self {
            Bar::AtLeast(must, aim) => ('≥', must, aim),
            Bar::AtMost(must, aim) => ('≤', must, aim),
        };
        match aim {
            Some(aim) => format!("{sign} {}, aim {}", write(must), write(aim)),
            None => format!("{sign} {}", write(must)),
        }
    }
}

impl Row {
    /// A line that starts with what was measured and what it gave.
    pub(crate) fn new(what: impl Into<String>, ours: impl Into<String>) -> Row {
        Row {
            what: what.into(),
            ours: ours.into(),
            ..Row::default()
        }
    }

    /// Adds what it is compared with.
    pub(crate) fn against(mut self, what: impl Into<String>, ratio: impl Into<String>) -> Row {
        self.compared_with = what.into();
        self.ratio = ratio.into();
        self
    }

    /// Adds what is wanted and judges `value` by it.
    pub(crate) fn wanted(self, bar: Bar, write: impl Fn(f64) -> String, value: f64) -> Row {
        let aim = bar.show(write);
        self.wanted_in_words(aim, bar.judge(value))
    }

    /// Adds what is wanted and whether it is so, both in words.
    pub(crate) fn wanted_in_words(
        mut self,
        aim: impl Into<String>,
        reached: impl Into<String>,
    ) -> Row {
        self.aim = aim.into();
        self.reached = reached.into();
        self
    }
}

/// What one benchmark gave.
#[derive(Serialize, Deserialize)]
pub(crate) struct PartResult {
    /// Which one.
    pub(crate) part: Part,
    /// Its lines, and how they came about in figures.
    pub(crate) rows: Vec<Row>,
    /// Why there are none.
    pub(crate) failure: Option<String>,
    /// Figures behind the lines, for who wants to look closer.
    pub(crate) details: Vec<String>,
    /// When it ended.
    pub(crate) at: DateTime<Utc>,
    /// How long it took.
    pub(crate) seconds: u64,
    /// Where it ran.
    pub(crate) machine: Machine,
}

/// What a benchmark gives: lines, and figures behind them.
#[derive(Default)]
pub(crate) struct Report {
    /// The lines.
    pub(crate) rows: Vec<Row>,
    /// The figures.
    pub(crate) details: Vec<String>,
}

impl Report {
    /// Adds a line.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a figure, and shows it at once.
    pub(crate) fn detail(&mut self, text: impl Into<String>) {
        let text = text.into();
        eprintln!("  {text}");
        self.details.push(text);
    }
}

impl PartResult {
    /// Of a benchmark that has just ended.
    pub(crate) fn new(
        part: Part,
        outcome: Outcome<Report>,
        measure: &Measure,
        took: Duration,
    ) -> PartResult {
        let (report, failure) = match outcome {
            Ok(report) => (report, None),
            Err(failure) => (Report::default(), Some(failure.to_string())),
        };
        PartResult {
            part,
            rows: report.rows,
            failure,
            details: report.details,
            at: Utc::now(),
            seconds: took.as_secs(),
            machine: measure.machine.clone(),
        }
    }

    /// Keeps it in the directory of raw results.
    pub(crate) fn write(&self, directory: &Path) -> Outcome<()> {
        let path = directory.join(format!("{}.json", self.part));
        std::fs::write(&path, serde_json::to_vec_pretty(self)?)
            .explain(|| format!("cannot write {}", path.display()))
    }

    /// The kept result of a benchmark; `None` if there is none, or one of another form.
    pub(crate) fn read(part: Part, directory: &Path) -> Option<PartResult> {
        let bytes = std::fs::read(directory.join(format!("{part}.json"))).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The lines, with one that says so when it failed.
    pub(crate) fn shown_rows(&self) -> Vec<Row> {
        match &self.failure {
            None => self.rows.clone(),
            Some(failure) => vec![
                Row::new(self.part.title(), "failed").wanted_in_words("", failure_line(failure)),
            ],
        }
    }
}

fn failure_line(failure: &str) -> String {
    let line = failure.lines().next().unwrap_or_default();
    format!("failed: {}", line.chars().take(160).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::percent;

    #[test]
    fn a_bar_knows_three_answers() {
        let bar = Bar::AtLeast(0.75, Some(0.95));
        assert_eq!(bar.show(percent), "≥ 75 %, aim 95 %");
        assert_eq!(bar.judge(0.96), "yes, the aim");
        assert_eq!(bar.judge(0.80), "yes");
        assert_eq!(bar.judge(0.70), "**no**");
        assert_eq!(Bar::AtMost(2.0, None).judge(1.0), "yes");
        assert_eq!(Bar::AtMost(2.0, None).judge(2.1), "**no**");
    }
}
