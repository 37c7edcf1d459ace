-- Tells who listens what became of a verification; neither number nor code is in it.
-- $1 verification, $2 user, $3 status, $4 reason
select pg_notify('herald_phone_verification',
                 jsonb_build_object('verification_id', $1, 'user_id', $2, 'status', $3, 'reason', $4)::text)
