//! Random worlds against a model: what explain foretells, what emit writes, what a claim decides, what is counted.
//!
//! 10,000 worlds by default, in batches of one seed each. A failure names its seed: `HERALD_WORLDS_SEED=… HERALD_WORLDS=250
//! cargo test -p herald-tests --test e2e worlds` runs that batch again.
#![allow(clippy::expect_used)] // A panic is the report.

mod changes;
mod check;
mod database;
mod model;
mod world;

use std::collections::HashMap;

use check::{check, fits, word};
use herald_tests::Outcome;
use herald_tests::cluster::{Cluster, ClusterOptions};
use herald_tests::stack;
use model::{Counts, Decision, Instant, Rules};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;
use world::{Event, Person, Subscription, World};

const WORLDS_PER_BATCH: usize = 250;

const EVENTS: &str = "jsonb_to_recordset($1) as e (place integer, event_type text, target uuid, priority text, city text, \
                      scheduled integer, expires integer)";
const CALL: &str = "(e.event_type, jsonb_build_object('message', 'text ' || e.place, 'city', e.city), e.target, null, \
                    now() + make_interval(mins => e.scheduled), null, e.priority, now() + make_interval(mins => e.expires))";

/// One delivery as the model sees it.
#[derive(Clone, Debug)]
struct Text {
    world: usize,
    event: Event,
    person: usize,
    channel: &'static str,
    expected: Decision,
    /// When it is over.
    expires: Option<Instant>,
    /// When the queue gives it to a claim; `None` = it is over.
    waits_until: Option<Instant>,
}

/// Event, recipient and channel.
type Key = (Uuid, Uuid, String);
/// Decision, reason and time of sending, as explain tells them.
type Told = (String, Option<String>, Option<Instant>);

fn environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn ten_thousand_worlds_agree_with_the_model() -> Outcome<()> {
    let worlds = environment("HERALD_WORLDS").unwrap_or(10_000) as usize;
    let seed = environment("HERALD_WORLDS_SEED").unwrap_or_else(rand::random);
    let cluster = Cluster::start(&ClusterOptions::for_tests()?)?;
    // Every other batch in a database of its own: settings and caps are a database's.
    let batches = worlds.div_ceil(WORLDS_PER_BATCH);
    let (even, odd) = tokio::try_join!(
        run(&cluster, "even", seed, (0..batches).step_by(2)),
        run(&cluster, "odd", seed, (1..batches).step_by(2)),
    )?;
    let mut seen = even;
    for (reason, times) in odd {
        *seen.entry(reason).or_default() += times;
    }
    if worlds >= 10_000 {
        check::every_reason(&seen);
    }
    Ok(())
}

/// Runs batches in one database; returns how often each decision came about.
async fn run(
    cluster: &Cluster,
    database: &str,
    seed: u64,
    batches: impl Iterator<Item = usize>,
) -> Outcome<HashMap<String, u32>> {
    cluster.create_database(database).await?;
    let mut client = cluster.connect(database).await?;
    stack::install(&client).await?;
    client
        .batch_execute(
            "create table person (user_id uuid primary key, is_admin boolean, timezone text);
             create or replace view herald.recipients as
                 select user_id, null::text as email, null::text as name, is_admin, timezone from person;",
        )
        .await?;
    let mut seen = HashMap::new();
    for batch in batches {
        let seed = seed.wrapping_add(batch as u64);
        let outcome = Batch::new(seed).run(&mut client, &mut seen).await;
        if let Err(failure) = outcome {
            panic!(
                "HERALD_WORLDS_SEED={seed} HERALD_WORLDS={WORLDS_PER_BATCH} repeats this:\n{failure}"
            );
        }
    }
    Ok(seen)
}

struct Batch {
    seed: u64,
    random: SmallRng,
    rules: Rules,
    worlds: Vec<World>,
    counts: Counts,
    places: usize,
}

impl Batch {
    fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut places = 0;
        let prefixes: &[&[&str]] = &[&["+1", "+44", "+49"], &["+1", "+44"], &["+"], &["+1"]];
        let caps: &[&[(&'static str, i32)]] = &[
            &[],
            &[],
            &[("+", 40)],
            &[("+44", 10), ("+4", 0), ("+49", 3)],
            &[("+", 60), ("+1", 30), ("+14", 5)],
        ];
        let mut choose = |spread: i64| Rules {
            prefixes: prefixes.choose(&mut random).expect("some").to_vec(),
            minimum: random.random_range(5..3600),
            spread,
            caps: caps
                .choose(&mut random)
                .expect("some")
                .iter()
                .copied()
                .collect(),
        };
        let rules = choose(if seed.is_multiple_of(2) { 0 } else { 900 });
        let mut worlds: Vec<World> = (0..WORLDS_PER_BATCH)
            .map(|_| world::world(&mut random, &mut places))
            .collect();
        if rules.spread > 0 {
            // Only the database knows the second at which a spread text goes, and so whether it expires before.
            for world in &mut worlds {
                world.kind.expires_after = None;
                world
                    .events
                    .iter_mut()
                    .for_each(|event| event.expires = None);
            }
        }
        Self {
            seed,
            random,
            rules,
            worlds,
            counts: Counts::default(),
            places,
        }
    }

    async fn run(mut self, client: &mut Client, seen: &mut HashMap<String, u32>) -> Outcome<()> {
        self.counts = database::store(client, &self.worlds, &self.rules).await?;
        for round in 0..2 {
            let mut texts = self.emit(client, seen).await?;
            if round == 0 {
                changes::apply(client, &mut self.worlds, &mut texts, &mut self.random).await?;
            }
            self.claim(client, &mut texts, seen).await?;
            // Once more, with what was counted so far.
            for world in &mut self.worlds {
                for event in &mut world.events {
                    self.places += 1;
                    event.place = self.places;
                }
            }
        }
        Ok(())
    }

    /// Explains and emits every event, and compares both with the model.
    async fn emit(
        &mut self,
        client: &mut Client,
        seen: &mut HashMap<String, u32>,
    ) -> Outcome<Vec<(Key, Text)>> {
        let tx = client.transaction().await?;
        let now = database::now(&tx).await?;
        let events: Vec<&Event> = self.worlds.iter().flat_map(|world| &world.events).collect();
        let events = json!(events);
        let explained = tx
            .query(
                &format!(
                    "select e.place, x.user_id, x.channel, x.decision, x.reason, x.send_at, x.body \
                             from {EVENTS}, lateral explain_notification_event{CALL} x"
                ),
                &[&events],
            )
            .await?;
        let emitted = tx
            .query(&format!("select e.place, emit_notification_event{CALL} from (select * from {EVENTS} order by place offset 0) e"), &[&events])
            .await?;
        tx.commit().await?;
        let ids: HashMap<usize, Uuid> = emitted
            .iter()
            .map(|row| (row.get::<_, i32>(0) as usize, row.get(1)))
            .collect();
        let mut foretold: HashMap<(usize, Uuid, String), Told> = explained
            .iter()
            .map(|row| {
                (
                    (row.get::<_, i32>(0) as usize, row.get(1), row.get(2)),
                    (row.get(3), row.get(4), row.get(5)),
                )
            })
            .collect();
        let rows = database::deliveries(client, ids.values().copied().collect()).await?;
        let mut texts = Vec::new();
        for (place, world) in self.worlds.iter().enumerate() {
            for event in &world.events {
                for text in self.recipients(place, world, event, now) {
                    let person = &world.people[text.person];
                    let key = (ids[&event.place], person.user_id, text.channel.to_owned());
                    let told =
                        foretold.remove(&(event.place, person.user_id, text.channel.to_owned()));
                    let told = told.unwrap_or_else(|| panic!("not explained: {text:#?}"));
                    let row = rows
                        .get(&key)
                        .unwrap_or_else(|| panic!("no delivery: {text:#?}"));
                    let context = || {
                        format!(
                            "seed {}, {now}\n{text:#?}\n{person:#?}\n{:#?}\n{:#?}\n{:?}",
                            self.seed, world.kind, world.subscriptions, self.rules
                        )
                    };
                    check(row, &text.expected, &context);
                    // Explain adds what a claim would say of the limits, for this event alone.
                    let (due, expires) = model::times(event, &world.kind, now);
                    let priority = event.priority.unwrap_or(world.kind.default_priority);
                    let alone = match &text.expected {
                        Decision::Go => self.counts.clone().ask(
                            person,
                            &world.kind,
                            priority == "urgent",
                            due,
                            expires,
                            &self.rules,
                        ),
                        other => other.clone(),
                    };
                    // A broadcast uses a cap up recipient by recipient; the model of explain looks at one.
                    if event.target.is_some() || self.rules.caps.is_empty() {
                        let (decision, reason, send_at) = &told;
                        let (word, why, at) = match &alone {
                            Decision::Go => ("go", None, Some((due, 0))),
                            Decision::Suppress(reason) => ("suppress", Some(*reason), None),
                            Decision::Defer(reason, at, slack) => {
                                ("defer", Some(*reason), Some((*at, *slack)))
                            }
                        };
                        assert_eq!(
                            (decision.as_str(), reason.as_deref()),
                            (word, why),
                            "explain, {}",
                            context()
                        );
                        assert!(
                            fits(*send_at, at),
                            "explain says {send_at:?}, model {at:?}, {}",
                            context()
                        );
                    }
                    if let Some(body) = &row.body {
                        assert_eq!(*body, format!("text {}", event.place));
                    }
                    *seen.entry(word(&text.expected)).or_default() += 1;
                    texts.push((
                        key,
                        Text {
                            waits_until: row.until.or(text.waits_until),
                            ..text
                        },
                    ));
                }
            }
        }
        assert!(
            foretold.is_empty(),
            "explained, but not in the model: {foretold:?}"
        );
        assert_eq!(
            rows.len(),
            texts.len(),
            "deliveries that are not in the model"
        );
        Ok(texts)
    }

    /// The recipients of an event, and what emit should say of each.
    fn recipients(&self, place: usize, world: &World, event: &Event, now: Instant) -> Vec<Text> {
        let (due, expires) = model::times(event, &world.kind, now);
        let priority = event.priority.unwrap_or(world.kind.default_priority);
        let mut texts = Vec::new();
        for (number, person) in world.people.iter().enumerate() {
            let subscription = subscription(world, person);
            let is_meant = match event.target {
                Some(target) => target == person.user_id,
                None => subscription
                    .is_some_and(|s| s.is_active && s.city.is_none_or(|city| city == event.city)),
            };
            for &channel in world.kind.channels.iter().filter(|_| is_meant) {
                let expected = model::gate(
                    person,
                    &world.kind,
                    subscription,
                    channel,
                    Some(event.city),
                    priority,
                    due,
                    expires,
                    &self.rules,
                );
                texts.push(Text {
                    world: place,
                    event: event.clone(),
                    person: number,
                    channel,
                    waits_until: match expected {
                        Decision::Go => Some(due),
                        Decision::Suppress(_) => None,
                        Decision::Defer(_, at, _) => Some(at),
                    },
                    expected,
                    expires,
                });
            }
        }
        texts
    }

    /// Claims what is due, has half of it not sent, and compares decisions and counts with the model.
    async fn claim(
        &mut self,
        client: &mut Client,
        texts: &mut [(Key, Text)],
        seen: &mut HashMap<String, u32>,
    ) -> Outcome<()> {
        let worker = Uuid::from_u128(self.random.random());
        let tx = client.transaction().await?;
        let now = database::now(&tx).await?;
        let claimed = tx
            .query(
                "select message_id, batch_id from claim_sms_messages($1, 10000)",
                &[&worker],
            )
            .await?;
        tx.commit().await?;
        // In the order of the queue: priority, then age.
        let rank = |text: &Text| {
            let priority = text
                .event
                .priority
                .unwrap_or(self.worlds[text.world].kind.default_priority);
            ["urgent", "high", "normal", "low"]
                .iter()
                .position(|word| *word == priority)
        };
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&place| {
            (
                rank(&texts[place].1),
                texts[place].1.waits_until,
                texts[place].1.event.place,
                texts[place].0.1,
            )
        });
        for place in order {
            let (_, text) = &mut texts[place];
            if text.waits_until.is_none_or(|until| until > now) {
                continue;
            }
            let world = &self.worlds[text.world];
            let person = &world.people[text.person];
            let expires = text.expires;
            let priority = text.event.priority.unwrap_or(world.kind.default_priority);
            let decision = model::gate(
                person,
                &world.kind,
                subscription(world, person),
                text.channel,
                None,
                priority,
                now,
                expires,
                &self.rules,
            );
            text.expected = match decision {
                Decision::Go => self.counts.ask(
                    person,
                    &world.kind,
                    priority == "urgent",
                    now,
                    expires,
                    &self.rules,
                ),
                other => other,
            };
            text.waits_until = None;
            *seen.entry(word(&text.expected)).or_default() += 1;
        }
        let rows =
            database::deliveries(client, texts.iter().map(|(key, _)| key.0).collect()).await?;
        let batches: HashMap<Uuid, Uuid> =
            claimed.iter().map(|row| (row.get(0), row.get(1))).collect();
        let mut results = Vec::new();
        for (key, text) in texts.iter() {
            let world = &self.worlds[text.world];
            let person = &world.people[text.person];
            let row = &rows[key];
            let context = || {
                format!(
                    "seed {}, claimed at {now}\n{text:#?}\n{person:#?}\n{:#?}\n{:#?}\n{:?}\n{:?}",
                    self.seed, world.kind, world.subscriptions, world.change, self.rules
                )
            };
            let is_over = text.waits_until.is_none();
            check(row, &text.expected, &context);
            let batch = row.message.and_then(|message| batches.get(&message));
            assert_eq!(
                batch.is_some(),
                is_over && text.expected == Decision::Go,
                "{}",
                context()
            );
            if let (Some(batch), Some(message)) = (batch, row.message) {
                let outcome = *["accepted", "not_sent", "rejected"]
                    .choose(&mut self.random)
                    .expect("some");
                results.push(json!({"batch_id": batch, "message_id": message, "attempt": 1, "outcome": outcome, "sid": format!("SM{}", message.simple()),
                                    "error_code": (outcome == "rejected").then_some(21_602)}));
                if outcome != "accepted" {
                    self.counts.give_back(person, &world.kind, &self.rules);
                }
            }
        }
        assert_eq!(
            results.len(),
            claimed.len(),
            "claimed what is not in the model"
        );
        client
            .execute(
                "select complete_sms_messages($1, $2)",
                &[&worker, &json!(results)],
            )
            .await?;
        // What waits now would come in between, later on.
        client.execute("delete from herald.queue_jobs", &[]).await?;
        let users: Vec<Uuid> = self
            .worlds
            .iter()
            .flat_map(|world| &world.people)
            .map(|person| person.user_id)
            .collect();
        for row in client.query("select user_id, daily_sms_count from herald.user_sms_preferences where user_id = any ($1)", &[&users]).await? {
            let (user, count): (Uuid, i32) = (row.get(0), row.get(1));
            assert_eq!(Some(count), self.counts.of_day(user), "texts counted for {user}, seed {}", self.seed);
        }
        Ok(())
    }
}

fn subscription<'a>(world: &'a World, person: &Person) -> Option<&'a Subscription> {
    world
        .subscriptions
        .iter()
        .find(|subscription| subscription.user_id == person.user_id)
}
