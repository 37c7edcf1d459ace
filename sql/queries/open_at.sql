-- From when on quiet hours let a text go; NULL or infinity if that cannot be known. {when}: when it is due, {rules}: the
-- settings, {priority}; reads the person's row "p".
case
    when p.quiet_hours_start = p.quiet_hours_end
         or {priority} = 'urgent' and p.urgent_alerts and p.urgent_bypass_quiet_hours then {when}
    else {ext}.herald_open_at({when}, p.quiet_hours_start, p.quiet_hours_end, {zone}, {rules}.minimum, {rules}.spread, p.user_id)
end
