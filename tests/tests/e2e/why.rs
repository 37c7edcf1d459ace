//! `herald why`: what the shell tells of an event, with the daemon's own rights.

use std::process::Output;

use herald_tests::{Outcome, Stack};
use uuid::Uuid;

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn why_tells_the_story_of_each_recipient() -> Outcome<()> {
    let stack = Stack::start().await?;
    let reached = stack.seed_user(1).await?;
    let unverified =
        herald_tests::people::add_unverified_user(&stack.client, "+12015550199").await?;
    let event: Uuid = stack
        .value(
            "select emit_notification_event('task.due_soon', \
             '{\"task_name\": \"Water the plants\", \"due_time\": \"5 pm\"}'::jsonb)",
        )
        .await?;
    stack.wait_until_settled().await?;

    let output = stack
        .daemon
        .command(&["why", &event.to_string()])?
        .output()?;
    assert!(output.status.success(), "{output:?}");
    let told = lines(&output);
    let text = told.join("\n");
    assert!(
        told[0].contains("emitted") && told[0].contains("task.due_soon from api_action"),
        "{text}"
    );
    let place = |what: &str| told.iter().position(|line| line.contains(what));
    assert!(place(&format!("user {}", reached.id)).is_some(), "{text}");
    let story = [
        "allowed",
        "attempt 1 took",
        "callback     delivered, applied",
        "now          delivered",
    ];
    let places: Vec<_> = story.iter().map(|step| place(step)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{text}"
    );
    assert!(
        text.contains("unverified: the phone number was never verified"),
        "{text}"
    );
    for secret in [
        &reached.phone_number,
        &unverified.phone_number,
        "Water the plants",
    ] {
        assert!(!text.contains(secret), "{text}");
    }

    let one = stack
        .daemon
        .command(&[
            "why",
            &event.to_string(),
            &unverified.id.to_string(),
            "--json",
        ])?
        .output()?;
    let story: serde_json::Value = serde_json::from_slice(&one.stdout)?;
    let steps: Vec<_> = story
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| line["step"].clone())
        .collect();
    assert_eq!(steps, ["emitted", "suppressed", "now"]);

    let nothing = stack
        .daemon
        .command(&["why", &Uuid::nil().to_string()])?
        .output()?;
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
    Ok(())
}
