-- What a new installation starts with. Settings, templates and event types are rows like any other from here on.

insert into herald.settings (name, kind, value, minimum, maximum, description) values
    ('allowed_country_prefixes', 'text_list', '["+1"]', null, null,
     'Numbers that start with one of these may be texted.'),
    ('inline_fan_out_limit', 'integer', '1000', 0, 100000,
     'Up to this many recipients emit writes the deliveries in the caller''s transaction; above it the daemon does, in chunks of this size.'),
    ('lease_seconds', 'integer', '90', 60, 3600,
     'How long a daemon may hold a claimed batch without renewing it, in seconds.'),
    ('default_locale', 'text', '"en"', null, null,
     'Language of a template when the recipient''s has none.');

insert into herald.settings (name, kind, value, description)
values ('callback_key', 'secret',
        to_jsonb(encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64')),
        'Key of the MAC in our callback URLs, base64.');

insert into herald.sms_templates
    (template_key, name, description, message_template, required_vars, max_length, is_builtin) values
    ('task_reminder', 'Task reminder', 'A task is coming up.',
     'Reminder: {{task_name}} is due {{due_time}}. {{task_context|}}', '["task_name", "due_time"]', 160, true),
    ('daily_brief_ready', 'Daily brief ready', 'The day''s overview can be read.',
     'Your daily brief is ready. Today''s focus: {{main_focus}}', '["main_focus"]', 160, true),
    ('urgent_task', 'Urgent task', 'A task needs attention now.',
     'URGENT: {{task_name}} was due {{due_date}}. Reply STOP to opt out.', '["task_name", "due_date"]', 160, true),
    ('welcome_sms', 'Welcome', 'First text to a number that was just verified.',
     'You are set up for text notifications. Msg & data rates may apply. Reply HELP for help, STOP to opt out.', '[]', 160, true),
    ('notif_user_signup', 'New sign-up', 'For administrators: somebody signed up.',
     'New sign-up: {{user_email}} via {{signup_method}}', '["user_email", "signup_method"]', 160, true),
    ('notif_brief_completed', 'Brief completed', 'The brief of a day was made.',
     'Your brief for {{brief_date}} is ready: {{task_count}} tasks.', '["task_count", "brief_date"]', 160, true),
    ('notif_brief_failed', 'Brief failed', 'The brief of the day could not be made.',
     'Your daily brief could not be made. We will try again.', '[]', 160, true),
    ('notif_task_due_soon', 'Task due soon', 'A task is nearly due.',
     U&'\23F0 {{task_name}} is due {{due_time}}', '["task_name", "due_time"]', 160, true),
    ('notif_urgent_alert', 'Urgent alert', 'Something needs attention now.',
     U&'\+01F6A8 {{alert_message}}', '["alert_message"]', 160, true),
    ('notif_project_milestone', 'Project milestone', 'A milestone was reached.',
     U&'\+01F389 {{milestone_name}} reached in {{project_name}}', '["milestone_name", "project_name"]', 160, true);

insert into herald.notification_event_types (event_type, description, template_key, default_priority, admin_only) values
    ('user.signup', 'Somebody signed up (administrators only).', 'notif_user_signup', 'normal', true),
    ('brief.completed', 'The brief of a day was made.', 'notif_brief_completed', 'normal', false),
    ('brief.failed', 'The brief of the day could not be made.', 'notif_brief_failed', 'normal', false),
    ('task.due_soon', 'A task is nearly due.', 'notif_task_due_soon', 'high', false),
    ('urgent.alert', 'Something needs attention now.', 'notif_urgent_alert', 'urgent', false),
    ('project.milestone', 'A milestone was reached.', 'notif_project_milestone', 'normal', false),
    ('task.reminder', 'A task is coming up.', 'task_reminder', 'normal', false),
    ('task.urgent', 'A task needs attention now.', 'urgent_task', 'urgent', false),
    ('brief.ready', 'The day''s overview can be read.', 'daily_brief_ready', 'normal', false),
    ('user.welcome', 'A number was just verified.', 'welcome_sms', 'normal', false);
