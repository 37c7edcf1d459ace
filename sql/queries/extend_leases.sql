-- Renews the leases a worker still holds. $1 worker, $2 batches
update herald.dispatch_batches b
set lease_until = now() + make_interval(secs => (setting.value #>> '{}')::integer)
from herald.settings setting
where b.id = any ($2) and b.worker = $1 and setting.name = 'lease_seconds'
returning b.id
