-- The two rows of a user, with the tables' defaults. A statement of its own, so that the next one may update them. $1 user
with n as (
    insert into herald.user_notification_preferences (user_id) values ($1) on conflict (user_id) do nothing
)
insert into herald.user_sms_preferences (user_id) values ($1) on conflict (user_id) do nothing
