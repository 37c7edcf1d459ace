-- How many people can be texted, and how the texts of a period did. $1 length of the period until now
with period as (select now() - $1::interval as since, now() as until),
d as ({deliveries}),
person as (
    select count(p.phone_number) as with_phone, count(*) filter (where p.phone_verified) as verified,
           count(*) filter (where p.phone_verified and not p.opted_out and n.sms_enabled) as enabled,
           count(*) filter (where p.opted_out) as opted_out
    from herald.user_sms_preferences p
    left join herald.user_notification_preferences n on n.user_id = p.user_id
),
sms as (
    select count(*) filter (where is_sent) as sent, count(*) filter (where is_delivered) as delivered,
           avg(extract(epoch from delivered_at - sent_at)) filter (where is_delivered) as seconds
    from d
    where channel = 'sms'
)
select with_phone, verified, enabled, opted_out,
       round(100.0 * verified / nullif(with_phone, 0), 2) as phone_verification_rate,
       round(100.0 * enabled / nullif(verified, 0), 2) as sms_adoption_rate,
       round(100.0 * opted_out / nullif(with_phone, 0), 2) as opt_out_rate,
       sent, round(100.0 * delivered / nullif(sent, 0), 2) as sms_delivery_rate, round(seconds, 2) as avg_seconds
from person
cross join sms
