-- The gate: may this text go? NULL = yes, from g.open_at on; otherwise the reason why not (core/src/gate.rs).
-- Part of the deferred fan-out, of explain, of may_text and of the claim; emit asks the same function for its one user.
-- It reads one row "g".
{ext}.herald_gate(g.event_cancelled, g.type_active, g.is_subscribed, g.is_subscription_active, g.is_filter_met, g.in_audience,
                  g.channel, g.channel_enabled, g.phone_number, g.phone_verified, g.phone_invalid_reason is not null, g.opted_out,
                  g.prefixes, g.due_at, g.expires_at, g.open_at)
