-- get_user_sms_channel_info(): whether and where a user can be texted.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1);
insert into herald.user_sms_preferences (user_id, phone_number, phone_verified, opted_out) values
    (test.person(2), test.phone(2), false, false),
    (test.person(3), test.phone(3), true, true),
    (test.person(4), null, false, true),
    (test.person(5), test.phone(5), true, false);
select n, has_sms_available, phone_number, phone_verified, phone_verified_at is not null as has_time, opted_out
from generate_series(1, 6) as n, get_user_sms_channel_info(test.person(n)) order by n;
-- It reads only.
begin read only;
select has_sms_available from get_user_sms_channel_info(test.person(1));
commit;
