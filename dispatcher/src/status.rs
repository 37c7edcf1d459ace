//! `herald status` and `herald config`: how sending goes, and what is set.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;

use crate::cli::StatusArgs;
use crate::config::{Config, KEYS, Sources};
use crate::database::Database;
use crate::error::chain;
use crate::exit::Exit;
use crate::link::Link;
use crate::output::print;
use crate::records::StatusRow;
use crate::store;

/// Prints the state of sending. 69 if Postgres does not say it.
pub(crate) async fn status(config: &Config, args: &StatusArgs) -> Exit {
    let database = match Database::new(&config.database) {
        Ok(database) => Arc::new(database),
        Err(problem) => {
            eprintln!("herald: {problem}");
            return Exit::Config;
        }
    };
    match store::status(&mut Link::new(database, Counter::default())).await {
        Ok(stats) if args.json => print(&format!("{}\n", serde_json::json!(stats))),
        Ok(stats) => print(&table(&stats)),
        Err(error) => {
            eprintln!("herald: {}", chain(&error));
            return Exit::Unavailable;
        }
    }
    Exit::Done
}

fn table(rows: &[StatusRow]) -> String {
    let mut text = format!(
        "{:<8}  {:<18}  {:>9}  {:>9}  detail\n",
        "", "what", "number", "age"
    );
    for row in rows {
        let number = row
            .amount
            .map_or("-".to_owned(), |amount| amount.to_string());
        let since = row.age_seconds.map_or("-".to_owned(), age);
        let line = format!(
            "{:<8}  {:<18}  {number:>9}  {since:>9}  {}",
            row.section,
            row.name,
            row.detail.as_deref().unwrap_or_default()
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn age(seconds: f64) -> String {
    match seconds.max(0.0) {
        seconds if seconds < 60.0 => format!("{seconds:.1} s"),
        seconds if seconds < 3600.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Prints every setting with value and origin, even if the configuration is wrong; 78 then.
pub(crate) fn settings(sources: &Sources) -> Exit {
    let (values, _) = sources.gather();
    let mut text = String::new();
    for key in KEYS {
        let shown = match values.get(key.file) {
            None => "not set".to_owned(),
            Some(found) if key.secret => format!("(secret), {}", found.origin),
            Some(found) => format!("{:?}, {}", found.text, found.origin),
        };
        let file = match key.secret {
            true => format!(", {}_FILE", key.env),
            false => String::new(),
        };
        let names = format!("{} ({}{file})", key.file, key.env);
        text += &format!("{names}\n    {}\n    {shown}\n", key.help);
    }
    print(&text);
    match Config::load(sources) {
        Ok(_) => Exit::Done,
        Err(problems) => {
            for problem in problems {
                eprintln!("herald: {problem}");
            }
            Exit::Config
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_row() {
        let row = |section: &str, amount, age_seconds, detail: Option<&str>| StatusRow {
            section: section.to_owned(),
            name: "due normal".to_owned(),
            amount,
            age_seconds,
            detail: detail.map(str::to_owned),
        };
        let text = table(&[
            row("queue", Some(3), Some(4.21), None),
            row("twilio", None, Some(7200.0), Some("sent (applied)")),
            row("queue", Some(0), None, None),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].ends_with("3      4.2 s"), "{text}");
        assert!(lines[2].ends_with("-      2.0 h  sent (applied)"), "{text}");
        assert!(lines[3].ends_with("0          -"), "{text}");
    }
}
