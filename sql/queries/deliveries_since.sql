-- Deliveries made after "since" and not after "until"; reads one row "period". Ids are in order of time, and an id is made
-- after its transaction began, so the key finds them; the two columns say exactly.
    select d.*,
           d.status in ('sent', 'delivered', 'opened', 'clicked') as is_sent,
           d.status in ('delivered', 'opened', 'clicked') as is_delivered,
           d.status in ('failed', 'bounced') as is_failed
    from period
    join herald.notification_deliveries d
        on d.id >= herald.oldest_id(greatest(period.since, 'epoch')) and d.created_at > period.since and d.created_at <= period.until
