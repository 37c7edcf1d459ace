//! The table of figures: every trial adds a row to one file, and the file is shown as one table.

use crate::failure::{Explain, Outcome};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What one trial came to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    /// What went wrong.
    pub fault: String,
    /// The policy for doubts, where policies are compared.
    pub policy: Option<String>,
    /// Texts of committed transactions.
    pub messages: usize,
    /// Faults injected.
    pub injected: usize,
    /// Texts that Twilio accepted more often than they were wanted.
    pub twice: usize,
    /// Texts that Twilio never accepted, and no reason is stated.
    pub lost: usize,
    /// Texts that Twilio never accepted, with a stated reason.
    pub given_up: usize,
    /// Attempts that were in doubt for a while.
    pub doubts: usize,
    /// Texts that are in doubt, or wait, at the end.
    pub left: usize,
    /// Length of the trial.
    pub seconds: u64,
    /// What else is to be said.
    pub note: Option<String>,
}

/// Adds a row to the file that `HERALD_FAULTS_FIGURES` names, else to `faults.jsonl` beside the running program.
pub fn append(row: &Row) -> Outcome<()> {
    let path = file()?;
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .explain(|| format!("cannot write {}", path.display()))?;
    // In one write: several tests append at the same time.
    let line = serde_json::to_string(row)? + "\n";
    file.write_all(line.as_bytes())?;
    Ok(())
}

fn file() -> Outcome<PathBuf> {
    Ok(match std::env::var_os("HERALD_FAULTS_FIGURES") {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()?.with_file_name("faults.jsonl"),
    })
}

/// The rows of a file.
pub fn read(path: &Path) -> Outcome<Vec<Row>> {
    let text =
        std::fs::read_to_string(path).explain(|| format!("cannot read {}", path.display()))?;
    let rows = text.lines().map(|line| {
        serde_json::from_str(line).explain(|| format!("{} holds {line}", path.display()))
    });
    rows.collect()
}

/// The rows as tables in Markdown: the faults, and the comparison of the policies.
pub fn markdown(mut rows: Vec<Row>) -> String {
    rows.sort_by(|a, b| (&a.fault, &a.policy).cmp(&(&b.fault, &b.policy)));
    let (compared, faults): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row.policy.is_some());
    let mut text = String::from(
        "| fault | texts | faults | twice | lost | given up | in doubt, settled | left | seconds |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in &faults {
        let note = row.note.as_deref().map(|note| format!(" ({note})"));
        let _infallible = writeln!(
            text,
            "| {}{} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.fault,
            note.unwrap_or_default(),
            row.messages,
            row.injected,
            row.twice,
            row.lost,
            row.given_up,
            row.doubts,
            row.left,
            row.seconds,
        );
    }
    let of = |rows: &[Row], count: fn(&Row) -> usize| rows.iter().map(count).sum::<usize>();
    let _infallible = writeln!(
        text,
        "| **all** | {} | {} | {} | {} | {} | {} | {} | |",
        of(&faults, |row| row.messages),
        of(&faults, |row| row.injected),
        of(&faults, |row| row.twice),
        of(&faults, |row| row.lost),
        of(&faults, |row| row.given_up),
        of(&faults, |row| row.doubts),
        of(&faults, |row| row.left),
    );
    if !compared.is_empty() {
        text.push_str(
            "\n| the same faults, other policies | policy | texts | faults | sent twice | never sent |\n\
             | --- | --- | ---: | ---: | ---: | ---: |\n",
        );
        for row in &compared {
            let _infallible = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                row.fault,
                row.policy.as_deref().unwrap_or_default(),
                row.messages,
                row.injected,
                row.twice,
                row.lost + row.given_up,
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fault: &str, policy: Option<&str>) -> Row {
        Row {
            fault: fault.to_owned(),
            policy: policy.map(str::to_owned),
            messages: 10,
            injected: 2,
            twice: 0,
            lost: 0,
            given_up: 1,
            doubts: 3,
            left: 0,
            seconds: 7,
            note: None,
        }
    }

    #[test]
    fn faults_and_policies_are_two_tables() {
        let text = markdown(vec![
            row("stall", None),
            row("kill -9", Some("resolve")),
            row("kill -9", None),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], "| kill -9 | 10 | 2 | 0 | 0 | 1 | 3 | 0 | 7 |");
        assert_eq!(lines[3], "| stall | 10 | 2 | 0 | 0 | 1 | 3 | 0 | 7 |");
        assert_eq!(lines[4], "| **all** | 20 | 4 | 0 | 0 | 2 | 6 | 0 | |");
        assert_eq!(lines[8], "| kill -9 | resolve | 10 | 2 | 0 | 1 |");
        assert_eq!(lines.len(), 9);
    }
}
