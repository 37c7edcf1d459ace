-- Numbers are proven through Twilio Verify, and only functions say that one is.

alter table herald.queue_jobs
    drop constraint queue_jobs_type_check,
    add constraint queue_jobs_type_check check (job_type in ('send_sms', 'fan_out', 'verify'));
comment on table herald.queue_jobs is
    'The small hot table: the messages that wait to be sent, the events that wait to be fanned out, and the phone verifications that wait for Twilio.';
comment on column herald.queue_jobs.subject_id is 'The message (send_sms), event (fan_out) or phone verification (verify).';
comment on column herald.queue_jobs.job_type is 'send_sms, fan_out or verify.';
comment on column herald.queue_jobs.run_at is
    'Not before this time. A phone verification that is being worked on is due again when its lease ends.';

alter table herald.phone_verifications
    drop constraint phone_verifications_status_check,
    add constraint phone_verifications_status_check
        check (status in ('starting', 'pending', 'checking', 'approved', 'expired', 'failed', 'superseded', 'canceled')),
    alter column status set default 'starting',
    add column claims        integer not null default 0,
    add column claimed_by    uuid,
    add column error_code    integer,
    add column error_message text;
create index phone_verifications_open_idx on herald.phone_verifications (user_id) where status in ('starting', 'pending', 'checking');
comment on index herald.phone_verifications_open_idx is 'What a user has begun and not ended.';
comment on column herald.phone_verifications.status is
    'starting (Twilio is asked to send a code), pending (it was sent), checking (Twilio is asked about a code); approved, expired, failed, superseded (by a later one), canceled.';
comment on column herald.phone_verifications.attempts is 'Codes tried, as far as Twilio was asked.';
comment on column herald.phone_verifications.failure_reason is
    'Why it failed, or what came of the last code: wrong_code, service_failure, too_many_checks, landline, prefix_blocked, country_blocked, country_not_allowed, number_invalid, number_in_use, too_many_starts; provider_blocked beside approved: Twilio blocks texts to the number until it texts START.';
comment on column herald.phone_verifications.expires_at is 'When the code ends, or when a start that Twilio was not asked about is given up.';
comment on column herald.phone_verifications.claims is 'How often a daemon took it up: the fence that a late answer does not pass.';
comment on column herald.phone_verifications.claimed_by is 'The daemon process that did last.';
comment on column herald.phone_verifications.error_code is 'Twilio''s last error code.';
comment on column herald.phone_verifications.error_message is 'What Twilio or the network said last, without number or code.';

-- Unlogged: a code reaches no WAL file, no standby and no backup; it is here until a daemon has taken it, milliseconds.
create unlogged table herald.phone_verification_codes (
    verification_id uuid        not null primary key references herald.phone_verifications (id) on delete cascade,
    code            text        not null,
    created_at      timestamptz not null default pg_catalog.now()
);
comment on table herald.phone_verification_codes is
    'Codes on their way from confirm_phone_verification() to a daemon, which removes them when it takes them. Nobody is granted it.';
comment on column herald.phone_verification_codes.verification_id is 'The verification.';
comment on column herald.phone_verification_codes.code is 'The code as typed.';
comment on column herald.phone_verification_codes.created_at is 'When it was typed.';

create table herald.phone_verification_tries (
    verification_id uuid        not null references herald.phone_verifications (id) on delete cascade,
    user_id         uuid        not null,
    phone_number    text        not null,
    step            text        not null
                    constraint phone_verification_tries_step_check check (step in ('start', 'check')),
    tried_at        timestamptz not null default pg_catalog.now()
);
create index phone_verification_tries_verification_idx on herald.phone_verification_tries (verification_id);
comment on index herald.phone_verification_tries_verification_idx is 'What goes with a verification.';
create index phone_verification_tries_user_idx on herald.phone_verification_tries (user_id, step, tried_at);
create index phone_verification_tries_phone_idx on herald.phone_verification_tries (phone_number, step, tried_at);
comment on index herald.phone_verification_tries_user_idx is 'What a user tried in the last hour.';
comment on index herald.phone_verification_tries_phone_idx is 'What was tried for a number in the last hour.';
comment on table herald.phone_verification_tries is
    'The starts and checks of the last hour, which the limits count; older ones of a user or number go with the next try, and all of them with their verification.';
comment on column herald.phone_verification_tries.verification_id is 'The verification.';
comment on column herald.phone_verification_tries.user_id is 'The application''s user.';
comment on column herald.phone_verification_tries.phone_number is 'The number.';
comment on column herald.phone_verification_tries.step is 'start or check.';
comment on column herald.phone_verification_tries.tried_at is 'When.';

insert into herald.settings (name, kind, value, minimum, maximum, description) values
    ('default_region', 'text', '""', null, null,
     'Country whose own way of writing numbers is read when one has no country code: two letters, such as US. Empty: such numbers are refused.'),
    ('verify_starts_per_hour', 'integer', '5', 1, 1000,
     'Verifications that a user may start in an hour, and that may be started for a number.'),
    ('verify_checks_per_hour', 'integer', '5', 1, 1000,
     'Codes that a user may try in an hour, and that may be tried for a number.'),
    ('verify_code_seconds', 'integer', '600', 60, 86400,
     'How long a code of Twilio Verify lives, in seconds: as agreed with Twilio, 10 minutes by default.'),
    ('verify_wait_seconds', 'integer', '20', 1, 300,
     'How long CALL verify_phone_code waits for Twilio''s answer, in seconds.'),
    ('consent_wording', 'text',
     '"By entering the code I agree to receive text notifications at this number. Msg & data rates may apply. Reply STOP to opt out, HELP for help."',
     null, null,
     'What a person agrees to by verifying a number; kept with the evidence. Show these words where the code is entered.');

-- A number, its proof and its opt-out are written by functions (which run as the owner) and by the owner, whatever was granted.
create function herald.guard_phone_columns() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage') then
        raise exception 'number, proof and opt-out of user % cannot be written directly', new.user_id
            using errcode = '42501',
                  detail = 'They are phone_number, phone_verified, phone_verified_at, opted_out, opted_out_at and opt_out_reason.',
                  hint = 'start_phone_verification() proves a number, import_verified_number() takes one over with its evidence.';
    end if;
    return new;
end
$$;
comment on function herald.guard_phone_columns() is
    'Trigger function: raises 42501 unless the table''s owner writes, directly or through a function.';
revoke execute on function herald.guard_phone_columns() from public;

create trigger guard_phone_columns_insert before insert on herald.user_sms_preferences
    for each row when (new.phone_number is not null or new.phone_verified or new.phone_verified_at is not null
                       or new.opted_out or new.opted_out_at is not null or new.opt_out_reason is not null)
    execute function herald.guard_phone_columns();
comment on trigger guard_phone_columns_insert on herald.user_sms_preferences is 'Only functions say whose number it is.';
create trigger guard_phone_columns before update of
    user_id, phone_number, phone_verified, phone_verified_at, opted_out, opted_out_at, opt_out_reason
    on herald.user_sms_preferences
    -- Not as a comparison of rows: Postgres writes that one out differently after a restore.
    for each row when (new.user_id is distinct from old.user_id
                       or new.phone_number is distinct from old.phone_number
                       or new.phone_verified is distinct from old.phone_verified
                       or new.phone_verified_at is distinct from old.phone_verified_at
                       or new.opted_out is distinct from old.opted_out
                       or new.opted_out_at is distinct from old.opted_out_at
                       or new.opt_out_reason is distinct from old.opt_out_reason)
    execute function herald.guard_phone_columns();
comment on trigger guard_phone_columns on herald.user_sms_preferences is 'Only functions say whose number it is.';
