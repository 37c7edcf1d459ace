//! Laws about rows that become events.

use pgrx::prelude::*;

#[pg_schema]
#[allow(clippy::module_inception)] // pgrx looks for its tests in a schema of this name.
mod tests {
    use pgrx::prelude::*;
    use pgrx::spi;

    /// A table with a column of every kind of type, one of them dropped.
    fn things() -> spi::Result<()> {
        Spi::run(
            "select herald_install();
             insert into herald.notification_event_types (event_type) values ('test.row');
             create type mood as enum ('fine', 'so so');
             create domain code as text check (value <> '');
             create type place as (x integer, name text);
             create table things (
                 id bigint primary key, gone integer, name text, big numeric, small real, is_on boolean, at timestamptz, day date,
                 span interval, raw bytea, many integer[], mood mood, code code, place place, places place[], doc jsonb,
                 old_doc json, range int4range, address inet, owner uuid, sum bigint generated always as (id * 2) stored);
             alter table things drop column gone;
             insert into things values
                 (1, 'a', 1.50, 1.1, true, '2026-01-02 03:04:05+06', '2026-01-02', '1 day 2 h', '\\x00ff', '{1,null,3}', 'so so',
                  'x', (1, 'here'), array[(2, null)::place], '{\"b\": 1.0, \"a\": [null]}', '{\"b\":1.0, \"a\":2}', '[1,5)',
                  '10.0.0.1/8', md5('u')::uuid),
                 (2, repeat('long ', 100000), 'NaN', 'infinity', null, 'infinity', '-infinity', null, '', '{}', 'fine', 'é',
                  null, null, 'null', null, 'empty', null, null),
                 (3, null, 123456789012345678901234567890.123, null, false, null, null, null, null, null, null, null, null, null,
                  null, null, null, null, null);",
        )
    }

    /// What is wrong between the payloads of events and the rows as Postgres itself writes them; 0 is right.
    fn misfits() -> spi::Result<Option<i64>> {
        Spi::get_one(
            "select count(*)
             from things t
             full join herald.notification_events e on (e.payload ->> 'id')::bigint = t.id
             where e.payload is distinct from to_jsonb(t)",
        )
    }

    /// A row's image is what to_jsonb() makes of it, for each row and for each statement.
    #[pg_test]
    fn a_whole_row_is_what_postgres_makes_of_it() -> spi::Result<()> {
        things()?;
        for (kind, tables) in [
            ("row", ""),
            ("statement", "referencing old table as o new table as n"),
        ] {
            Spi::run(&format!(
                "truncate herald.notification_events cascade;
                 create trigger t after update on things {tables} for each {kind}
                     execute function emit_notification_event_trigger('test.row', 'payload=*');
                 update things set id = id;
                 drop trigger t on things;"
            ))?;
            assert_eq!(
                Spi::get_one::<i64>("select count(*) from herald.notification_events")?,
                Some(3)
            );
            assert_eq!(misfits()?, Some(0), "{kind}");
        }
        Ok(())
    }

    /// Named columns have the values that the whole row has, new and old.
    #[pg_test]
    fn a_part_of_a_row_is_a_part_of_the_whole() -> spi::Result<()> {
        things()?;
        Spi::run(
            "create trigger t after update on things for each row execute function emit_notification_event_trigger(
                 'test.row', 'payload=id,key:name,big,doc,place,was:old.is_on,sum');
             update things set is_on = not is_on;",
        )?;
        let same = Spi::get_one::<bool>(
            "select count(*) = 3 and bool_and(
                    e.payload = jsonb_build_object('id', t.id, 'key', t.name, 'big', to_jsonb(t.big), 'doc', t.doc,
                                                   'place', to_jsonb(t.place), 'was', not t.is_on, 'sum', t.sum))
             from things t join herald.notification_events e on (e.payload ->> 'id')::bigint = t.id",
        )?;
        assert_eq!(same, Some(true));
        Ok(())
    }

    /// A large statement gives each row its event, once and in order.
    #[pg_test]
    fn a_statement_of_many_rows() -> spi::Result<()> {
        things()?;
        Spi::run(
            "create trigger t after insert on things referencing new table as n for each statement
                 execute function emit_notification_event_trigger('test.row', 'payload=id', 'dedup=id');
             insert into things (id) select n from generate_series(10, 2009) n;",
        )?;
        let found = Spi::get_two::<i64, bool>(
            "select count(*), bool_and((payload ->> 'id')::bigint = place + 9)
             from (select payload, row_number() over (order by id) as place from herald.notification_events) e",
        )?;
        assert_eq!(found, (Some(2000), Some(true)));
        Ok(())
    }
}
