-- What the reading of a number depends on.
select nullif(value #>> '{}', '') as default_region from herald.settings where name = 'default_region'
