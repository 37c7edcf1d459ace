//! `herald why`: the story of an event, for people.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::cli::WhyArgs;
use crate::config::Config;
use crate::database::Database;
use crate::error::chain;
use crate::exit::Exit;
use crate::link::Link;
use crate::output::print;
use crate::records::StoryLine;
use crate::store;

/// Prints the story. 1 if there is no such event, 69 if Postgres does not tell it.
pub(crate) async fn why(config: &Config, args: &WhyArgs) -> Exit {
    let database = match Database::new(&config.database) {
        Ok(database) => Arc::new(database),
        Err(problem) => {
            eprintln!("herald: {problem}");
            return Exit::Config;
        }
    };
    let mut link = Link::new(database, Counter::default());
    match store::why(&mut link, args.event, args.user).await {
        Ok(story) if args.json => print(&format!("{}\n", serde_json::json!(story))),
        Ok(story) => print(&told(&story)),
        Err(error) if error.sqlstate() == Some(&SqlState::NO_DATA_FOUND) => {
            eprintln!("herald: there is no event {}", args.event);
            return Exit::Problems;
        }
        Err(error) => {
            eprintln!("herald: {}", chain(&error));
            return Exit::Unavailable;
        }
    }
    Exit::Done
}

/// What concerns the event, then each recipient under a line of its own; within both in order of time.
fn told(story: &[StoryLine]) -> String {
    let mut people: Vec<Option<Uuid>> = vec![None];
    for line in story {
        if !people.contains(&line.user_id) {
            people.push(line.user_id);
        }
    }
    let mut text = String::new();
    for person in people {
        if let Some(id) = person {
            text += &format!("user {id}\n");
        }
        for line in story.iter().filter(|line| line.user_id == person) {
            let at = match line.step.as_str() {
                "now" => String::new(),
                _ => line.at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string(),
            };
            let channel = line.channel.as_deref().unwrap_or("");
            let written = format!("{at:<25} {channel:<7} {:<12} {}", line.step, line.detail);
            text += &format!("{}\n", written.trim_end());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_comes_first_and_each_person_has_a_heading() {
        let line = |user: Option<u128>, step: &str, detail: &str| StoryLine {
            at: "2026-02-03T04:05:06.789Z".parse().unwrap(),
            user_id: user.map(Uuid::from_u128),
            channel: user.map(|_| "sms".to_owned()),
            step: step.to_owned(),
            detail: detail.to_owned(),
        };
        let text = told(&[
            line(None, "emitted", "x.y"),
            line(Some(2), "allowed", "1 segment"),
            line(Some(1), "suppressed", "no_phone"),
            line(Some(2), "now", "delivered"),
            line(None, "now", "cancelled"),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "2026-02-03 04:05:06.789Z          emitted      x.y",
                "                                  now          cancelled",
                "user 00000000-0000-0000-0000-000000000002",
                "2026-02-03 04:05:06.789Z  sms     allowed      1 segment",
                "                          sms     now          delivered",
                "user 00000000-0000-0000-0000-000000000001",
                "2026-02-03 04:05:06.789Z  sms     suppressed   no_phone",
            ]
        );
    }
}
