//! `./dev demo`: the whole way of one text, shown step by step and checked at the end.

use crate::failure::{Failure, Outcome};
use crate::people::{EVENT_TYPE, User};
use crate::stack::{self, DATABASE, Stack, StackOptions};
use chrono::{DateTime, Utc};
use std::time::{Duration, Instant};

/// How long the demo looks on after the rollback, to show that nothing comes.
const WATCH_NOTHING: Duration = Duration::from_millis(700);

/// Every event of the message's life after its commit, from the tables that record it.
const STORY: &str = "
    select at, what from (
        select a.started_at as at, 'queued     claimed by the daemon' as what from herald.sms_send_attempts a
        union all
        select a.finished_at, format('sending    %s by Twilio as %s', a.outcome, a.sid) from herald.sms_send_attempts a
        union all
        select c.received_at, format('%s signed callback (%s)', rpad(c.message_status, 10), c.result)
        from herald.twilio_callbacks c
    ) story order by at";

/// Runs the demo; a failure if not exactly one text was delivered, or the tables do not say so.
pub async fn run() -> Outcome<()> {
    let began = Instant::now();
    println!(
        "pg_herald: a real Postgres, the real daemon, and a simulator that answers like Twilio\n"
    );
    let mut options = StackOptions::for_tests()?;
    // The simulator's own delays are nearer to life than those of the tests.
    options.simulator = Vec::new();
    let stack = Stack::with(options).await?;
    println!("  database   {}", stack.cluster.url(DATABASE));
    println!("  daemon     {}", stack.daemon.url);
    println!("  simulator  {}", stack.simulator.url);
    println!("  ready after {:.1} s\n", began.elapsed().as_secs_f64());
    let user = stack.seed_user(1).await?;
    println!(
        "1. A user with the verified number {}, subscribed to {EVENT_TYPE}.\n",
        user.phone_number
    );
    roll_back(&stack, &user).await?;
    let committed_at = commit(&stack, &user).await?;
    tell(&stack, committed_at).await?;
    check(&stack).await?;
    println!(
        "\nOne text delivered; the tables agree. Everything above is being removed.\n\n\
         Play on:\n  ./dev up          the same, left running; target/stack/env says where\n  \
         ./dev psql        emit something: select emit_notification_event(...)\n  \
         curl SIMULATOR_URL/_sim/messages    what \"Twilio\" got\n  ./dev down        end and remove it"
    );
    Ok(())
}

async fn roll_back(stack: &Stack, user: &User) -> Outcome<()> {
    println!("2. begin; select emit_notification_event('{EVENT_TYPE}', …); rollback;");
    let mut client = stack.connect().await?;
    let transaction = client.transaction().await?;
    stack::emit(transaction.client(), user, "Never to be sent").await?;
    transaction.rollback().await?;
    tokio::time::sleep(WATCH_NOTHING).await;
    println!(
        "   {} ms later: {} requests at the simulator, {} rows in herald.sms_messages\n",
        WATCH_NOTHING.as_millis(),
        stack.simulator.requests().await?,
        stack
            .value::<i64>("select count(*) from herald.sms_messages")
            .await?
    );
    Ok(())
}

/// Returns when it was committed, after the text was delivered.
async fn commit(stack: &Stack, user: &User) -> Outcome<DateTime<Utc>> {
    println!(
        "3. begin; insert into task …; select emit_notification_event('{EVENT_TYPE}', …); commit;"
    );
    let mut client = stack.connect().await?;
    client
        .batch_execute("create table task (name text primary key)")
        .await?;
    let transaction = client.transaction().await?;
    transaction
        .execute("insert into task values ('Water the plants')", &[])
        .await?;
    stack::emit(transaction.client(), user, "Water the plants").await?;
    let committed_at = Utc::now();
    transaction.commit().await?;
    stack
        .wait_for_sql(
            "the text is delivered",
            "select exists (select from herald.sms_messages where status = 'delivered') \
             and exists (select from herald.notification_deliveries where status = 'delivered')",
        )
        .await?;
    Ok(committed_at)
}

async fn tell(stack: &Stack, committed_at: DateTime<Utc>) -> Outcome<()> {
    println!("   +   0 ms  pending    committed with your own rows");
    for row in stack.client.query(STORY, &[]).await? {
        let at: DateTime<Utc> = row.try_get("at")?;
        println!(
            "   +{:>4} ms  {}",
            (at - committed_at).num_milliseconds(),
            row.try_get::<_, String>("what")?
        );
    }
    Ok(())
}

/// What the demo promises: exactly one text accepted and delivered, and both tables say so.
async fn check(stack: &Stack) -> Outcome<()> {
    let accepted = stack.simulator.accepted().await?;
    let statuses: Vec<&str> = accepted
        .iter()
        .map(|message| message.status.as_str())
        .collect();
    if statuses != ["delivered"] {
        return Err(Failure::new(format!(
            "the simulator should have delivered one text, it has {statuses:?}"
        )));
    }
    for table in ["sms_messages", "notification_deliveries"] {
        let query =
            format!("select coalesce(string_agg(status, ','), 'nothing') from herald.{table}");
        let found: String = stack.value(&query).await?;
        if found != "delivered" {
            return Err(Failure::new(format!(
                "herald.{table} should say delivered once, it says {found}\n{}",
                stack.report().await
            )));
        }
    }
    println!(
        "\n   the text: {}",
        accepted.first().map_or("", |message| message.body.as_str())
    );
    Ok(())
}
