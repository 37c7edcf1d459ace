-- Writes what was decided: a delivery each, message and queue row for the texts that may go; in_app.sql comes before it for
-- the notifications inside the application. Reads "source" and "decided".
{in_app}
{deliver},
{texts}
