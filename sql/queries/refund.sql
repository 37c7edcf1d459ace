-- Gives back what was reserved for texts that were not sent. Reads rows "unsent" (message_id, delivery_id, user_id,
-- phone_number, by_admin, claimed_at) and "touched" (phone_number: whose rows another part of the statement changes, because a
-- row can be changed only once; nobody texts them for now anyway). A count that has begun anew since the claim stays as it is. Caps come last, as in the claim.
person as materialized (
    select p.id, p.user_id, p.daily_count_reset_at, p.hourly_count_reset_at, p.daily_type_counts
    from herald.user_sms_preferences p
    where p.user_id = any (array(select user_id from unsent where not by_admin))
      and (p.phone_number = any (array(select phone_number from touched))) is not true
    order by p.id
    for no key update
),
refunded as (
    update herald.user_sms_preferences p
    set daily_sms_count = greatest(0, p.daily_sms_count - back.of_day),
        hourly_sms_count = greatest(0, p.hourly_sms_count - back.of_hour),
        daily_type_counts = p.daily_type_counts || back.types
    from (
        select person.id,
               (count(*) filter (where unsent.claimed_at >= person.daily_count_reset_at))::integer as of_day,
               (count(*) filter (where unsent.claimed_at >= person.hourly_count_reset_at))::integer as of_hour,
               case when person.daily_type_counts = '{}' then '{}' else coalesce(
                   (select jsonb_object_agg(event_type, greatest(0, (person.daily_type_counts ->> event_type)::integer - texts))
                    from (select e.event_type, count(*) as texts
                          from unsent u
                          join herald.notification_deliveries d on d.id = u.delivery_id
                          join herald.notification_events e on e.id = d.event_id
                          where u.user_id = person.user_id and u.claimed_at >= person.daily_count_reset_at
                            and person.daily_type_counts ? e.event_type
                          group by e.event_type) by_type), '{}') end as types
        from person
        join unsent on unsent.user_id = person.user_id and not unsent.by_admin
        group by person.id, person.user_id, person.daily_count_reset_at, person.daily_type_counts
    ) back
    where p.id = any (array(select id from person)) and back.id = p.id
    returning p.id
),
cap as materialized (
    select c.prefix, c.day
    from herald.sms_caps c
    where exists (select from unsent) and (select count(*) from refunded) >= 0
    order by c.prefix
    for no key update
),
uncapped as (
    update herald.sms_caps c
    set used = greatest(0, c.used - back.texts)
    from (
        select cap.prefix, count(*)::integer as texts
        from unsent
        join cap on cap.day = (unsent.claimed_at at time zone 'UTC')::date
                and (cap.prefix = '+'
                     or cap.prefix = (select longest.prefix from cap longest
                                      where longest.prefix <> '+' and unsent.phone_number ^@ longest.prefix
                                      order by length(longest.prefix) desc limit 1))
        group by cap.prefix
    ) back
    where c.prefix = back.prefix
)
