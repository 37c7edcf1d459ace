-- Deliveries made after "since" and not after "until"; reads one row "period". Ids are in order of time, and an id is made
-- after its transaction began, so the key finds them; the two columns say exactly.
    select d.*,
           d.status in ('sent', 'delivered', 'opened', 'clicked') as is_sent,
           d.status in ('delivered', 'opened', 'clicked') as is_delivered,
           d.status in ('failed', 'bounced') as is_failed
    from period
    join herald.notification_deliveries d
        on d.id >= (lpad(to_hex(greatest(0, floor(extract(epoch from period.since) * 1000))::bigint), 12, '0')
                    || repeat('0', 20))::uuid
       and d.created_at > period.since and d.created_at <= period.until
