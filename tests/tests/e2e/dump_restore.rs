//! A dump and a restore lose nothing, and neither does dropping the extension.

use herald_tests::cluster::{Cluster, run};
use herald_tests::stack::DATABASE;
use herald_tests::{Outcome, Stack, stack};
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// A digest of the rows of every table of schema herald.
async fn rows(client: &Client) -> Outcome<BTreeMap<String, String>> {
    let query = "select relname::text from pg_class where relnamespace = 'herald'::regnamespace and relkind in ('r', 'p')";
    let mut digests = BTreeMap::new();
    for table in client.query(query, &[]).await? {
        let table: String = table.get(0);
        let digest = format!(
            "select format('%s rows, %s', count(*), md5(string_agg(t::text, ' ' order by t::text))) from herald.{table} t"
        );
        digests.insert(table, client.query_one(&digest, &[]).await?.get(0));
    }
    Ok(digests)
}

/// The definitions of everything in a database, as pg_dump writes them.
fn catalog(cluster: &Cluster, database: &str) -> Outcome<String> {
    let dump = run(cluster
        .client_command("pg_dump")
        .args(["--schema-only", database]))?;
    // Newer versions of pg_dump put a random word around each script.
    Ok(dump
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n"))
}

/// A database with something in every state, and no daemon that would go on changing it.
async fn lived_in() -> Outcome<Stack> {
    let mut stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack
        .client
        .batch_execute(
            "insert into herald.sms_templates (template_key, version, name, message_template, required_vars)
             select template_key, version + 1, 'edited', 'Edited: {{task_name}} by {{due_time}}', required_vars
             from herald.sms_templates where template_key = 'notif_task_due_soon';
             insert into herald.notification_event_types (event_type, template_key) values ('app.own', 'notif_task_due_soon');
             select herald_set_setting('allowed_country_prefixes', '[\"+1\", \"+44\"]');
             create index own_index on herald.sms_messages (created_at)",
        )
        .await?;
    stack.emit(&user, "delivered").await?;
    stack.wait_until_settled().await?;
    assert!(
        stack.simulator.accepted().await?[0]
            .body
            .starts_with("Edited: delivered")
    );
    stack.daemon.kill();
    stack.emit(&user, "waiting").await?;
    let later =
        "select queue_sms_message($1, $2, 'later', p_scheduled_for => now() + interval '1 day')";
    stack
        .client
        .query_one(later, &[&user.id, &user.phone_number])
        .await?;
    let unknown_type = "select emit_notification_event('app.unknown', '{}'::jsonb, $1)";
    stack.client.query_one(unknown_type, &[&user.id]).await?;
    Ok(stack)
}

async fn assert_same_and_alive(stack: &Stack, database: &str) -> Outcome<()> {
    let restored = stack.cluster.connect(database).await?;
    assert_eq!(rows(&restored).await?, rows(&stack.client).await?);
    assert_eq!(
        catalog(&stack.cluster, database)?,
        catalog(&stack.cluster, DATABASE)?
    );
    assert_alive(&restored).await
}

/// The next event is taken, with the edited text.
async fn assert_alive(client: &Client) -> Outcome<()> {
    let user = client
        .query_one("select user_id from herald.user_sms_preferences", &[])
        .await?
        .get(0);
    let user = herald_tests::people::User {
        id: user,
        phone_number: String::new(),
    };
    let event = stack::emit(client, &user, "next").await?;
    let text = client
        .query_one(
            "select m.message_content from herald.sms_messages m \
             join herald.notification_deliveries d on d.id = m.notification_delivery_id where d.event_id = $1",
            &[&event],
        )
        .await?;
    assert_eq!(text.get::<_, String>(0), "Edited: next by 5 pm");
    assert!(
        client
            .query_one("select herald_install()", &[])
            .await?
            .get::<_, i32>(0)
            > 0
    );
    Ok(())
}

#[tokio::test]
async fn a_plain_dump_restores_everything() -> Outcome<()> {
    let stack = lived_in().await?;
    let script = stack.cluster.directory().join("dump.sql");
    run(stack
        .cluster
        .client_command("pg_dump")
        .arg("--file")
        .arg(&script)
        .arg(DATABASE))?;
    stack.cluster.create_database("restored").await?;
    let options = [
        "--no-psqlrc",
        "--quiet",
        "--set",
        "ON_ERROR_STOP=1",
        "--dbname",
        "restored",
        "--file",
    ];
    run(stack
        .cluster
        .client_command("psql")
        .args(options)
        .arg(&script))?;
    assert_same_and_alive(&stack, "restored").await
}

#[tokio::test]
async fn a_custom_dump_restores_everything() -> Outcome<()> {
    let stack = lived_in().await?;
    stack.cluster.restore_dump(DATABASE, "restored").await?;
    assert_same_and_alive(&stack, "restored").await
}

#[tokio::test]
async fn dropping_the_extension_keeps_the_rows_and_a_new_one_takes_them_up() -> Outcome<()> {
    let stack = lived_in().await?;
    let (rows_before, catalog_before) = (
        rows(&stack.client).await?,
        catalog(&stack.cluster, DATABASE)?,
    );
    stack
        .client
        .batch_execute("drop extension pg_herald cascade")
        .await?;
    assert_eq!(rows(&stack.client).await?, rows_before);
    stack::install(&stack.client).await?;
    assert_eq!(rows(&stack.client).await?, rows_before);
    // Grants on the dropped functions are gone; they are given again in one call.
    stack
        .client
        .batch_execute("select herald_grant('dispatcher', 'herald_dispatcher')")
        .await?;
    assert_eq!(catalog(&stack.cluster, DATABASE)?, catalog_before);
    assert_alive(&stack.client).await
}
