-- herald_set_setting(): kinds, bounds, and clear words about what is wrong.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
select * from test.error($$select herald_set_setting('no_such_setting', '1')$$);
select * from test.error($$select herald_set_setting('', '1')$$);
-- integer
select * from test.error($$select herald_set_setting('lease_seconds', '"90"')$$);
select * from test.error($$select herald_set_setting('lease_seconds', 'null')$$);
select * from test.error($$select herald_set_setting('lease_seconds', '59')$$);
select * from test.error($$select herald_set_setting('lease_seconds', '3601')$$);
select * from test.error($$select herald_set_setting('lease_seconds', '90.5')$$);
select * from test.error($$select herald_set_setting('lease_seconds', '1e30')$$);
select * from test.error($$select herald_set_setting('inline_fan_out_limit', '-1')$$);
select herald_set_setting('lease_seconds', '60');
select herald_set_setting('lease_seconds', '3600');
-- text list
select * from test.error($$select herald_set_setting('allowed_country_prefixes', '"+1"')$$);
select * from test.error($$select herald_set_setting('allowed_country_prefixes', '["+1", 44]')$$);
select * from test.error($$select herald_set_setting('allowed_country_prefixes', '["+1", ["+44"]]')$$);
select herald_set_setting('allowed_country_prefixes', '["+1", "+44"]');
select herald_set_setting('allowed_country_prefixes', '[]');
-- text
select * from test.error($$select herald_set_setting('default_locale', '5')$$);
select herald_set_setting('default_locale', '"pt-BR"');
-- secret
select * from test.error($$select herald_set_setting('callback_key', '5')$$);
select herald_set_setting('callback_key', '"AAAA"');
select herald_set_setting('opt_out_key', '"AAAA"');
select name, kind, value from herald.settings order by name;
-- The table itself refuses the same.
select * from test.error($$update herald.settings set value = '"x"' where name = 'lease_seconds'$$) limit 1;
select * from test.error($$update herald.settings set value = '59' where name = 'lease_seconds'$$) limit 1;
select * from test.error($$update herald.settings set value = '[1]' where name = 'allowed_country_prefixes'$$) limit 1;
-- The library's own.
select name, setting, enumvals, context, short_desc from pg_settings where name like 'pg\_herald.%' order by name;
\set VERBOSITY terse
set pg_herald.notify = 'sometimes';
set pg_herald.no_such = 1;
\set VERBOSITY default
