-- A claim writes a delivery only if it puts it off, ends it or learns of another number: that a text is claimed, its message and
-- its batch say. One version of the delivery less, in the WAL and on its page until Twilio has answered.
comment on column herald.notification_deliveries.status is
    'pending (also while a daemon has it), deferred, queued (in doubt: Twilio may have it), sent (Twilio accepted it), delivered, opened, clicked; suppressed, cancelled, failed, bounced.';
