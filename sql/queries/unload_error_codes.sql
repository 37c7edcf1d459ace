-- Takes out the library's own rows of the error catalogue, to be loaded anew; rows marked is_edited stay. $1 the codes
delete from herald.twilio_error_codes where code = any ($1) and not is_edited
