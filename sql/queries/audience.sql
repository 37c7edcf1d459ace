-- May this recipient hear of the event? The application says who its administrators are.
(not source.admin_only
 or coalesce((select bool_or(r.is_admin) from herald.recipients r
              where r.user_id = coalesce(s.user_id, source.target_user_id)), false))
