-- From when on quiet hours let a text go; NULL or infinity if that cannot be known. {due}: when it is due,
-- {urgency}: its priority, {setting}: the row with the settings; reads the person's row "p".
case
    when p.quiet_hours_start = p.quiet_hours_end
         or {urgency} = 'urgent' and p.urgent_alerts and p.urgent_bypass_quiet_hours then {due}
    else {ext}.herald_open_at({due}, p.quiet_hours_start, p.quiet_hours_end, {zone}, {setting}.minimum, {setting}.spread, p.user_id)
end
