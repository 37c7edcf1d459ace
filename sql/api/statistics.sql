-- Numbers for administrators, under the original system's names. In all of them: sent = sent, delivered, opened or clicked;
-- delivered = delivered, opened or clicked; failed = failed or bounced; suppressed and cancelled count as neither.

create function @extschema@.get_notification_overview_metrics(p_interval text default '7 days', p_offset text default null)
returns table (total_sent bigint, delivery_success_rate numeric, avg_open_rate numeric, avg_click_rate numeric)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_notification_overview_metrics_wrapper';
comment on function @extschema@.get_notification_overview_metrics(text, text) is
'How the deliveries of a period went: one row. p_interval: how long it was. p_offset: how long ago it ended, NULL = now; with p_offset = p_interval it is the period before, to see the trend. delivery_success_rate = sent / (sent + failed), avg_open_rate = opened / sent, avg_click_rate = clicked / opened, in percent, NULL if there is nothing to divide by.
Raises 22004 for a NULL p_interval, 22007 for a text that is no interval, 55000 before herald_install().';

create function @extschema@.get_notification_channel_performance(p_interval text default '7 days')
returns table (
    channel text, total_sent bigint, sent bigint, delivered bigint, opened bigint, clicked bigint, failed bigint,
    success_rate numeric, delivery_rate numeric, open_rate numeric, click_rate numeric, avg_delivery_time_ms numeric,
    suppressed bigint
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_notification_channel_performance_wrapper';
comment on function @extschema@.get_notification_channel_performance(text) is
'How each channel did in the period until now. sent: accepted, and nothing heard since. success_rate = total_sent / (total_sent + failed), delivery_rate = delivered / total_sent, open_rate = opened / total_sent, click_rate = clicked / opened, in percent. avg_delivery_time_ms: from accepted to delivered. suppressed: not sent on purpose, or cancelled.
Raises 22004 for NULL, 22007 for a text that is no interval, 55000 before herald_install().';

create function @extschema@.get_notification_event_performance(p_interval text default '30 days')
returns table (
    event_type text, total_events bigint, total_deliveries bigint, unique_subscribers bigint,
    avg_delivery_time_seconds numeric, open_rate numeric, click_rate numeric
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_notification_event_performance_wrapper';
comment on function @extschema@.get_notification_event_performance(text) is
'How each event type did in the period until now. unique_subscribers: who is subscribed now. Times from accepted to delivered, rates in percent.
Raises 22004 for NULL, 22007 for a text that is no interval, 55000 before herald_install().';

create function @extschema@.get_notification_delivery_timeline(p_interval text default '24 hours', p_granularity text default 'hour')
returns table (time_bucket timestamptz, sent integer, delivered integer, opened integer, clicked integer, failed integer)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_notification_delivery_timeline_wrapper';
comment on function @extschema@.get_notification_delivery_timeline(text, text) is
'For each hour or day (p_granularity) of the period until now: the deliveries made in it, by what has become of them. A bucket without deliveries has zeros. Days are of the session''s time zone.
Raises 22004 for NULL, 22023 for another granularity, 22007 for a text that is no interval, 55000 before herald_install().';

create function @extschema@.get_notification_failed_deliveries(p_interval text default '24 hours', p_limit integer default 50)
returns table (
    delivery_id uuid, event_id uuid, event_type text, channel text, recipient_user_id uuid, recipient_email text,
    last_error text, attempts integer, max_attempts integer, created_at timestamptz, failed_at timestamptz
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_notification_failed_deliveries_wrapper';
comment on function @extschema@.get_notification_failed_deliveries(text, integer) is
'The failed and bounced deliveries of the period until now, latest first, at most p_limit (1 to 1000). retry_notification_delivery() and resend_notification_delivery() take their ids.
Raises 22004 for NULL, 22023 for another limit, 22007 for a text that is no interval, 55000 before herald_install().';

create function @extschema@.get_sms_notification_stats(p_interval text default '24 hours')
returns table (
    total_users_with_phone bigint, users_phone_verified bigint, users_sms_enabled bigint, users_opted_out bigint,
    phone_verification_rate numeric, sms_adoption_rate numeric, opt_out_rate numeric,
    total_sms_sent_24h bigint, sms_delivery_rate_24h numeric, avg_sms_delivery_time_seconds numeric
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_sms_notification_stats_wrapper';
comment on function @extschema@.get_sms_notification_stats(text) is
'People and texts in numbers: one row. users_sms_enabled: verified, not opted out, and the channel is on. phone_verification_rate = verified / with phone, sms_adoption_rate = enabled / verified, opt_out_rate = opted out / with phone, in percent. The last three columns are about the deliveries of the period until now, whatever its length; the time is from accepted to delivered.
Raises 22004 for NULL, 22007 for a text that is no interval, 55000 before herald_install().';

create function @extschema@.retry_notification_delivery(p_delivery_id uuid) returns uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'retry_notification_delivery_wrapper';
comment on function @extschema@.retry_notification_delivery(uuid) is
'Puts the failed message of a delivery back in line, with one more attempt; returns the message''s id. The gate decides again before it goes. Raises 22004 for NULL, P0002 for an unknown delivery, 55000 if it may still arrive or has arrived, if the error says that the same message will fail again, if the message has expired, after 10 attempts, or before herald_install().';

create function @extschema@.resend_notification_delivery(p_delivery_id uuid) returns uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'resend_notification_delivery_wrapper';
comment on function @extschema@.resend_notification_delivery(uuid) is
'Emits the event of a failed, cancelled, bounced or suppressed delivery again, for its recipient and channel alone: a new event (metadata: resend_of, first_event), a new text from today''s template, a new decision of the gate; returns the new delivery''s id. At most 3 times for one delivery. Raises 22004 for NULL, P0002 for an unknown delivery, 55000 if it may still arrive or has arrived, if it was sent again 3 times, if the new event has a problem or its recipient no subscription, or before herald_install().';
