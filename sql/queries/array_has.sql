-- Whether a JSON path finds something in a value. $1 value, $2 JSON path
select jsonb_path_exists($1, $2::jsonpath)
