//! `herald status` and `herald config`: what waits, and what is set.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;

use crate::cli::StatusArgs;
use crate::config::{Config, KEYS, Sources};
use crate::database::Database;
use crate::error::chain;
use crate::exit::Exit;
use crate::link::Link;
use crate::output::print;
use crate::records::QueueStat;
use crate::store;

/// Prints the queue by state and priority. 69 if Postgres does not say it.
pub(crate) async fn status(config: &Config, args: &StatusArgs) -> Exit {
    let database = match Database::new(&config.database) {
        Ok(database) => Arc::new(database),
        Err(problem) => {
            eprintln!("herald: {problem}");
            return Exit::Config;
        }
    };
    match store::queue_stats(&mut Link::new(database, Counter::default())).await {
        Ok(stats) if args.json => print(&format!("{}\n", serde_json::json!(stats))),
        Ok(stats) => print(&table(&stats)),
        Err(error) => {
            eprintln!("herald: {}", chain(&error));
            return Exit::Unavailable;
        }
    }
    Exit::Done
}

fn table(stats: &[QueueStat]) -> String {
    if stats.iter().all(|stat| stat.messages == 0) {
        return "nothing waits\n".to_owned();
    }
    let mut text = format!(
        "{:<10}  {:<8}  {:>10}  {:>12}\n",
        "state", "priority", "messages", "oldest"
    );
    for stat in stats {
        let oldest = stat.oldest_age_seconds.map_or("-".to_owned(), age);
        text += &format!(
            "{:<10}  {:<8}  {:>10}  {oldest:>12}\n",
            stat.state, stat.priority, stat.messages
        );
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
    fn the_table_has_a_line_for_each_state_and_priority() {
        let stat = |state: &str, messages, age| QueueStat {
            state: state.to_owned(),
            priority: "normal".to_owned(),
            messages,
            oldest_age_seconds: age,
        };
        let text = table(&[
            stat("due", 3, Some(4.21)),
            stat("waiting", 1, None),
            stat("unknown", 1, Some(7200.0)),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(
            lines[1].ends_with("4.2 s") && lines[2].ends_with('-') && lines[3].ends_with("2.0 h")
        );
        assert_eq!(table(&[stat("due", 0, None)]), "nothing waits\n");
    }
}
