//! Laws about preferences and phone verification, checked over the library's own lists.

use pgrx::prelude::*;

#[pg_schema]
#[allow(clippy::module_inception)] // pgrx looks for its tests in a schema of this name.
mod tests {
    use herald_core::verification::Verdict;
    use pgrx::prelude::*;
    use pgrx::spi;

    use crate::preferences::KEYS;

    const PERSON: &str = "md5('a')::uuid";

    /// What can be read can be set, but for what is not the person's to set.
    #[pg_test]
    fn every_preference_that_is_shown_can_be_set() -> spi::Result<()> {
        Spi::run("select herald_install()")?;
        let mut shown = Spi::get_one::<Vec<String>>(&format!(
            "select array(select jsonb_object_keys(get_notification_preferences({PERSON})))"
        ))?
        .unwrap_or_default();
        shown.retain(|name| !matches!(name.as_str(), "user_id" | "phone"));
        shown.sort_unstable();
        let mut known: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        assert_eq!(shown, known);
        Ok(())
    }

    /// Setting what is shown changes nothing, and nothing shown is refused.
    #[pg_test]
    fn what_is_shown_can_be_given_back() -> spi::Result<()> {
        Spi::run("select herald_install()")?;
        let same = Spi::get_one::<bool>(&format!(
            "with shown as materialized (select get_notification_preferences({PERSON}) - 'user_id' - 'phone' as p)
             select set_notification_preferences({PERSON}, shown.p) - 'success' - 'user_id' - 'phone' = shown.p from shown"
        ))?;
        assert_eq!(same, Some(true));
        Ok(())
    }

    /// Whatever Verify says at whichever step, the verification gets a status that the table knows, and nobody is left
    /// in a step that no job stands for.
    #[pg_test]
    fn every_verdict_leads_somewhere() -> spi::Result<()> {
        Spi::run("select herald_install()")?;
        Spi::run(
            "insert into herald.notification_event_types (event_type) values ('test.plain');
             create function begin_step(step text, out id uuid, out claim integer) language plpgsql as $$
             begin
                 id := start_phone_verification(gen_random_uuid(), '+1415555' || lpad((select count(*) from herald.phone_verifications)::text, 4, '0'));
                 if step = 'check' then
                     delete from herald.queue_jobs where subject_id = id;
                     update herald.phone_verifications v set status = 'pending' where v.id = begin_step.id;
                     perform confirm_phone_verification(v.user_id, '1234') from herald.phone_verifications v where v.id = begin_step.id;
                 end if;
                 select c.claim into claim from claim_phone_verifications(md5('w')::uuid, 100) c where c.verification_id = id;
             end $$;
             select herald_set_setting('verify_starts_per_hour', '1000');",
        )?;
        for step in ["start", "check"] {
            for verdict in Verdict::ALL {
                if (step, *verdict) == ("start", Verdict::Approved)
                    || (step, *verdict) == ("start", Verdict::WrongCode)
                    || (step, *verdict) == ("check", Verdict::Sent)
                {
                    continue; // Verify does not say that.
                }
                let held = Spi::get_one_with_args::<bool>(
                    "with b as materialized (select * from begin_step($1)),
                          c as materialized (select b.id, c.* from b, complete_phone_verification(md5('w')::uuid, b.id, b.claim, $2) c)
                     select applied and status is not null from c",
                    &[step.into(), verdict.as_str().into()],
                )?;
                assert_eq!(held, Some(true), "{step} {verdict}");
            }
        }
        let stranded = Spi::get_one::<i64>(
            "select count(*) from herald.phone_verifications v
             where (status in ('starting', 'checking'))
                   <> exists (select from herald.queue_jobs q where q.subject_id = v.id)",
        )?;
        assert_eq!(stranded, Some(0));
        Ok(())
    }
}
