//! The gate before each request, and what becomes of texts when the daemon stops.

use herald_core::callback::CallbackKey;
use uuid::Uuid;

use super::*;
use crate::shutdown::Trigger;
use crate::twilio::tests::{Behaviour, accepted, config, serve};

struct Bench {
    sender: Sender,
    trigger: Trigger,
    in_flight: Arc<InFlight>,
    results: mpsc::UnboundedReceiver<AttemptResult>,
    requests: mpsc::UnboundedReceiver<String>,
    _hello: watch::Sender<Option<Hello>>,
}

async fn bench(behaviour: Behaviour, lease: u64) -> Bench {
    let (base, requests) = serve(behaviour).await;
    let config = config(base);
    let (trigger, shutdown) = Trigger::new();
    let (hello, hello_seen) = watch::channel(Some(Hello {
        schema_version: 1,
        extension_version: "0.1.0".to_owned(),
        callback_key: CallbackKey::new([7; 32]),
        lease: Duration::from_secs(lease),
        clock_offset_seconds: 0.0,
        in_recovery: false,
    }));
    let (results, received) = mpsc::unbounded_channel();
    let in_flight = Arc::new(InFlight::default());
    let sender = Sender {
        twilio: Twilio::new(&config).unwrap(),
        public_url: "https://h.example".into(),
        request_timeout: config.request_timeout,
        hello: hello_seen,
        in_flight: in_flight.clone(),
        results,
        metrics: Arc::new(Metrics::new()),
        shutdown,
    };
    Bench {
        sender,
        trigger,
        in_flight,
        results: received,
        requests,
        _hello: hello,
    }
}

fn job() -> Job {
    let text = Claimed {
        batch_id: Uuid::now_v7(),
        message_id: Uuid::now_v7(),
        attempt: 1,
        to_number: "+14155550100".to_owned(),
        body: "Hi".to_owned(),
        priority: "normal".to_owned(),
        validity_seconds: None,
    };
    Job {
        text,
        claimed_at: BootTime::now(),
    }
}

/// Sends these texts; the channel for more stays open as long as the returned sender lives.
fn start(bench: &Bench, jobs: Vec<Job>, concurrency: usize) -> mpsc::UnboundedSender<Job> {
    let (queue, claimed) = mpsc::unbounded_channel();
    for job in jobs {
        bench.in_flight.claimed(job.text.batch_id);
        queue.send(job).ok().unwrap();
    }
    tokio::spawn(bench.sender.clone().run(claimed, concurrency));
    queue
}

async fn outcomes(bench: &mut Bench, count: usize) -> Vec<(&'static str, Option<&'static str>)> {
    let mut outcomes = Vec::new();
    for _ in 0..count {
        let result = bench.results.recv().await.unwrap();
        outcomes.push((result.outcome, result.answer.reason));
    }
    outcomes
}

#[tokio::test]
async fn each_text_gives_one_result_and_one_request_with_its_own_callback_url() {
    let mut bench = bench(accepted(), 90).await;
    let jobs: Vec<Job> = (0..5).map(|_| job()).collect();
    let ids: Vec<String> = jobs
        .iter()
        .map(|job| job.text.message_id.simple().to_string())
        .collect();
    let _queue = start(&bench, jobs, 2);
    assert_eq!(outcomes(&mut bench, 5).await, [("accepted", None); 5]);
    let mut requests = Vec::new();
    for _ in 0..5 {
        requests.push(bench.requests.recv().await.unwrap());
    }
    for id in ids {
        let matching = requests
            .iter()
            .filter(|request| request.contains(&id))
            .count();
        assert_eq!(matching, 1, "{id}");
    }
    assert_eq!(bench.in_flight.counts().sending, 0);
    assert_eq!(bench.in_flight.counts().unwritten, 5);
}

#[tokio::test]
async fn nothing_is_sent_too_late_or_without_the_lease() {
    // 40 s of lease are the longest request and the margin: no time is left.
    let mut short = bench(accepted(), 40).await;
    let _queue = start(&short, vec![job()], 1);
    assert_eq!(outcomes(&mut short, 1).await, [("not_sent", Some("late"))]);
    assert!(short.requests.try_recv().is_err());

    let mut lost = bench(accepted(), 90).await;
    let (queue, claimed) = mpsc::unbounded_channel();
    queue.send(job()).ok().unwrap();
    tokio::spawn(lost.sender.clone().run(claimed, 1));
    assert_eq!(outcomes(&mut lost, 1).await, [("not_sent", Some("late"))]);
    assert!(lost.requests.try_recv().is_err());
}

#[tokio::test]
async fn when_stopping_what_waits_goes_back_and_what_is_on_its_way_becomes_unknown_at_the_end() {
    let mut bench = bench(Behaviour::Stall, 90).await;
    let queue = start(&bench, vec![job(), job(), job()], 1);
    assert!(bench.requests.recv().await.is_some());
    bench.trigger.pull(Duration::from_millis(100));
    drop(queue);
    assert_eq!(
        outcomes(&mut bench, 3).await,
        [
            ("unknown", Some("shutdown")),
            ("not_sent", Some("shutdown")),
            ("not_sent", Some("shutdown"))
        ]
    );
    assert!(bench.requests.try_recv().is_err());
}

#[tokio::test]
async fn a_request_on_its_way_may_finish_while_stopping() {
    let Behaviour::Answer(text) = accepted() else {
        unreachable!()
    };
    let mut bench = bench(Behaviour::Slow(Duration::from_millis(100), text), 90).await;
    let _queue = start(&bench, vec![job()], 1);
    assert!(bench.requests.recv().await.is_some());
    bench.trigger.pull(Duration::from_secs(40));
    assert_eq!(outcomes(&mut bench, 1).await, [("accepted", None)]);
}

#[test]
fn the_write_budget_ends_before_the_lease_by_the_longest_request_and_a_margin() {
    let seconds = Duration::from_secs;
    assert_eq!(write_budget(seconds(90), seconds(35)), seconds(50));
    assert_eq!(write_budget(seconds(30), seconds(35)), Duration::ZERO);
}

#[test]
fn a_result_is_written_as_the_database_expects_it() {
    let text = job().text;
    let answer = Answer::without_response(Outcome::NotSent, "connect", Duration::from_millis(12));
    let result = AttemptResult {
        batch_id: text.batch_id,
        message_id: text.message_id,
        attempt: 1,
        outcome: answer.outcome.as_str(),
        sender: None,
        answer,
    };
    assert_eq!(
        serde_json::to_value(result).unwrap(),
        serde_json::json!({
            "batch_id": text.batch_id, "message_id": text.message_id, "attempt": 1,
            "outcome": "not_sent", "elapsed_ms": 12, "reason": "connect",
        })
    );
}
