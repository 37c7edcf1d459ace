-- Changes a setting. $1 name, $2 value
update herald.settings set value = $2 where name = $1
