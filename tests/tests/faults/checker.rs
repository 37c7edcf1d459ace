//! The checker notices: what it must find is done to a run in which everything is right.

use herald_tests::Outcome;
use herald_tests::checker::Figures;
use herald_tests::load::{Emitted, Fate, LoadOptions};
use herald_tests::simulator::{SENDER, http_client};
use herald_tests::trial::Trial;

/// One message among those whose text nobody else has.
const ONE: &str =
    "(select id from herald.sms_messages where message_content like 'Order%' order by id limit 1)";

/// Does something to the tables, and gives what the checker says.
async fn after(trial: &Trial, emitted: &Emitted, tampering: &str) -> Outcome<Figures> {
    let tampering = tampering.replace("ONE", ONE);
    trial.stack.client.batch_execute("begin").await?;
    trial.stack.client.batch_execute(&tampering).await?;
    let figures = trial.figures(emitted).await?;
    trial.stack.client.batch_execute("rollback").await?;
    assert!(!figures.is_kept(), "not noticed: {tampering}");
    Ok(figures)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_is_noticed() -> Outcome<()> {
    let mut trial = Trial::prepare("none").await?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LoadOptions {
        transactions: Some(60),
        ..LoadOptions::default()
    });
    let mut emitted = load.finish().await?;
    trial.settle().await?;
    let right = trial.figures(&emitted).await?;
    trial.must_be_kept(&right, 0).await?;
    assert!(right.committed > 30 && right.rolled_back > 0, "{right:#?}");

    // Each with what the checker has to say.
    let errors = [
        (
            "delete from herald.sms_messages where id = ONE",
            "neither message nor reason",
        ),
        (
            "update herald.sms_messages set twilio_sid = null, status = 'failed' where id = ONE",
            "nothing says why",
        ),
        (
            "update herald.sms_messages set twilio_sid = null, status = 'failed', twilio_error_message = 'no' where id = ONE",
            "are given up, and were accepted",
        ),
        (
            "update herald.sms_messages set status = 'undelivered' where id = ONE",
            "and delivered at Twilio",
        ),
        (
            "update herald.sms_messages set status = 'queued' where id = ONE",
            "went from delivered to queued",
        ),
        (
            "update herald.sms_messages set message_content = 'another' where id = ONE",
            "its message is another one",
        ),
        (
            "update herald.sms_messages m set twilio_sid = o.twilio_sid \
              from (select twilio_sid from herald.sms_messages where id <> ONE limit 1) o where m.id = ONE",
            "belongs to 2 messages",
        ),
        (
            "update herald.notification_deliveries set status = 'failed' where id = (select notification_delivery_id from herald.sms_messages where id = ONE)",
            "its delivery Some(\"failed\")",
        ),
        (
            "delete from public.orders where body in (select message_content from herald.sms_messages where id = ONE)",
            "events without their order",
        ),
        (
            "update herald.notification_events set status = 'quarantined'",
            "its event is Some(\"quarantined\")",
        ),
        (
            "delete from herald.sms_send_attempts where message_id = ONE",
            "claims without a row in the ledger",
        ),
        (
            "update herald.sms_send_attempts set resolve_at = now() where message_id = ONE",
            "attempts in doubt",
        ),
        (
            "update herald.user_sms_preferences set daily_sms_count = daily_sms_count + 1",
            "daily count is not the number",
        ),
        (
            "insert into herald.queue_jobs (subject_id, job_type, priority, run_at) select id, 'send_sms', 10, now() from herald.sms_messages limit 1",
            "jobs left",
        ),
    ];
    for (tampering, what) in errors {
        let figures = after(&trial, &emitted, tampering).await?;
        let said = figures.errors.iter().any(|error| error.contains(what));
        assert!(said, "{tampering}: {figures:#?}");
    }
    let figures = after(
        &trial,
        &emitted,
        "update public.orders set body = 'another' where body in (select message_content from herald.sms_messages where id = ONE)",
    )
    .await?;
    assert_eq!((figures.lost, figures.unasked), (1, 1), "{figures:#?}");
    let waits = "update herald.sms_messages set status = 'unknown' where id = ONE";
    let figures = after(&trial, &emitted, waits).await?;
    assert_eq!(figures.left, 1, "{figures:#?}");

    // What the writers know.
    let committed = emitted
        .transactions
        .iter()
        .position(|each| each.fate == Fate::Committed);
    let committed = committed.unwrap_or_default();
    emitted.transactions[committed].fate = Fate::RolledBack;
    let figures = trial.figures(&emitted).await?;
    assert!(
        figures.errors[0].contains("was rolled back, and is there"),
        "{figures:#?}"
    );
    emitted.transactions[committed].fate = Fate::Committed;
    emitted.transactions[committed].order = uuid::Uuid::new_v4();
    let figures = trial.figures(&emitted).await?;
    assert_eq!(figures.commits_lost, 1, "{figures:#?}");

    // And what Twilio has.
    let wanted = emitted.transactions[committed].clone();
    send(&trial, &wanted.user.phone_number, &wanted.body).await?;
    send(&trial, "+12015550199", &wanted.body).await?;
    let figures = trial.figures(&Emitted::default()).await?;
    assert_eq!((figures.twice, figures.unasked), (1, 1), "{figures:#?}");
    Ok(())
}

/// Somebody sends a text past the database.
async fn send(trial: &Trial, to: &str, body: &str) -> Outcome<()> {
    let account = &trial.stack.simulator.account;
    let url = format!(
        "{}/2010-04-01/Accounts/{}/Messages.json",
        trial.stack.simulator.url, account.sid
    );
    let form = [("To", to), ("From", SENDER), ("Body", body)];
    let request = http_client()?
        .post(url)
        .basic_auth(&account.sid, Some(&account.auth_token))
        .form(&form);
    request.send().await?.error_for_status()?;
    Ok(())
}
