-- Which of these SIDs the ledger knows. $1 SIDs
select a.sid from herald.sms_send_attempts a where a.sid = any ($1)
