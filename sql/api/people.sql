-- What people want: preferences, subscriptions; and finding them.

create function @extschema@.get_notification_preferences(p_user_id uuid) returns jsonb
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_notification_preferences_wrapper';
comment on function @extschema@.get_notification_preferences(uuid) is
'What a user wants, also a user we have never heard of (then the defaults): switches per channel, quiet hours, limits; events: what differs for single event types (NULL = the user''s default); timezone and locale: NULL = as in herald.recipients, and the setting default_locale; phone: number, proof and opt-out, which set_notification_preferences does not take. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.set_notification_preferences(p_user_id uuid, p_preferences jsonb) returns jsonb
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'set_notification_preferences_wrapper';
comment on function @extschema@.set_notification_preferences(uuid, jsonb) is
'Changes what is named in p_preferences, an object with names of get_notification_preferences, and leaves the rest; events: {event type: {is_active, filters, sms_enabled, email_enabled, push_enabled, in_app_enabled}}, where NULL takes the user''s default.
Returns {"success": true} with everything as it stands then. Nothing changes and {"success": false, "error", "code", "details"} comes back when texts are switched on that may not be: details is {"requiresPhoneSetup": true} without a number, {"requiresPhoneVerification": true} without its proof, {"requiresOptIn": true} after an opt-out, {"requiresAdmin": true} for an event type of administrators.
Raises 22004 for NULL, 22023 for an unknown name, a value of the wrong kind or out of range, an unknown time zone, or an event type that does not exist or that the user is not subscribed to (is_active true subscribes); 55000 before herald_install().';

create function @extschema@.subscribe(
    p_user_id uuid,
    p_event_type text,
    p_filters jsonb default null,
    p_sms boolean default null,
    p_email boolean default null,
    p_push boolean default null,
    p_in_app boolean default null,
    p_created_by uuid default null
) returns jsonb
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'subscribe_wrapper';
comment on function @extschema@.subscribe(uuid, text, jsonb, boolean, boolean, boolean, boolean, uuid) is
'Subscribes a user to an event type, or replaces the subscription. p_filters: only events whose payload contains this object, NULL = all. p_sms, p_email, p_push, p_in_app: the channel for this type alone, NULL = the user''s default. p_created_by: who does it, NULL = the user.
Returns {"success": true, "event_type", "is_active", "filters", "sms_enabled", …}, or, with nothing changed, {"success": false, "error", "code", "details"} as set_notification_preferences does.
Raises 22004 for a NULL user or event type, 22023 for an event type that does not exist or filters that are no object, 55000 before herald_install().';

create function @extschema@.unsubscribe(p_user_id uuid, p_event_type text) returns boolean
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'unsubscribe_wrapper';
comment on function @extschema@.unsubscribe(uuid, text) is
'Ends a subscription; what waits to be sent for it is suppressed. False: there was none. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.search_notification_recipients(p_query text, p_event_type text default null, p_limit integer default 20)
returns table (id uuid, email text, name text, is_admin boolean, has_phone boolean, is_subscribed_to_event boolean)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'search_notification_recipients_wrapper';
comment on function @extschema@.search_notification_recipients(text, text, integer) is
'People of herald.recipients by a part of their name or e-mail address, in any case, or by their id. p_query: taken as it is, no wildcards; NULL or empty = everybody. p_event_type: what is_subscribed_to_event is about, NULL = false. has_phone: a number that is verified and has not opted out. Those whose name or address begins with p_query come first. Raises 22004 for a NULL limit, 22023 for a limit outside 1 to 100, 55000 before herald_install().';

create function @extschema@.send_test_notification(
    p_event_type text,
    p_recipient_user_ids uuid[],
    p_payload jsonb default '{}',
    p_sent_by uuid default null
) returns table (event_id uuid, recipient_user_id uuid, message_id uuid, reason text)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'send_test_notification_wrapper';
comment on function @extschema@.send_test_notification(text, uuid[], jsonb, uuid) is
'Texts what an event type would say to the people named, subscribed or not, and to nobody else. Event and texts are marked: metadata has test_mode true and test_sent_by. One row per recipient: the text''s id, or the reason why there is none (no_phone, invalid_number, unverified, opted_out, country_not_allowed); the gate decides once more when it is claimed.
Raises 22004 for a NULL event type, list or recipient, 22023 for an empty list, more than 20 recipients, an unknown event type or a payload that gives no text, 55000 before herald_install().';
