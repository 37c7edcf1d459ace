//! Results that Postgres could not be given, kept on disk: a daemon that is killed meanwhile loses none.
//!
//! One JSON object a line, without number and text. The batch is the fence: a result that was written already, or whose
//! lease is lost, changes nothing when it is written again.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::records::AttemptResult;

/// What stays out: Twilio's words may name the number.
const LEFT_OUT: [&str; 2] = ["error_message", "sender"];

/// The journal in a state directory.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    worker: Uuid,
    result: Value,
}

/// Results of one process, as `complete_sms_messages` takes them.
#[derive(Debug, PartialEq)]
pub(crate) struct Kept {
    /// The process that claimed them.
    pub(crate) worker: Uuid,
    /// Its results.
    pub(crate) results: Vec<Value>,
}

impl Journal {
    /// The journal of this state directory.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join("journal"),
        }
    }

    /// Keeps these results, durably.
    pub(crate) fn append(&self, worker: Uuid, results: &[&AttemptResult]) -> io::Result<()> {
        let mut lines = Vec::new();
        for result in results {
            let mut result = serde_json::to_value(result)?;
            if let Some(fields) = result.as_object_mut() {
                fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
            }
            serde_json::to_writer(&mut lines, &Entry { worker, result })?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)?;
        file.write_all(&lines)?;
        file.sync_data()
    }

    /// Forgets everything: it is written.
    pub(crate) fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// What is kept, by process. A last line that was cut short is left out: its result was never kept.
    pub(crate) fn read(&self) -> io::Result<Vec<Kept>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut kept: Vec<Kept> = Vec::new();
        for line in text.lines() {
            let Ok(entry) = serde_json::from_str::<Entry>(line) else {
                continue;
            };
            match kept.iter_mut().find(|kept| kept.worker == entry.worker) {
                Some(kept) => kept.results.push(entry.result),
                None => kept.push(Kept {
                    worker: entry.worker,
                    results: vec![entry.result],
                }),
            }
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use herald_core::outcome::Outcome;

    use super::*;
    use crate::twilio::Answer;

    fn result(attempt: i32) -> AttemptResult {
        AttemptResult {
            batch_id: Uuid::from_u128(1),
            message_id: Uuid::from_u128(2),
            attempt,
            outcome: "rejected",
            sender: Some("+15005550006".to_owned()),
            answer: Answer {
                error_code: Some(21211),
                error_message: Some("+14155550100 is no number".to_owned()),
                ..Answer::without_response(Outcome::Rejected, "", Duration::from_millis(5))
            },
        }
    }

    #[test]
    fn what_is_kept_comes_back_without_number_and_is_gone_when_written() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::new(directory.path());
        assert!(journal.read().unwrap().is_empty());
        journal.clear().unwrap();
        let (one, two) = (Uuid::from_u128(7), Uuid::from_u128(8));
        journal.append(one, &[&result(1), &result(2)]).unwrap();
        journal.append(two, &[&result(3)]).unwrap();
        journal.append(one, &[&result(4)]).unwrap();
        let text = fs::read_to_string(directory.path().join("journal")).unwrap();
        assert!(!text.contains("555"), "{text}");
        fs::write(
            directory.path().join("journal"),
            text + "{\"worker\":\"00000000",
        )
        .unwrap();
        let kept = journal.read().unwrap();
        let attempts =
            |kept: &Kept| -> Vec<_> { kept.results.iter().map(|r| r["attempt"].clone()).collect() };
        assert_eq!((kept[0].worker, kept[1].worker), (one, two));
        assert_eq!(attempts(&kept[0]), [1, 2, 4]);
        assert_eq!(kept[0].results[0]["error_code"], 21211);
        journal.clear().unwrap();
        assert!(journal.read().unwrap().is_empty());
    }
}
