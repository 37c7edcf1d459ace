//! A role can do what it was granted, and nobody else can do anything.

use crate::{INSUFFICIENT_PRIVILEGE, refusal};
use herald_tests::people::phone_number;
use herald_tests::{Outcome, Stack, stack};
use uuid::Uuid;

const CALLS_OF_THE_DAEMON: [&str; 11] = [
    "select * from claim_sms_messages(gen_random_uuid(), 10)",
    "select * from complete_sms_messages(gen_random_uuid(), '[]')",
    "select * from extend_dispatch_leases(gen_random_uuid(), '{}')",
    "select expire_dispatch_leases()",
    "select * from fan_out_notification_events(1)",
    "select * from herald_dispatcher_hello(gen_random_uuid(), '0')",
    "select * from record_twilio_callbacks('[]')",
    "select herald_next_due()",
    "select * from claim_phone_verifications(gen_random_uuid(), 10)",
    "select * from complete_phone_verification(gen_random_uuid(), gen_random_uuid(), 1, 'sent')",
    "select * from herald_queue_stats()",
];

const CALLS_OF_ADMINISTRATORS: [&str; 6] = [
    "select herald_admin()",
    "select herald_set_setting('lease_seconds', '90')",
    "select release_notification_event(gen_random_uuid())",
    "select * from update_sms_status_atomic(gen_random_uuid(), 'SM', 'sent', 'sent')",
    "select herald_grant('admin', current_user::regrole)",
    "select herald_install()",
];

const TABLES: &str = "select c.relname::text from pg_class c where c.relnamespace = 'herald'::regnamespace and c.relkind in ('r', 'v', 'p')";

async fn assert_no_table(stack: &Stack, role: &tokio_postgres::Client) -> Outcome<()> {
    let tables = stack.client.query(TABLES, &[]).await?;
    assert!(tables.len() > 15, "the tables of schema herald are found");
    for table in tables {
        let table: String = table.get(0);
        for statement in [
            format!("select from herald.{table}"),
            format!("delete from herald.{table}"),
        ] {
            assert_eq!(
                refusal(role.batch_execute(&statement).await)?,
                INSUFFICIENT_PRIVILEGE,
                "{statement}"
            );
        }
    }
    Ok(())
}

async fn assert_refused(role: &tokio_postgres::Client, statements: &[&str]) -> Outcome<()> {
    for statement in statements {
        assert_eq!(
            refusal(role.query(*statement, &[]).await)?,
            INSUFFICIENT_PRIVILEGE,
            "{statement}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_application_role_can_emit_and_nothing_more() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let app = stack.connect_as_new_role("shop", Some("app")).await?;
    stack::emit(&app, &user, "Water the plants").await?;
    let queue = "select queue_sms_message($1, $2, 'hello')";
    app.query_one(queue, &[&user.id, &user.phone_number])
        .await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 2);
    let info = app
        .query_one(
            "select has_sms_available from get_user_sms_channel_info($1)",
            &[&user.id],
        )
        .await?;
    assert!(info.get::<_, bool>(0));

    assert_no_table(&stack, &app).await?;
    assert_refused(&app, &CALLS_OF_THE_DAEMON).await?;
    assert_refused(&app, &CALLS_OF_ADMINISTRATORS).await?;
    let stranger = phone_number(99);
    assert_eq!(
        refusal(app.query(queue, &[&user.id, &stranger]).await)?,
        INSUFFICIENT_PRIVILEGE
    );
    assert_eq!(
        refusal(
            app.query(queue, &[&Uuid::new_v4(), &user.phone_number])
                .await
        )?,
        INSUFFICIENT_PRIVILEGE
    );
    Ok(())
}

#[tokio::test]
async fn an_administrator_can_text_any_number() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let admin = stack.connect_as_new_role("operator", Some("admin")).await?;
    admin
        .query_one(
            "select queue_sms_message($1, $2, 'hello')",
            &[&user.id, &phone_number(99)],
        )
        .await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?[0].to, phone_number(99));
    Ok(())
}

#[tokio::test]
async fn the_daemons_role_has_its_functions_and_no_table() -> Outcome<()> {
    let stack = Stack::without_daemon().await?;
    let user = stack.seed_user(1).await?;
    let daemon = stack
        .connect_as_new_role("second_daemon", Some("dispatcher"))
        .await?;
    for call in CALLS_OF_THE_DAEMON {
        daemon.query(call, &[]).await?;
    }
    assert_no_table(&stack, &daemon).await?;
    assert_refused(&daemon, &CALLS_OF_ADMINISTRATORS).await?;
    let emit = format!(
        "select emit_notification_event('task.due_soon', '{{}}'::jsonb, '{}')",
        user.id
    );
    assert_refused(&daemon, &[&emit]).await
}

#[tokio::test]
async fn a_role_without_a_grant_can_do_nothing() -> Outcome<()> {
    let stack = Stack::without_daemon().await?;
    let nobody = stack.connect_as_new_role("nobody_special", None).await?;
    assert_no_table(&stack, &nobody).await?;
    assert_refused(&nobody, &CALLS_OF_THE_DAEMON).await?;
    assert_refused(&nobody, &CALLS_OF_ADMINISTRATORS).await
}

#[tokio::test]
async fn no_function_may_be_executed_by_public() -> Outcome<()> {
    let stack = Stack::without_daemon().await?;
    let functions = "
        select p.oid::regprocedure::text,
               exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                       where a.grantee = 0 and a.privilege_type = 'EXECUTE')
        from pg_proc p
        where p.pronamespace = 'herald'::regnamespace
           or exists (select from pg_depend d join pg_extension e on e.oid = d.refobjid
                      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                        and d.refclassid = 'pg_extension'::regclass and e.extname = 'pg_herald')
        order by 1";
    let rows = stack.client.query(functions, &[]).await?;
    assert!(rows.len() > 20, "the functions of the extension are found");
    let open: Vec<String> = rows
        .iter()
        .filter(|row| row.get(1))
        .map(|row| row.get(0))
        .collect();
    assert_eq!(open, Vec::<String>::new(), "PUBLIC may execute these");
    Ok(())
}
