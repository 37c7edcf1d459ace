//! Tests that run inside a backend: laws checked over everything that the library's own lists hold. What a caller sees
//! is tested in SQL, in `pg_test/`.

mod people;

use pgrx::prelude::*;

mod content;

#[pg_schema]
#[allow(clippy::module_inception)] // pgrx looks for its tests in a schema of this name.
mod tests {
    use herald_core::catalogue;
    use herald_core::priority::Priority;
    use herald_core::resolve::UnknownPolicy;
    use herald_core::status::{DeliveryStatus, MessageStatus};
    use pgrx::prelude::*;
    use pgrx::spi;
    use serde_json::json;

    use crate::{emit, vocabulary};

    /// The tables, and one person who can be texted and wants to hear of `test.plain`.
    fn install() -> spi::Result<()> {
        Spi::run(
            "select herald_install();
             insert into herald.notification_event_types (event_type) values ('test.plain');
             insert into herald.user_notification_preferences (user_id, sms_enabled) values (md5('a')::uuid, true);
             insert into herald.user_sms_preferences (user_id, phone_number, phone_verified, quiet_hours_start, quiet_hours_end, daily_sms_limit)
             values (md5('a')::uuid, '+14155550100', true, '00:00', '00:00', 1000000);
             insert into herald.notification_subscriptions (user_id, event_type) values (md5('a')::uuid, 'test.plain');",
        )
    }

    /// Applies one callback to each message named, all in one call. Failures are permanent ones (30007: filtered), so that our
    /// own next attempt does not put a text back in line.
    fn call_back<'a>(
        messages: impl Iterator<Item = (&'a String, &'static str)>,
    ) -> spi::Result<()> {
        let callbacks: Vec<_> = messages
            .map(|(id, word)| {
                let error_code = matches!(word, "failed" | "undelivered").then_some(30007);
                json!({"message_id": id, "attempt": 1, "sid": format!("SM{id}"), "status": word, "error_code": error_code})
            })
            .collect();
        Spi::run_with_args(
            "select count(*) from record_twilio_callbacks($1)",
            &[pgrx::JsonB(json!(callbacks)).into()],
        )
    }

    /// What `statuses` of a message come to: each one that is ahead of what is known replaces it.
    fn furthest(start: MessageStatus, statuses: [MessageStatus; 3]) -> MessageStatus {
        statuses.into_iter().fold(start, |known, next| {
            if next.rank() > known.rank() {
                next
            } else {
                known
            }
        })
    }

    /// Every three of Twilio's words, in every order, on a claimed message: the status is the first of the highest rank.
    #[pg_test]
    fn no_order_of_callbacks_takes_a_status_back() -> spi::Result<()> {
        install()?;
        let mut cases = Vec::new();
        for &(first, _) in MessageStatus::TWILIO {
            for &(second, _) in MessageStatus::TWILIO {
                for &(third, _) in MessageStatus::TWILIO {
                    cases.push((uuid::Uuid::now_v7().to_string(), [first, second, third]));
                }
            }
        }
        let ids: Vec<&str> = cases.iter().map(|(id, _)| id.as_str()).collect();
        Spi::run_with_args(
            "insert into herald.sms_messages (id, user_id, phone_number, message_content, status, last_attempt)
             select id::uuid, md5('a')::uuid, '+14155550100', id, 'queued', 1 from unnest($1) as id",
            &[ids.into()],
        )?;
        for step in 0..3 {
            call_back(cases.iter().map(|(id, words)| (id, words[step])))?;
        }
        for (id, words) in &cases {
            let status = Spi::get_one_with_args::<String>(
                "select status from herald.sms_messages where id = $1::uuid",
                &[id.as_str().into()],
            )?;
            let meant =
                words.map(|word| MessageStatus::from_twilio(word).unwrap_or(MessageStatus::Queued));
            let expected = furthest(MessageStatus::Queued, meant);
            assert_eq!(
                status.as_deref(),
                Some(expected.as_str()),
                "after {words:?}"
            );
        }
        Ok(())
    }

    /// The words of the core and the checks of the tables are the same lists.
    #[pg_test]
    fn tables_allow_exactly_the_words_of_the_core() -> spi::Result<()> {
        install()?;
        let lists: [(&str, Vec<&str>); 4] = [
            (
                "sms_messages_status_check",
                MessageStatus::ALL.iter().map(|s| s.as_str()).collect(),
            ),
            (
                "notification_deliveries_status_check",
                DeliveryStatus::ALL.iter().map(|s| s.as_str()).collect(),
            ),
            (
                "priority_check",
                Priority::ALL.iter().map(|p| p.as_str()).collect(),
            ),
            (
                "notification_event_types_priority_check",
                Priority::ALL.iter().map(|p| p.as_str()).collect(),
            ),
        ];
        for (constraint, mut words) in lists {
            let found = Spi::get_one_with_args::<Vec<String>>(
                "select array_agg(word[1] order by word[1]) from pg_constraint c,
                        regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') as word
                 where connamespace = 'herald'::regnamespace and conname = $1",
                &[constraint.into()],
            )?;
            words.sort_unstable();
            assert_eq!(found.unwrap_or_default(), words, "{constraint}");
        }
        Ok(())
    }

    /// The lists that go into the statements have a value for each word.
    #[pg_test]
    fn lists_of_the_statements_are_whole() {
        assert_eq!(
            vocabulary::message_ranks().0.len(),
            MessageStatus::ALL.len()
        );
        assert_eq!(
            vocabulary::delivery_ranks().1.len(),
            DeliveryStatus::ALL.len()
        );
        assert_eq!(
            vocabulary::delivery_goals().0.len(),
            MessageStatus::ALL.len()
        );
        assert_eq!(vocabulary::queue_ranks(), [1, 5, 10, 20]);
        assert!(
            vocabulary::queue_ranks().is_sorted(),
            "the most urgent is claimed first"
        );
    }

    /// The catalogue in the table is the library's.
    #[pg_test]
    fn catalogue_is_loaded_whole() -> spi::Result<()> {
        install()?;
        let codes = || catalogue::all().iter().chain(catalogue::defaults());
        for code in codes() {
            let found = Spi::get_one_with_args::<bool>(
                "select (retry, scope, action, severity, permanence, counts_attempt, coalesce(max_attempts, 0))
                      = ($2, $3, $4, $5, $6, $7, $8)
                 from herald.twilio_error_codes where code = $1",
                &[
                    code.code.into(),
                    code.retry.as_str().into(),
                    code.scope.as_str().into(),
                    code.action.as_str().into(),
                    code.severity.as_str().into(),
                    code.permanence.as_str().into(),
                    code.counts_attempt.into(),
                    code.max_attempts.unwrap_or(0).into(),
                ],
            )?;
            assert_eq!(found, Some(true), "code {}", code.code);
        }
        let count = Spi::get_one::<i64>("select count(*) from herald.twilio_error_codes")?;
        assert_eq!(count, i64::try_from(codes().count()).ok());
        Ok(())
    }

    /// Ids ascend, also many of one millisecond, and are of version 7.
    #[pg_test]
    fn ids_ascend() {
        let ids: Vec<[u8; 16]> = (0..20_000)
            .map(|_| *crate::id::new_id().as_bytes())
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id[6] >> 4 == 7));
    }

    /// An untyped JSON object in the source's place is meant as the payload; nothing else is.
    #[pg_test]
    fn only_an_object_is_a_misplaced_payload() {
        for object in ["{}", "{\"a\": 1}", " \n{\"a\": {\"b\": []}}"] {
            assert!(emit::misplaced_payload(object).is_some(), "{object}");
        }
        for other in [
            "",
            "worker_job",
            "{",
            "{broken",
            "[1]",
            "\"x\"",
            "null",
            "{} {}",
        ] {
            assert!(emit::misplaced_payload(other).is_none(), "{other}");
        }
    }

    /// Kept plans outlive changes of the tables they read.
    #[pg_test]
    fn kept_plans_follow_the_tables() -> spi::Result<()> {
        install()?;
        let emit = "select emit_notification_event('test.plain', '{\"message\": \"x\"}'::jsonb) is not null";
        for change in [
            "select",
            "alter table herald.sms_messages add column note text default 'x'",
            "create index on herald.sms_messages (status)",
            "alter table herald.notification_events drop column fan_out_count cascade; \
             alter table herald.notification_events add column fan_out_count integer not null default 0",
        ] {
            Spi::run(change)?;
            assert_eq!(Spi::get_one::<bool>(emit)?, Some(true), "after {change}");
        }
        assert_eq!(
            Spi::get_one::<i64>("select count(*) from herald.sms_messages")?,
            Some(4)
        );
        Ok(())
    }

    /// A trigger on our tables that emits comes back in while a statement of ours runs, under our search_path.
    #[pg_test]
    fn emit_inside_of_emit() -> spi::Result<()> {
        install()?;
        Spi::run(
            "create function again() returns trigger language plpgsql as $$
             begin
                 if (new.payload ->> 'depth')::integer < 5 then
                     perform public.emit_notification_event('test.plain',
                     new.payload || jsonb_build_object('depth', (new.payload ->> 'depth')::integer + 1));
                 end if;
                 return null;
             end $$;
             create trigger again after insert on herald.notification_events for each row execute function again();
             select emit_notification_event('test.plain', '{\"message\": \"x\", \"depth\": 1}'::jsonb);",
        )?;
        assert_eq!(
            Spi::get_one::<i64>("select count(*) from herald.sms_messages")?,
            Some(5)
        );
        Ok(())
    }

    /// The words for unknown outcomes that the tables take are the library's.
    #[pg_test]
    fn policies_for_unknown_outcomes_are_the_librarys() -> spi::Result<()> {
        install()?;
        for policy in UnknownPolicy::ALL {
            Spi::run_with_args(
                "update herald.notification_event_types set unknown_policy = $1",
                &[policy.as_str().into()],
            )?;
        }
        let allowed = Spi::get_one::<i64>(
            "select count(*) from pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''[a-z_]+''::text', 'g') \
             where c.conname = 'notification_event_types_unknown_policy_check'",
        )?;
        assert_eq!(allowed, i64::try_from(UnknownPolicy::ALL.len()).ok());
        Ok(())
    }

    /// An error inside a statement of ours passes through as it is.
    #[pg_test(
        error = "new row for relation \"sms_messages\" violates check constraint \"no_more\""
    )]
    fn errors_of_statements_pass_through() -> spi::Result<()> {
        install()?;
        Spi::run(
            "alter table herald.sms_messages add constraint no_more check (false);
             select emit_notification_event('test.plain', '{\"message\": \"x\"}'::jsonb);",
        )
    }
}
