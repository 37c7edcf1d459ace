-- Those who are concerned by an event, and what the gate says of each, for whoever writes the rows otherwise. Arguments as for
-- emit.sql (everybody) or fan_out_chunk.sql (one chunk).
with {source},
{decide}
select user_id, subscription_id, channel, phone_number, variant, open_at, reason, delivery_id, message_id from decided
