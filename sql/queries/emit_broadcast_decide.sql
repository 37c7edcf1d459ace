-- Everybody who is concerned by an event, and what the gate says of each. Arguments as for emit.sql.
with {source},
{decide}
select user_id, subscription_id, channel, phone_number, variant, open_at, reason, delivery_id, message_id from decided
