//! The table on the terminal, and the page docs/BENCHMARKS.md.

use crate::machine::Machine;
use crate::parts::Part;
use crate::row::{PartResult, Row};
use herald_tests::{Explain, Outcome};
use std::collections::BTreeMap;
use std::path::Path;

/// The page's text; the table and what it was measured on are put in.
const TEMPLATE: &str = include_str!("../page.md");
/// What limits the lines that do not reach what is wanted; written by hand, from profiles.
const LIMITS: &str = include_str!("../limits.md");

const HEAD: &str = "| benchmark | what | ours | compared with | ratio | wanted | reached |\n\
                    | --- | --- | --- | --- | --- | --- | --- |\n";

/// Writes the page from the kept results. A benchmark that has none keeps the lines it has on the page.
pub(crate) fn write(page: &Path, results: &Path) -> Outcome<()> {
    let old = std::fs::read_to_string(page).unwrap_or_default();
    let mut table = HEAD.to_string();
    let mut runs = BTreeMap::<String, Vec<String>>::new();
    for part in Part::all() {
        match PartResult::read(part, results) {
            Some(result) => {
                for row in result.shown_rows() {
                    table.push_str(&line(part, &row));
                }
                runs.entry(run_line(&result))
                    .or_default()
                    .push(format!("`{part}`"));
            }
            None => {
                for kept in kept(&old, &format!("| `{part}` |")) {
                    table.push_str(kept);
                    table.push('\n');
                }
            }
        }
    }
    // Runs of benchmarks whose raw results are not here stay told as they were.
    let mut told: Vec<String> = runs
        .iter()
        .map(|(run, parts)| format!("* {run}: {}", parts.join(", ")))
        .collect();
    if Part::all()
        .iter()
        .any(|part| PartResult::read(*part, results).is_none())
    {
        told.extend(
            kept(&old, "* 20")
                .filter(|line| !told.contains(&(*line).to_string()))
                .map(str::to_string)
                .collect::<Vec<_>>(),
        );
    }
    let text = TEMPLATE
        .replace("{{runs}}", told.join("\n").trim_end())
        .replace("{{table}}", table.trim_end())
        .replace("{{limits}}", LIMITS.trim_end());
    std::fs::write(page, text).explain(|| format!("cannot write {}", page.display()))
}

fn kept<'a>(page: &'a str, beginning: &str) -> impl Iterator<Item = &'a str> {
    let beginning = beginning.to_string();
    page.lines()
        .filter(move |line| line.starts_with(&beginning))
}

fn line(part: Part, row: &Row) -> String {
    let cells = [
        &row.what,
        &row.ours,
        &row.compared_with,
        &row.ratio,
        &row.aim,
        &row.reached,
    ]
    .map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    format!("| `{part}` | {} |\n", cells.join(" | "))
}

fn run_line(result: &PartResult) -> String {
    let Machine {
        cores,
        processor,
        memory_gib,
        kernel,
        postgres,
        rust,
        commit,
    } = &result.machine;
    format!(
        "{}, {cores} cores of {processor}, {memory_gib} GiB, Linux {kernel}; {postgres}; {rust}; commit {commit}",
        result.at.format("%Y-%m-%d")
    )
}

/// The table as a terminal shows it.
pub(crate) fn terminal_table(results: &[PartResult]) -> String {
    let mut lines = vec![
        [
            "benchmark",
            "what",
            "ours",
            "compared with",
            "ratio",
            "wanted",
            "reached",
        ]
        .map(String::from),
    ];
    for result in results {
        for row in result.shown_rows() {
            lines.push([
                result.part.to_string(),
                row.what,
                row.ours,
                row.compared_with,
                row.ratio,
                row.aim,
                row.reached.replace("**", ""),
            ]);
        }
    }
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        for (width, cell) in widths.iter().zip(line) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Measure;
    use crate::row::Report;
    use herald_tests::Failure;
    use std::time::Duration;

    fn result(part: Part, outcome: Outcome<Report>) -> PartResult {
        let mut measure = Measure::nowhere();
        measure.machine.commit = "abc".to_string();
        PartResult::new(part, outcome, &measure, Duration::ZERO)
    }

    #[test]
    fn only_the_lines_of_what_was_measured_change() {
        let directory = std::env::temp_dir().join(format!("herald-page-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let page = directory.join("page.md");
        std::fs::write(
            &page,
            "* 2026-01-02, an old run: `emit`, `wal`\n\n| `emit` | old emit |\n| `wal` | old wal |\n",
        )
        .unwrap();
        let mut report = Report::default();
        report.row(Row::new("new wal", "5 | 6"));
        result(Part::Wal, Ok(report)).write(&directory).unwrap();
        result(Part::Idle, Err(Failure::new("no such thing")))
            .write(&directory)
            .unwrap();
        write(&page, &directory).unwrap();
        let text = std::fs::read_to_string(&page).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(text.contains("| `emit` | old emit |"), "{text}");
        assert!(text.contains("| `wal` | new wal | 5 \\| 6 |"), "{text}");
        assert!(!text.contains("old wal"), "{text}");
        assert!(text.contains("failed: no such thing"), "{text}");
        assert!(text.contains("* 2026-01-02, an old run"), "{text}");
        assert!(text.contains("commit abc: `wal`, `idle`"), "{text}");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let mut report = Report::default();
        report.row(Row::new("something long", "1").wanted_in_words("≥ 1", "**no**"));
        let table = terminal_table(&[result(Part::Wal, Ok(report))]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0].find("ours"), lines[1].find('1'));
        assert!(lines[1].ends_with("no"), "{table}");
    }
}
