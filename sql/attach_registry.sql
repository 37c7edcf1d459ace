-- What lets backends remember the registry: made by herald_install() when it is missing, gone with DROP EXTENSION … CASCADE.
-- Always: also changes that replication or a restore brings are changes.
create trigger registry_changed after insert or update or delete on herald.settings
    for each row execute function {ext}.herald_registry_changed();
create trigger registry_changed after insert or update or delete on herald.notification_event_types
    for each row execute function {ext}.herald_registry_changed();
create trigger registry_changed after insert or update or delete on herald.sms_templates
    for each row execute function {ext}.herald_registry_changed();
alter table herald.settings enable always trigger registry_changed;
alter table herald.notification_event_types enable always trigger registry_changed;
alter table herald.sms_templates enable always trigger registry_changed;
comment on trigger registry_changed on herald.settings is 'Tells all backends to read the settings again.';
comment on trigger registry_changed on herald.notification_event_types is 'Tells all backends to read the event types again.';
comment on trigger registry_changed on herald.sms_templates is 'Tells all backends to read the templates again.';
