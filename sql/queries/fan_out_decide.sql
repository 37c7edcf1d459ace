-- The next chunk of recipients of a deferred event, and what the gate says of each. Arguments as for fan_out_chunk.sql.
with {source},
{decide}
select user_id, subscription_id, channel, phone_number, variant, open_at, reason, delivery_id, message_id from decided
