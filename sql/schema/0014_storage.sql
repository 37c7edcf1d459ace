-- How the rows lie on disk, and when autovacuum comes. Measured with 20,000 texts: docs/BENCHMARKS.md.

-- A text's row changes four times in its first seconds (claimed, sent, two callbacks) and then never again. No index has a
-- column that changes, so the new version stays on its page (HOT: no index is touched) as long as there is room; a claim
-- changes all rows of a page in one transaction, so the page must hold two versions of each: a little less than half full.
alter table herald.sms_messages set (fillfactor = 45);
alter table herald.notification_deliveries set (fillfactor = 45);
-- The counters of a person change with every text; a broadcast to everybody changes all rows of a page at once.
alter table herald.user_sms_preferences set (fillfactor = 45);
-- Written once and nearly never changed.
alter table herald.sms_send_attempts set (fillfactor = 95);

-- The default waits until a fifth of a table is new or dead: with millions of rows of history that is weeks, in which the pages
-- of the recent ones are not known to be visible to all and statistics speak of another table. Autovacuum looks only at pages
-- that changed, so that coming often costs little.
alter table herald.notification_events set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table herald.notification_deliveries set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table herald.sms_messages set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table herald.sms_send_attempts set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table herald.twilio_callbacks set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table herald.user_sms_preferences set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
