//! The network between the daemon and Postgres, and between the daemon and Twilio, breaks and heals.

use herald_tests::Outcome;
use herald_tests::fault_proxy::{FaultProxy, Flow, Way};
use herald_tests::load::LoadOptions;
use herald_tests::stack::{DATABASE, PATIENCE};
use herald_tests::trial::Trial;
use serde_json::json;
use std::time::{Duration, Instant};

use crate::kills::slow_answers;

/// Enough for requests to be on their way at any moment; these tests take long enough as it is.
pub(crate) const LOAD: LoadOptions = LoadOptions {
    writers: 2,
    per_second: 25.0,
    rolled_back: 0.1,
    equal: 0.1,
    transactions: None,
};

/// What the daemon logs when it takes a connection to Postgres for dead: the one it claims by, and the one it listens on.
const NOTICED: [&str; 2] = ["no work can be claimed", "not listening: polling for work"];

/// Waits until the daemon has said, since `length` bytes of its log, that both connections are dead; how long that took.
async fn until_noticed(trial: &Trial, length: usize) -> Outcome<Duration> {
    let started = Instant::now();
    let said = async || {
        let log = trial.stack.daemon.log_text()?;
        Ok(NOTICED.iter().all(|line| log[length..].contains(line)))
    };
    trial
        .stack
        .wait_until("the daemon notices", PATIENCE, said)
        .await?;
    Ok(started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn between_the_daemon_and_postgres() -> Outcome<()> {
    let mut trial =
        Trial::prepare("network between daemon and Postgres: black hole, stall, reset").await?;
    slow_answers(&trial.stack, 100).await?;
    let url = trial.stack.dispatcher_url(DATABASE);
    let (proxy, url) = FaultProxy::before(&url).await?;
    trial.stack.daemon.set("DATABASE_URL", &url);
    trial.stack.daemon.start().await?;
    let load = trial.load(LOAD);
    let rounds = trial.scale(4, 24);
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        tokio::time::sleep(trial.random_ms(500..1500)).await;
        let length = trial.stack.daemon.log_text()?.len();
        let lost = proxy.lost();
        match round % 4 {
            0 => {
                proxy.set_both(Flow::BlackHole);
                longest = longest.max(until_noticed(&trial, length).await?);
                assert!(proxy.lost() > lost, "nothing was lost");
            }
            // Claims and results are committed, and the daemon does not hear of it.
            2 => {
                let call =
                    ["claim_sms_messages", "complete_sms_messages"][(round / 4 % 2) as usize];
                proxy.lose_the_answer_to(call);
                until_noticed(&trial, length).await?;
            }
            // What was said meanwhile arrives late.
            1 => {
                proxy.set_both(Flow::Hold);
                tokio::time::sleep(trial.random_ms(1000..4000)).await;
            }
            _ => {
                proxy.refuse().await;
                proxy.reset_all();
                until_noticed(&trial, length).await?;
            }
        }
        proxy.heal().await?;
        trial.stack.daemon.wait_ready(PATIENCE).await?;
    }
    let emitted = load.stop().await?;
    trial.settle().await?;
    let figures = trial.figures(&emitted).await?;
    let note = format!(
        "half-open connections noticed within {:.1} s",
        longest.as_secs_f64()
    );
    trial.record(&figures, rounds, Some(note))?;
    trial.must_be_kept(&figures, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn between_the_daemon_and_twilio() -> Outcome<()> {
    let mut trial = Trial::prepare(
        "network between daemon and Twilio: requests lost, answers lost, stall, refused and reset",
    )
    .await?;
    let probabilities = json!({"slow_answer": 1.0, "callback_lost": 0.5});
    let faults =
        json!({"seed": trial.seed >> 12, "latency_ms": 100, "probabilities": probabilities});
    trial.stack.simulator.post("/_sim/faults", &faults).await?;
    let (proxy, url) = FaultProxy::before(&trial.stack.simulator.url).await?;
    trial.stack.daemon.set("TWILIO_API_BASE_URL", &url);
    trial.stack.daemon.start().await?;
    let load = trial.load(LoadOptions {
        equal: 0.02,
        ..LOAD
    });
    let rounds = trial.scale(4, 24);
    for round in 0..rounds {
        tokio::time::sleep(trial.random_ms(500..1500)).await;
        let lost = proxy.lost();
        match round % 4 {
            0 => proxy.set(Way::ToServer, Flow::BlackHole),
            1 => proxy.set(Way::ToClient, Flow::BlackHole),
            // Some give up meanwhile, and their requests arrive all the same.
            2 => proxy.set_both(Flow::Hold),
            _ => {
                proxy.refuse().await;
                proxy.reset_all();
            }
        }
        tokio::time::sleep(trial.random_ms(2100..2800)).await;
        assert!(round % 4 > 1 || proxy.lost() > lost, "nothing was lost");
        proxy.heal().await?;
        // Otherwise each kept connection would have to be found dead by one more text.
        proxy.reset_all();
        // An attempt that is lost counts, and a text has three of them.
        let none = "select not exists (select from herald.sms_send_attempts where resolve_at is not null) \
                    and not exists (select from herald.queue_jobs where attempt > 1)";
        trial
            .stack
            .wait_until("doubts and retries are over", PATIENCE, async || {
                trial.hasten().await?;
                trial.stack.value::<bool>(none).await
            })
            .await?;
    }
    let emitted = load.stop().await?;
    // A question that Twilio could not be asked is asked again after a minute.
    let ask = "update herald.sms_send_attempts set poll_at = now() where poll_at > now()";
    trial.stack.client.execute(ask, &[]).await?;
    trial.settle().await?;
    let figures = trial.judge(&emitted, rounds).await?;
    assert!(figures.settled_by.contains_key("list"), "{figures:#?}");
    let refused: i64 = trial
        .stack
        .value("select count(*) from herald.sms_send_attempts where outcome = 'not_sent' and reason = 'connect'")
        .await?;
    assert!(refused > 0, "nothing was refused: {figures:#?}");
    Ok(())
}
