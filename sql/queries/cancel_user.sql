-- Cancels what waits for a user, for this reason. $1 user, $2 reason, $3 until when it was made, NULL = any time
select herald.cancel_waiting($1, null, $2, coalesce($3, 'infinity'))
