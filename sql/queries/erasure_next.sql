-- The next erasure to go over once more: not in the last hour, and one at a time.
select e.id, e.user_id, e.requested_at
from herald.user_erasures e
where e.finished_at is null and e.swept_at < now() - interval '1 hour'
order by e.swept_at
limit 1
for update skip locked
