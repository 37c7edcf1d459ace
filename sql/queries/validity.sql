-- Twilio's own queue may not release the text when it is too late (ValidityPeriod is 1 to 36,000 seconds); NULL = any time will do.
-- {too_late_at}: after that.
case when isfinite({too_late_at})
     then least(36000, greatest(1, floor(extract(epoch from {too_late_at} - now()))))::integer
end
