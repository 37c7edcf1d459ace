-- Notifications inside the application (channel in_app): a user's list, and what the user does with it.

create function @extschema@.get_user_notifications(
    p_user_id uuid, p_limit integer default 50, p_before uuid default null, p_unread_only boolean default false
) returns table (
    id uuid, event_id uuid, event_type text, title text, body text, action_url text, priority text,
    created_at timestamptz, expires_at timestamptz, read_at timestamptz
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_user_notifications_wrapper';
comment on function @extschema@.get_user_notifications(uuid, integer, uuid, boolean) is
'A user''s notifications inside the application, newest first, without those dismissed, expired or not yet due. p_limit: 1 to 1000. p_before: only those older than this id (the last one of the page before), NULL = from the newest. p_unread_only: NULL = false.
Set 1 for the setting in_app_notify, and each new one is announced on channel herald_user_ID (ID is the user''s id), with its id as payload.
Raises 22004 for a NULL user or limit, 22023 for another limit, 55000 before herald_install().';

create function @extschema@.count_unread_notifications(p_user_id uuid) returns bigint
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'count_unread_notifications_wrapper';
comment on function @extschema@.count_unread_notifications(uuid) is
'How many of a user''s notifications are unread, counted like the list. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.mark_notification_read(p_user_id uuid, p_notification_id uuid) returns boolean
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'mark_notification_read_wrapper';
comment on function @extschema@.mark_notification_read(uuid, uuid) is
'Marks a notification as read; its delivery becomes opened. False: it was read or dismissed before. Raises 22004 for NULL, P0002 if the user has no such notification, 55000 before herald_install().';

create function @extschema@.mark_all_notifications_read(p_user_id uuid) returns integer
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'mark_all_notifications_read_wrapper';
comment on function @extschema@.mark_all_notifications_read(uuid) is
'Marks all of a user''s notifications as read; returns how many that were. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.dismiss_notification(p_user_id uuid, p_notification_id uuid) returns boolean
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'dismiss_notification_wrapper';
comment on function @extschema@.dismiss_notification(uuid, uuid) is
'Takes a notification out of a user''s list, read or not. False: it was dismissed before. Raises 22004 for NULL, P0002 if the user has no such notification, 55000 before herald_install().';
