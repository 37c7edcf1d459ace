-- Consent: opt-outs that belong to numbers, evidence that nobody can change, erasure and retention.

insert into herald.settings (name, kind, value, minimum, maximum, description) values
    ('start_lifts_opt_out', 'integer', '0', 0, 1,
     '1: a person who texts START is texted again. 0: START only ends Twilio''s own block; the number must be verified again as well.'),
    ('inbound_help_reply', 'text', '"Reply STOP to get no more texts. Msg & data rates may apply."', null, null,
     'Our answer to HELP where Twilio has not answered; an empty text answers nothing. Name your brand in it.'),
    ('inbound_start_reply', 'text', '"You can get texts from us again. Verify your number in the app to receive them."', null, null,
     'Our answer to START where Twilio has not answered; an empty text answers nothing.'),
    ('inbound_stop_reply', 'text', '""', null, null,
     'Our answer to STOP where Twilio has neither answered nor blocked: one confirmation is lawful. An empty text answers nothing.'),
    ('inbound_reply_limit', 'integer', '3', 0, 1000,
     'Most automatic answers to one number within inbound_reply_window_seconds; 0 answers nobody.'),
    ('inbound_reply_window_seconds', 'integer', '3600', 1, 604800,
     'The time over which inbound_reply_limit counts, in seconds.'),
    ('inbound_reply_interval_seconds', 'integer', '30', 0, 86400,
     'Shortest time between two automatic answers to one number, in seconds: Twilio counts texts that follow faster as a loop.'),
    ('retention_events_days', 'integer', '0', 0, 36500,
     'Events that are over are deleted with their deliveries and texts this many days after they were made; 0 keeps them.'),
    ('retention_messages_days', 'integer', '0', 0, 36500,
     'Texts that are over are deleted with their ledger this many days after they were made; 0 keeps them.'),
    ('retention_callbacks_days', 'integer', '0', 0, 36500,
     'Raw status callbacks are deleted this many days after they came; 0 keeps them.'),
    ('retention_inbound_days', 'integer', '0', 0, 36500,
     'Texts that people sent us are deleted this many days after they came; 0 keeps them. The consent ledger is never shortened.'),
    ('retention_verifications_days', 'integer', '0', 0, 36500,
     'Records of phone verifications are deleted this many days after they began; 0 keeps them.');

insert into herald.settings (name, kind, value, description)
values ('opt_out_key', 'secret',
        to_jsonb(encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64')),
        'Key of the hashes of numbers in herald.sms_opt_outs and herald.sms_consent_events, base64. Another key forgets every opt-out of an erased number.');

-- The number without the number.

create function herald.number_hash(phone_number text) returns bytea
language sql stable strict security definer set search_path = pg_catalog, pg_temp as $$
    select sha256(k.key || sha256(k.key || convert_to(phone_number, 'UTF8')))
    from (select decode(value #>> '{}', 'base64') as key from herald.settings where name = 'opt_out_key') as k
$$;
comment on function herald.number_hash(text) is
    'Keyed hash of a phone number: the same number gives the same hash, and without the setting opt_out_key nobody finds the number by trying. NULL for NULL.';
revoke execute on function herald.number_hash(text) from public;

create function herald.oldest_id(moment timestamptz) returns uuid
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
    select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
comment on function herald.oldest_id(timestamptz) is
    'The smallest UUIDv7 of a moment: ids made before it are smaller. NULL for NULL.';
revoke execute on function herald.oldest_id(timestamptz) from public;

create table herald.sms_opt_outs (
    number_hash      bytea       not null primary key,
    opted_out_at     timestamptz not null default pg_catalog.now(),
    reason           text        not null,
    provider_blocked boolean     not null default false,
    blocked_sender   text,
    updated_at       timestamptz not null default pg_catalog.now()
);
comment on table herald.sms_opt_outs is
    'The numbers that may not be texted, as keyed hashes: an opt-out belongs to the number and outlives the erasure of its owner. The flag opted_out of herald.user_sms_preferences follows it.';
comment on column herald.sms_opt_outs.number_hash is 'herald.number_hash() of the number.';
comment on column herald.sms_opt_outs.opted_out_at is 'When it was last asked for; a verification counts only if it is newer.';
comment on column herald.sms_opt_outs.reason is 'Why, such as inbound_stop, twilio_21610 or what opt_out_user() was given.';
comment on column herald.sms_opt_outs.provider_blocked is
    'True: Twilio itself blocks the number. Nothing of ours lifts that; the person must text START.';
comment on column herald.sms_opt_outs.blocked_sender is 'The Messaging Service or number of ours that is blocked, if known.';
comment on column herald.sms_opt_outs.updated_at is 'When the row was last changed.';

-- The ledger: rows are added, and once the number in a row is erased. Nothing else happens to them, whoever asks.

alter table herald.sms_consent_events
    alter column phone_number drop not null,
    add column number_hash bytea,
    add column erased_at timestamptz,
    add constraint sms_consent_events_subject_check check (phone_number is not null or erased_at is not null or user_id is not null);
comment on column herald.sms_consent_events.phone_number is 'The number, E.164; NULL after its erasure, or for a user without one.';
comment on column herald.sms_consent_events.number_hash is 'herald.number_hash() of the number; it stays when the number is erased.';
comment on column herald.sms_consent_events.erased_at is 'When number and words were erased, or NULL.';
update herald.sms_consent_events set number_hash = herald.number_hash(phone_number);
create index sms_consent_events_user_idx on herald.sms_consent_events (user_id, occurred_at);
comment on index herald.sms_consent_events_user_idx is 'The history of a user.';
create index sms_consent_events_hash_idx on herald.sms_consent_events (number_hash, occurred_at);
comment on index herald.sms_consent_events_hash_idx is 'The history of a number, also after its erasure.';

create function herald.stamp_consent_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    -- A row that is restored without its number keeps the hash it has.
    if new.phone_number is not null then
        new.number_hash := herald.number_hash(new.phone_number);
        new.erased_at := null;
    end if;
    return new;
end
$$;
comment on function herald.stamp_consent_event() is 'Trigger function: notes the keyed hash of a new row''s number.';
revoke execute on function herald.stamp_consent_event() from public;
create trigger stamp_consent_event before insert on herald.sms_consent_events
    for each row execute function herald.stamp_consent_event();
comment on trigger stamp_consent_event on herald.sms_consent_events is 'Every row has the hash of its number.';
alter table herald.sms_consent_events enable always trigger stamp_consent_event;

create function herald.guard_consent_event() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    erased record;
begin
    if tg_op = 'UPDATE' then
        erased := old;
        erased.phone_number := null;
        erased.erased_at := new.erased_at;
        if new.wording is null then
            erased.wording := null;
        end if;
        if old.erased_at is null and new.erased_at is not null and new is not distinct from erased then
            return new;
        end if;
    end if;
    raise exception '% of the consent ledger is not possible', lower(tg_op)
        using errcode = '55000',
              detail = 'herald.sms_consent_events is evidence: rows are only added.',
              hint = 'SELECT erase_user(user_id) takes number and words out of a person''s rows.';
end
$$;
comment on function herald.guard_consent_event() is
    'Trigger function: refuses every change of the ledger but the erasure of a number, raises 55000.';
revoke execute on function herald.guard_consent_event() from public;
create trigger guard_consent_event before update or delete on herald.sms_consent_events
    for each row execute function herald.guard_consent_event();
comment on trigger guard_consent_event on herald.sms_consent_events is 'The ledger is append-only.';
create trigger guard_consent_ledger before truncate on herald.sms_consent_events
    for each statement execute function herald.guard_consent_event();
comment on trigger guard_consent_ledger on herald.sms_consent_events is 'The ledger is append-only.';
alter table herald.sms_consent_events enable always trigger guard_consent_event;
alter table herald.sms_consent_events enable always trigger guard_consent_ledger;

-- What waits for somebody who may not be texted any more.

create index sms_messages_admin_number_idx on herald.sms_messages (phone_number) where by_admin;
comment on index herald.sms_messages_admin_number_idx is 'Texts to numbers that administrators named; an opt-out of the number must find them.';

create function herald.cancel_waiting(
    wanted_user uuid, wanted_number text, reason text, made_until timestamptz default 'infinity'
) returns integer
language sql set search_path = pg_catalog, pg_temp as $$
    with wanted as materialized (
        select m.id
        from herald.sms_messages m
        where m.user_id = wanted_user and (not m.by_admin or wanted_number is null or m.phone_number = wanted_number)
              and m.created_at <= made_until
        union
        select m.id from herald.sms_messages m where m.by_admin and m.phone_number = wanted_number
              and m.created_at <= made_until
    ),
    waiting as materialized (
        select q.subject_id
        from wanted
        join herald.queue_jobs q on q.subject_id = wanted.id and q.job_type = 'send_sms'
        order by q.subject_id
        for update of q
    ),
    job as (
        delete from herald.queue_jobs q using waiting where q.subject_id = waiting.subject_id returning q.subject_id
    ),
    message as (
        update herald.sms_messages m
        set status = 'cancelled', cancel_reason = reason, next_retry_at = null, updated_at = now()
        from job
        where m.id = job.subject_id and m.status in ('scheduled', 'pending')
        returning m.notification_delivery_id
    ),
    delivery as (
        update herald.notification_deliveries d
        set status = 'suppressed', suppress_reason = reason, updated_at = now()
        from message
        where d.id = message.notification_delivery_id and d.status in ('pending', 'deferred')
    )
    select count(*)::integer from message
$$;
comment on function herald.cancel_waiting(uuid, text, text, timestamptz) is
    'Cancels the texts that wait for a user (wanted_number NULL: all of theirs; otherwise those that would go to the number) and those that administrators queued for the number, as far as they were made until made_until; returns how many. reason: cancel_reason of the text and suppress_reason of its delivery.';
revoke execute on function herald.cancel_waiting(uuid, text, text, timestamptz) from public;

create function herald.apply_opt_out() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    known herald.sms_opt_outs;
    -- A number that was proven anew, with the person's consent.
    is_renewed boolean := false;
    is_lifted boolean := false;
begin
    if tg_op = 'UPDATE' then
        is_renewed := new.phone_verified and (old.opted_out or not new.opted_out)
                      and new.phone_verified_at > coalesce(old.phone_verified_at, '-infinity');
        is_lifted := old.opted_out and not new.opted_out
                     and (new.phone_number, new.phone_verified_at) is not distinct from (old.phone_number, old.phone_verified_at);
    end if;
    if new.phone_number is not null then
        select * into known from herald.sms_opt_outs o where o.number_hash = herald.number_hash(new.phone_number);
    end if;
    -- Proven since the opt-out, that is: not while it was being written.
    is_renewed := is_renewed and coalesce(new.phone_verified_at > known.opted_out_at, true);
    if known.provider_blocked or (known.number_hash is not null and not is_renewed and not is_lifted) then
        new.opted_out := true;
        new.opted_out_at := coalesce(new.opted_out_at, known.opted_out_at);
        new.opt_out_reason := coalesce(new.opt_out_reason, known.reason);
        return new;
    end if;
    if is_renewed or is_lifted then
        new.opted_out := false;
        new.opted_out_at := null;
        new.opt_out_reason := null;
    end if;
    if known.number_hash is not null then
        delete from herald.sms_opt_outs where number_hash = known.number_hash;
        update herald.user_sms_preferences p
        set opted_out = false
        where p.phone_number = new.phone_number and p.user_id <> new.user_id and p.opted_out;
        if not is_renewed then
            -- The function that proves a number writes its own evidence; this was somebody with rights on the table.
            insert into herald.sms_consent_events (user_id, phone_number, kind, source, wording)
            values (new.user_id, new.phone_number, 'admin', 'sql', 'opted_out = false by role ' || session_user);
        end if;
    end if;
    return new;
end
$$;
comment on function herald.apply_opt_out() is
    'Trigger function: a row whose number has opted out has opted_out = true. A newer phone_verified_at, or opted_out = false written by somebody with the right, lifts the opt-out; Twilio''s own block nobody lifts here.';
revoke execute on function herald.apply_opt_out() from public;
create trigger apply_opt_out before insert or update of phone_number, phone_verified, phone_verified_at, opted_out
    on herald.user_sms_preferences for each row execute function herald.apply_opt_out();
comment on trigger apply_opt_out on herald.user_sms_preferences is 'An opt-out belongs to the number, whoever has it.';

create function herald.spread_opt_out() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if new.phone_number is not null then
        insert into herald.sms_opt_outs (number_hash, opted_out_at, reason)
        values (herald.number_hash(new.phone_number), coalesce(new.opted_out_at, now()), coalesce(new.opt_out_reason, 'unknown'))
        on conflict (number_hash) do nothing;
        update herald.user_sms_preferences p
        set opted_out = true, opted_out_at = new.opted_out_at, opt_out_reason = new.opt_out_reason, updated_at = now()
        where p.phone_number = new.phone_number and not p.opted_out;
    end if;
    perform herald.cancel_waiting(new.user_id, new.phone_number, 'opted_out');
    return null;
end
$$;
comment on function herald.spread_opt_out() is
    'Trigger function: notes the number of a new opt-out, applies it to every row with that number and cancels what waits for them, in the same transaction.';
revoke execute on function herald.spread_opt_out() from public;
create trigger spread_opt_out_new after insert on herald.user_sms_preferences
    for each row when (new.opted_out) execute function herald.spread_opt_out();
comment on trigger spread_opt_out_new on herald.user_sms_preferences is 'An opt-out takes effect at once.';
create trigger spread_opt_out after update of phone_number, phone_verified, phone_verified_at, opted_out
    on herald.user_sms_preferences
    for each row when (new.opted_out and not old.opted_out) execute function herald.spread_opt_out();
comment on trigger spread_opt_out on herald.user_sms_preferences is 'An opt-out takes effect at once.';

insert into herald.sms_opt_outs (number_hash, opted_out_at, reason, provider_blocked)
select herald.number_hash(p.phone_number), min(coalesce(p.opted_out_at, now())), min(coalesce(p.opt_out_reason, 'unknown')),
       bool_or(coalesce(p.opt_out_reason like 'twilio\_%', false))
from herald.user_sms_preferences p
where p.opted_out and p.phone_number is not null
group by p.phone_number;

-- What people text us.

alter table herald.sms_inbound_messages
    alter column from_number drop not null,
    add column mentions_stop boolean not null default false,
    add column cancelled integer not null default 0,
    add column in_flight integer not null default 0,
    add column reply text,
    add column erased_at timestamptz,
    add constraint sms_inbound_messages_handled_check
        check (handled in ('stored', 'opted_out', 'unblocked', 'opted_in', 'start', 'help')),
    add constraint sms_inbound_messages_from_check check (from_number is not null or erased_at is not null);
comment on column herald.sms_inbound_messages.from_number is 'The person''s number as Twilio gave it, usually E.164; NULL after its erasure.';
comment on column herald.sms_inbound_messages.keyword is 'What it was taken for: STOP, START or HELP, NULL = no keyword.';
comment on column herald.sms_inbound_messages.handled is
    'stored (no keyword); opted_out; unblocked (START: Twilio may text again, the number must be verified again); opted_in (START lifted the opt-out); start (there was none); help.';
comment on column herald.sms_inbound_messages.mentions_stop is
    'True: no keyword, but one of the words for stop is in it. Somebody should read it: any reasonable wording is a revocation (opt_out_user()).';
comment on column herald.sms_inbound_messages.cancelled is 'How many waiting texts a STOP cancelled.';
comment on column herald.sms_inbound_messages.in_flight is 'How many texts had been claimed when a STOP was committed and could not be called back.';
comment on column herald.sms_inbound_messages.reply is 'Our automatic answer, NULL = none.';
comment on column herald.sms_inbound_messages.erased_at is 'When number and text were erased, or NULL.';
create index sms_inbound_messages_to_idx on herald.sms_inbound_messages (to_number);
comment on index herald.sms_inbound_messages_to_idx is 'Which numbers are ours: these are never answered.';
create index sms_inbound_messages_user_idx on herald.sms_inbound_messages (user_id) where user_id is not null;
comment on index herald.sms_inbound_messages_user_idx is 'What a user texted us.';

-- Erasure.

alter table herald.sms_messages
    alter column phone_number drop not null,
    add column erased_at timestamptz,
    add constraint sms_messages_erased_check check (phone_number is not null or erased_at is not null);
comment on column herald.sms_messages.erased_at is 'When number and text were erased, or NULL. An erased text reads [erased].';
alter table herald.notification_events add column erased_at timestamptz;
comment on column herald.notification_events.erased_at is 'When payload and metadata were erased, or NULL. Its dedup_key stays used.';
create index twilio_callbacks_stray_idx on herald.twilio_callbacks (message_id) where result in ('orphan', 'conflict');
comment on index herald.twilio_callbacks_stray_idx is 'The few callbacks that the ledger''s SIDs do not lead to.';

create table herald.user_erasures (
    id           uuid        not null primary key,
    user_id      uuid        not null,
    requested_at timestamptz not null default pg_catalog.now(),
    swept_at     timestamptz not null default pg_catalog.now(),
    finished_at  timestamptz
);
create index user_erasures_open_idx on herald.user_erasures (swept_at) where finished_at is null;
comment on index herald.user_erasures_open_idx is 'What is to be looked after once more.';
comment on table herald.user_erasures is
    'Whose data was erased, by the application''s id alone. Callbacks may bring traces for some days, so purge_expired_records() goes over it again until everything is over.';
comment on column herald.user_erasures.id is 'UUIDv7.';
comment on column herald.user_erasures.user_id is 'The application''s user.';
comment on column herald.user_erasures.requested_at is 'When erase_user() was called.';
comment on column herald.user_erasures.swept_at is 'When traces were last looked for.';
comment on column herald.user_erasures.finished_at is 'When nothing more could come, NULL = not yet.';
