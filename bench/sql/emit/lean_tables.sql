-- The same facts in four tables that have nothing but a primary key each.
create schema lean;
create table lean.events (id uuid primary key, event_type text, event_source text, target_user_id uuid, payload jsonb, priority text,
                          status text, created_at timestamptz);
create table lean.deliveries (id uuid primary key, event_id uuid, user_id uuid, channel text, number text, status text, created_at timestamptz);
create table lean.messages (id uuid primary key, delivery_id uuid, user_id uuid, number text, body text, status text, priority text,
                            segments smallint, encoding text, created_at timestamptz);
create table lean.jobs (message_id uuid primary key, job_type text, priority smallint, run_at timestamptz);
