-- What the gate must know of one recipient on one channel. Reads the event "source", the channel "target", the person's
-- subscription "s" and preferences "n" and "p"; two parts say what the subscription says, and whether they may be a recipient.
coalesce(s.user_id, source.target_user_id) as user_id,
s.id as subscription_id,
target.channel,
false as event_cancelled,
source.type_active,
{subscribed},
{audience} as in_audience,
coalesce(case target.channel
             when 'sms' then coalesce(s.sms_enabled, n.sms_enabled)
             when 'email' then coalesce(s.email_enabled, n.email_enabled)
             when 'push' then coalesce(s.push_enabled, n.push_enabled)
             else coalesce(s.in_app_enabled, n.in_app_enabled)
         end, false) as channel_enabled,
p.phone_number,
coalesce(p.phone_verified, false) as phone_verified,
p.phone_invalid_reason,
coalesce(p.opted_out, false) as opted_out,
source.prefixes, source.due_at, source.expires_at,
-- Which of the other languages' texts: the person's own, or the same without a region.
coalesce(array_position(source.locales, lower(n.locale)),
         array_position(source.locales, split_part(lower(n.locale), '-', 1))) as variant,
{open_at} as open_at
