//! What is rolled back is not sent, in whatever way it is rolled back; what is committed is, from wherever it was emitted.

use herald_tests::people::User;
use herald_tests::{Outcome, Stack, stack};

/// A table as an application has it, with ids from the database.
const ORDERS: &str = "create table orders (id uuid primary key default gen_random_uuid(), customer uuid not null, name text)";

/// Sends one more text and waits for it: whatever else was going to be sent has been sent by then. Returns all texts.
async fn everything_sent(stack: &Stack, user: &User) -> Outcome<Vec<String>> {
    stack.emit(user, "LAST").await?;
    stack.wait_until_settled().await?;
    let mut bodies: Vec<String> = stack
        .simulator
        .accepted()
        .await?
        .into_iter()
        .map(|message| message.body)
        .collect();
    bodies.sort();
    Ok(bodies)
}

/// Whether exactly these tasks (and LAST) were texted about.
fn assert_tasks(bodies: &[String], tasks: &[&str]) {
    assert_eq!(bodies.len(), tasks.len() + 1, "{bodies:?}");
    for task in tasks.iter().chain(&["LAST"]) {
        assert!(
            bodies.iter().any(|body| body.contains(task)),
            "{task} is missing in {bodies:?}"
        );
    }
}

#[tokio::test]
async fn rolled_back_transactions_and_savepoints_send_nothing() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let mut client = stack.connect().await?;

    let transaction = client.transaction().await?;
    stack::emit(transaction.client(), &user, "rolled back").await?;
    transaction.rollback().await?;

    let mut transaction = client.transaction().await?;
    stack::emit(transaction.client(), &user, "before the savepoint").await?;
    let savepoint = transaction.savepoint("halfway").await?;
    stack::emit(savepoint.client(), &user, "after the savepoint").await?;
    savepoint.rollback().await?;
    transaction.commit().await?;

    assert_tasks(
        &everything_sent(&stack, &user).await?,
        &["before the savepoint"],
    );
    assert_eq!(
        stack
            .value::<i64>("select count(*) from herald.notification_events")
            .await?,
        2
    );
    Ok(())
}

#[tokio::test]
async fn an_exception_block_undoes_what_was_emitted_in_it() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let block = format!(
        "do $$ begin
             perform emit_notification_event(event_type => 'task.due_soon', target_user_id => '{id}',
                 payload => '{{\"task_name\": \"outside\", \"due_time\": \"5 pm\"}}');
             begin
                 perform emit_notification_event(event_type => 'task.due_soon', target_user_id => '{id}',
                     payload => '{{\"task_name\": \"inside\", \"due_time\": \"5 pm\"}}');
                 perform 1 / 0;
             exception when division_by_zero then null;
             end;
         end $$",
        id = user.id
    );
    stack.client.batch_execute(&block).await?;
    assert_tasks(&everything_sent(&stack, &user).await?, &["outside"]);
    Ok(())
}

#[tokio::test]
async fn triggers_of_the_application_emit() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack.client.batch_execute(ORDERS).await?;
    // BEFORE INSERT: the row is not there yet, and its id is already known.
    for (time, task) in [("before", "new.name"), ("after", "'after ' || new.name")] {
        stack
            .client
            .batch_execute(&format!(
                "create function {time}_order() returns trigger language plpgsql as $$ begin
                     perform emit_notification_event(event_type => 'task.due_soon', target_user_id => new.customer,
                         payload => jsonb_build_object('task_name', {task}, 'due_time', '5 pm', 'order_id', new.id),
                         dedup_key => '{time} ' || new.id);
                     return new;
                 end $$;
                 create trigger {time}_order {time} insert on orders for each row execute function {time}_order()"
            ))
            .await?;
    }
    stack
        .client
        .execute(
            "insert into orders (customer, name) values ($1, 'tulips')",
            &[&user.id],
        )
        .await?;
    assert_tasks(
        &everything_sent(&stack, &user).await?,
        &["is due 5 pm", "after tulips"],
    );
    let known: bool = stack
        .value("select bool_and(exists (select from orders where id::text = payload->>'order_id')) from herald.notification_events where payload ? 'order_id'")
        .await?;
    assert!(known, "both events name the id of the inserted row");
    Ok(())
}

#[tokio::test]
async fn a_failed_insert_takes_the_event_of_its_trigger_with_it() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack.client.batch_execute(ORDERS).await?;
    stack
        .client
        .batch_execute(
            "create function order_event() returns trigger language plpgsql as $$ begin
                 perform emit_notification_event(event_type => 'task.due_soon', target_user_id => new.customer,
                     payload => jsonb_build_object('task_name', new.name, 'due_time', '5 pm'));
                 return new;
             end $$;
             create trigger order_event before insert on orders for each row execute function order_event();
             alter table orders add check (name <> 'forbidden')",
        )
        .await?;
    let insert = "insert into orders (customer, name) values ($1, $2)";
    assert_eq!(
        crate::refusal(
            stack
                .client
                .execute(insert, &[&user.id, &"forbidden"])
                .await
        )?,
        "23514"
    );
    stack.client.execute(insert, &[&user.id, &"roses"]).await?;
    assert_tasks(&everything_sent(&stack, &user).await?, &["roses"]);
    Ok(())
}

#[tokio::test]
async fn two_phase_commit_works_with_notify_off() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack
        .client
        .batch_execute("set pg_herald.notify = off")
        .await?;
    for (name, end) in [
        ("committed", "commit prepared"),
        ("abandoned", "rollback prepared"),
    ] {
        stack.client.batch_execute("begin").await?;
        stack.emit(&user, name).await?;
        stack
            .client
            .batch_execute(&format!("prepare transaction '{name}'"))
            .await?;
        stack
            .client
            .batch_execute(&format!("{end} '{name}'"))
            .await?;
    }
    stack.client.batch_execute("reset pg_herald.notify").await?;
    assert_tasks(&everything_sent(&stack, &user).await?, &["committed"]);
    Ok(())
}

#[tokio::test]
async fn the_daemon_finds_by_itself_what_nobody_told_it() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack
        .client
        .batch_execute("set pg_herald.notify = off")
        .await?;
    stack.emit(&user, "found by polling").await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 1);
    Ok(())
}
