//! Twilio refuses: too many requests at once, numbers and texts it will never take, an account that is out of order.

use herald_tests::load::LoadOptions;
use herald_tests::trial::Trial;
use herald_tests::{Outcome, Stack};
use serde_json::json;
use std::time::Duration;

use crate::kills::slow_answers;

/// Requests that Twilio refused.
async fn refused(stack: &Stack) -> Outcome<u32> {
    let accepted = stack.simulator.accepted().await?.len();
    let requests = usize::try_from(stack.simulator.requests().await?)?;
    Ok(u32::try_from(requests - accepted)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_429() -> Outcome<()> {
    let mut trial = Trial::prepare("429: four requests at once are too many").await?;
    slow_answers(&trial.stack, 150).await?;
    let four = json!({"concurrency_limit": 4});
    trial.stack.simulator.post("/_sim/settings", &four).await?;
    trial.be_patient().await?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LoadOptions {
        per_second: 60.0,
        transactions: Some(trial.scale(250, 1000)),
        ..LoadOptions::default()
    });
    let emitted = load.finish().await?;
    trial.settle().await?;
    let refused = refused(&trial.stack).await?;
    assert!(refused > 0, "no storm");
    trial.judge(&emitted, refused).await?;
    // A refusal of this kind costs no attempt.
    let most: i32 = trial
        .stack
        .value("select max(attempt_count) from herald.sms_messages")
        .await?;
    assert_eq!(most, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_holds_up_nothing_else() -> Outcome<()> {
    let mut trial = Trial::prepare(
        "poison: a number refused, one that nothing reaches, texts refused, then the whole account",
    )
    .await?;
    let (invalid, landline) = (
        trial.people[0].phone_number.clone(),
        trial.people[1].phone_number.clone(),
    );
    let rules = json!([
        {"to": invalid, "refuse": {"code": 21211}},
        {"to": landline, "path": ["sent", {"status": "undelivered", "error_code": 30006}]},
        {"body": "*7 is on its way", "refuse": {"code": 21617}},
    ]);
    trial.stack.simulator.post("/_sim/rules", &rules).await?;
    trial.stack.daemon.start().await?;
    let load = LoadOptions {
        transactions: Some(trial.scale(200, 800)),
        ..LoadOptions::default()
    };
    let mut emitted = trial.load(load).finish().await?;
    let poison = format!(
        "(o.phone_number in ('{invalid}', '{landline}') or o.body like '%7 is on its way')"
    );
    let of_orders = "from public.orders o join herald.notification_deliveries d on d.event_id = o.event_id \
                     left join herald.sms_messages m on m.notification_delivery_id = d.id where";
    // Nothing is pulled forward here: the others go as if there were no poison.
    let good = format!("select bool_and(m.status = 'delivered') {of_orders} not {poison}");
    trial
        .stack
        .wait_for_sql("all others have arrived", &good)
        .await?;

    // Now the account is refused. Everything waits, and nothing is used up.
    let account = json!({"body": "*", "refuse": {"code": 20003, "http_status": 401}, "times": 3});
    trial.stack.simulator.post("/_sim/rules", &account).await?;
    emitted.add(trial.load(load).finish().await?);
    trial
        .stack
        .wait_for_sql(
            "the account is paused",
            "select count(*) > 0 from herald_breakers() where scope = 'account'",
        )
        .await?;
    let requests = trial.stack.simulator.requests().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        trial.stack.simulator.requests().await? <= requests + 1,
        "it is not paused"
    );
    trial.stack.simulator.post("/_sim/rules", &rules).await?;
    trial.settle().await?;

    let given_up = format!("select count(*) {of_orders} {poison} and m.twilio_sid is null");
    let given_up: i64 = trial.stack.value(&given_up).await?;
    let figures = trial.figures(&emitted).await?;
    trial.record(&figures, refused(&trial.stack).await?, None)?;
    trial
        .must_be_kept(&figures, usize::try_from(given_up)?)
        .await?;
    assert!(given_up > 0, "{figures:#?}");
    assert!(trial.stack.value::<bool>(&good).await?, "{figures:#?}");
    Ok(())
}
