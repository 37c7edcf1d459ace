//! Texts from people reach the daemon as Twilio sends them: STOP ends everything that waits, START begins again.

use herald_core::signature;
use herald_tests::simulator::SENDER;
use herald_tests::{Outcome, Stack};

/// Posts a text from a number as Twilio would, with its signature.
pub(crate) async fn text(stack: &Stack, sid: &str, from: &str, body: &str) -> Outcome<u16> {
    let form = [
        ("MessageSid", sid),
        ("SmsMessageSid", sid),
        ("AccountSid", stack.simulator.account.sid.as_str()),
        ("From", from),
        ("To", SENDER),
        ("Body", body),
        ("NumMedia", "0"),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()));
    let url = format!("{}/twilio/inbound", stack.daemon.url);
    let signature = signature::sign(&stack.simulator.account.auth_token, &url, &form);
    let headers = [("X-Twilio-Signature", signature.as_str())];
    stack
        .daemon
        .post_form("/twilio/inbound", &headers, &form)
        .await
}

#[tokio::test]
async fn a_stop_ends_hundreds_of_waiting_texts_and_nothing_follows() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let other = stack.seed_user(2).await?;
    // Some go out at once, some wait for tomorrow, and one is somebody else's.
    let emit = "select count(emit_notification_event('task.due_soon', \
                    jsonb_build_object('task_name', $1 || n, 'due_time', '5 pm'), target_user_id => $2, scheduled_for => $3::text::timestamptz)) \
                from generate_series(1, $4::integer) as n";
    let client = &stack.client;
    client
        .query(emit, &[&"now ", &user.id, &"now", &20])
        .await?;
    client
        .query(emit, &[&"later ", &user.id, &"tomorrow", &400])
        .await?;
    client
        .query(emit, &[&"other ", &other.id, &"tomorrow", &1])
        .await?;
    stack
        .wait_for_sql(
            "the first texts are sent",
            "select count(*) = 20 from herald.sms_messages where status = 'delivered'",
        )
        .await?;

    // More are on their way when the STOP comes.
    client
        .query(emit, &[&"rush ", &user.id, &"now", &300])
        .await?;
    assert_eq!(
        text(&stack, "SM-stop", &user.phone_number, "Stop").await?,
        200
    );
    let committed = stack.simulator.accepted().await?.len();
    let row = client
        .query_one(
            "select cancelled, in_flight from herald.sms_inbound_messages",
            &[],
        )
        .await?;
    let (cancelled, in_flight): (i32, i32) = (row.get(0), row.get(1));
    assert!(cancelled >= 400, "{cancelled} were cancelled");

    // What is emitted afterwards is suppressed, and Twilio gets no more than what was in flight.
    client
        .query(emit, &[&"after ", &user.id, &"now", &20])
        .await?;
    stack.wait_for_sql(
        "nothing waits for them",
        "select not exists (select from herald.sms_messages m join herald.user_sms_preferences p using (user_id) \
         where p.opted_out and m.status in ('scheduled', 'pending', 'queued', 'sending', 'sent'))",
    ).await?;
    let accepted = stack.simulator.accepted().await?.len();
    assert!(
        accepted - committed <= usize::try_from(in_flight).unwrap_or(0),
        "{accepted} - {committed} > {in_flight}"
    );
    let sent: i64 = stack
        .value("select count(*) from herald.sms_messages where status = 'delivered'")
        .await?;
    assert_eq!(
        sent + i64::from(cancelled),
        20 + 300 + 400,
        "each was sent or cancelled"
    );
    let reasons: String = stack
        .value(
            "select string_agg(distinct suppress_reason, ' ') from herald.notification_deliveries \
             where status = 'suppressed'",
        )
        .await?;
    assert_eq!(reasons, "opted_out");
    let others: i64 = stack
        .value("select count(*) from herald.sms_messages where status = 'scheduled'")
        .await?;
    assert_eq!(others, 1);
    let (_, metrics) = stack.daemon.get("/metrics").await?;
    assert!(
        metrics.contains(&format!("herald_opt_out_cancelled_total {cancelled}")),
        "{metrics}"
    );
    Ok(())
}

#[tokio::test]
async fn a_person_stops_starts_and_proves_the_number_again() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let number = user.phone_number.as_str();
    assert_eq!(text(&stack, "SM1", number, "STOP").await?, 200);
    // Twilio repeats what it had no answer for.
    assert_eq!(text(&stack, "SM1", number, "STOP").await?, 200);
    let step =
        "select next_step from herald.user_sms_preferences p, get_sms_opt_out_status(p.user_id)";
    assert_eq!(stack.value::<String>(step).await?, "text_start");
    assert_eq!(text(&stack, "SM2", number, "START").await?, 200);
    assert_eq!(stack.value::<String>(step).await?, "verify_phone");
    stack.emit(&user, "not yet").await?;
    stack
        .client
        .execute(
            "update herald.user_sms_preferences set phone_verified_at = now()",
            &[],
        )
        .await?;
    assert_eq!(stack.value::<String>(step).await?, "none");
    stack.emit(&user, "at last").await?;
    stack.wait_until_settled().await?;
    let accepted = stack.simulator.accepted_per_body().await?;
    assert_eq!(accepted.len(), 1);
    assert!(accepted.keys().all(|body| body.contains("at last")));
    let story: String = stack
        .value("select string_agg(kind, ' ' order by place) from export_consent_evidence()")
        .await?;
    assert_eq!(story, "opt_out opt_in");
    Ok(())
}

#[tokio::test]
async fn records_go_when_their_time_is_over() -> Outcome<()> {
    let mut stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack.emit(&user, "long ago").await?;
    stack.wait_until_settled().await?;
    assert_eq!(text(&stack, "SM1", &user.phone_number, "Hello").await?, 200);
    let status = stack
        .daemon
        .terminate(std::time::Duration::from_secs(30))
        .await?;
    assert!(status.success(), "{status}");
    stack
        .client
        .batch_execute(
            "select herald_set_setting('retention_' || kind || '_days', '30') from unnest('{events,callbacks,inbound}'::text[]) as kind; \
             set session_replication_role = replica; \
             update herald.notification_deliveries d set event_id = herald.oldest_id(now() - interval '31 days'); \
             update herald.notification_events set id = herald.oldest_id(now() - interval '31 days'), created_at = now() - interval '31 days'; \
             update herald.sms_inbound_messages set id = herald.oldest_id(now() - interval '31 days'), received_at = now() - interval '31 days'; \
             update herald.twilio_callbacks set id = herald.oldest_id(now() - interval '31 days' - random() * interval '1 day'), \
                 received_at = now() - interval '31 days'; \
             reset session_replication_role",
        )
        .await?;
    stack.daemon.start().await?;
    for table in [
        "notification_events",
        "notification_deliveries",
        "sms_messages",
        "sms_send_attempts",
        "twilio_callbacks",
        "sms_inbound_messages",
    ] {
        let query = format!("select not exists (select from herald.{table})");
        stack.wait_for_sql(table, &query).await?;
    }
    let (_, metrics) = stack.daemon.get("/metrics").await?;
    assert!(
        metrics.contains("herald_records_purged_total{kind=\"events\"} 1"),
        "{metrics}"
    );
    Ok(())
}

#[tokio::test]
async fn twilios_block_and_ours_go_together() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let number = user.phone_number.as_str();
    let webhook =
        serde_json::json!({"webhook": {"url": format!("{}/twilio/inbound", stack.daemon.url)}});
    stack
        .simulator
        .post("/_sim/inbound/settings", &webhook)
        .await?;
    let send = async |body: &str| {
        let text = serde_json::json!({"from": number, "to": SENDER, "body": body});
        stack.simulator.post("/_sim/inbound", &text).await
    };
    send("STOP").await?;
    let state = "select handled || ' ' || (select provider_blocked from herald.sms_opt_outs) \
                 from herald.sms_inbound_messages order by received_at desc limit 1";
    assert_eq!(stack.value::<String>(state).await?, "opted_out true");
    // Somebody verifies the number again: Twilio would still refuse, so nothing is sent.
    let verify = "update herald.user_sms_preferences set phone_verified_at = clock_timestamp()";
    stack.client.execute(verify, &[]).await?;
    stack.emit(&user, "too early").await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.requests().await?, 0);
    // The STOP is lifted on both sides by the person's START.
    send("start").await?;
    stack.emit(&user, "welcome back").await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 1);

    // Twilio knows of a STOP that never reached us: its refusal is one for us, too.
    let opt_out = serde_json::json!({"number": number, "sender": SENDER});
    stack.simulator.post("/_sim/opt-outs", &opt_out).await?;
    stack.emit(&user, "refused").await?;
    stack
        .wait_for_sql(
            "the refusal opts out",
            "select coalesce(bool_and(opted_out and opt_out_reason = 'twilio_21610'), false) from herald.user_sms_preferences",
        )
        .await?;
    let step =
        "select next_step from herald.user_sms_preferences p, get_sms_opt_out_status(p.user_id)";
    assert_eq!(stack.value::<String>(step).await?, "text_start");
    // What only we understand is answered by nobody, and Twilio goes on.
    send("START").await?;
    stack.client.execute(verify, &[]).await?;
    send("please don't text me").await?;
    assert_eq!(stack.value::<String>(step).await?, "verify_phone");
    Ok(())
}

#[tokio::test]
async fn help_is_answered_where_twilio_does_not() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    stack.daemon.set("TWILIO_KEYWORDS", "off");
    stack.daemon.start().await?;
    stack
        .client
        .batch_execute(
            "select herald_set_setting('inbound_help_reply', '\"Acme & Co: reply STOP to stop.\"')",
        )
        .await?;
    assert_eq!(text(&stack, "SM1", "+12015550101", "HELP").await?, 200);
    let reply: Option<String> = stack
        .value("select reply from herald.sms_inbound_messages")
        .await?;
    assert_eq!(reply.as_deref(), Some("Acme & Co: reply STOP to stop."));
    // The same text again is the same answer, and no second row.
    assert_eq!(text(&stack, "SM1", "+12015550101", "HELP").await?, 200);
    let texts: i64 = stack
        .value("select count(*) from herald.sms_inbound_messages")
        .await?;
    assert_eq!(texts, 1);
    Ok(())
}
