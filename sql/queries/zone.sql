-- The time zone of the person in row "p": their own choice, the application's, or UTC.
coalesce(p.timezone, (select r.timezone from herald.recipients r where r.user_id = p.user_id limit 1), 'UTC')
