//! Business transactions that emit, written by an application's role in the background while things go wrong.

use crate::cluster::connect;
use crate::failure::Outcome;
use crate::people::User;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_postgres::{Client, Error};
use uuid::Uuid;

/// The event type of these texts: the text is in the payload.
pub const EVENT_TYPE: &str = "order.placed";

/// Everything a trial adds to a database: the business rows, their event type, and who saw which status when.
pub(crate) const TABLES: &str = "
    insert into herald.notification_event_types (event_type, description) values ('order.placed', 'A customer bought something.');
    create table public.orders (
        id uuid primary key, user_id uuid not null, phone_number text not null, body text not null, event_id uuid not null unique
    );
    create table public.status_changes (
        at timestamptz not null default clock_timestamp(), message_id uuid not null, attempt integer not null,
        old_status text not null, new_status text not null, error_code integer
    );
    create function public.note_status() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
        insert into public.status_changes (message_id, attempt, old_status, new_status, error_code)
        values (new.id, new.last_attempt, old.status, new.status, new.twilio_error_code);
        return null;
    end
    $$;
    create trigger note_status after update on herald.sms_messages
        for each row when (old.status is distinct from new.status) execute function public.note_status();
";

/// The business row and its event, in one statement.
const ORDER: &str = "insert into public.orders (id, user_id, phone_number, body, event_id) \
    values ($1, $2, $3, $4, emit_notification_event(event_type => 'order.placed', target_user_id => $2, \
        payload => jsonb_build_object('message', $4::text)))";

/// How long a connection, and one transaction, may take before the writer gives up on it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is written, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// Connections that write at the same time.
    pub writers: u32,
    /// Transactions a second, all writers together.
    pub per_second: f64,
    /// How many of them are rolled back at the end.
    pub rolled_back: f64,
    /// How many have a text that others to the same number have as well.
    pub equal: f64,
    /// Stop by itself after so many; without it, when [`Load::stop`] is called.
    pub transactions: Option<u32>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            writers: 2,
            per_second: 30.0,
            rolled_back: 0.1,
            equal: 0.1,
            transactions: None,
        }
    }
}

/// What became of a transaction, as its writer knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Postgres said that it is committed.
    Committed,
    /// It was rolled back, or broke before its commit.
    RolledBack,
    /// The connection broke at the commit: the business row says whether it is committed.
    Unclear,
}

/// One business transaction.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Key of its row in `public.orders`.
    pub order: Uuid,
    /// Whom it texts.
    pub user: User,
    /// The text.
    pub body: String,
    /// What became of it.
    pub fate: Fate,
}

/// All transactions of a load.
#[derive(Debug, Default)]
pub struct Emitted {
    /// In no particular order.
    pub transactions: Vec<Transaction>,
}

impl Emitted {
    /// How many had this fate.
    pub fn count(&self, fate: Fate) -> usize {
        let of_fate = self.transactions.iter().filter(|each| each.fate == fate);
        of_fate.count()
    }

    /// Adds those of another load.
    pub fn add(&mut self, other: Emitted) {
        self.transactions.extend(other.transactions);
    }
}

/// Writers at work.
pub struct Load {
    stop: watch::Sender<bool>,
    writers: Vec<JoinHandle<Vec<Transaction>>>,
}

impl Load {
    /// Starts the writers; they connect by `url`, and again whenever the connection breaks.
    pub fn start(url: &str, people: &[User], options: LoadOptions, dice: &mut StdRng) -> Load {
        let (stop, stopped) = watch::channel(false);
        let writers = (0..options.writers).map(|number| {
            let writer = Writer {
                url: url.to_owned(),
                people: people.to_vec(),
                options,
                name: format!("{:08x}-{number}", dice.random::<u32>()),
                dice: StdRng::seed_from_u64(dice.random()),
                client: None,
            };
            tokio::spawn(writer.run(stopped.clone()))
        });
        Load {
            writers: writers.collect(),
            stop,
        }
    }

    /// Lets the writers finish the transaction they are at, and ends them.
    pub async fn stop(self) -> Outcome<Emitted> {
        self.stop.send_replace(true);
        self.finish().await
    }

    /// Whether the number of transactions that was asked for is done.
    pub fn is_finished(&self) -> bool {
        self.writers.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the number of transactions that was asked for.
    pub async fn finish(self) -> Outcome<Emitted> {
        let mut emitted = Emitted::default();
        for writer in self.writers {
            emitted.transactions.extend(writer.await?);
        }
        Ok(emitted)
    }
}

struct Writer {
    url: String,
    people: Vec<User>,
    options: LoadOptions,
    name: String,
    dice: StdRng,
    client: Option<Client>,
}

impl Writer {
    async fn run(mut self, stopped: watch::Receiver<bool>) -> Vec<Transaction> {
        let writers = f64::from(self.options.writers);
        let pause = Duration::from_secs_f64(writers / self.options.per_second);
        let limit = self
            .options
            .transactions
            .map(|all| all / self.options.writers);
        let mut transactions = Vec::new();
        let mut next = Instant::now();
        while !*stopped.borrow() && limit.is_none_or(|limit| transactions.len() < limit as usize) {
            sleep_until(next).await;
            // After an outage it goes on at its pace: what was not bought meanwhile is not bought later.
            next = (next + pause).max(Instant::now());
            if !self.connected().await {
                sleep(Duration::from_millis(100)).await;
                continue;
            }
            let mut transaction = self.plan(transactions.len());
            transaction.fate = self.carry_out(&transaction).await;
            transactions.push(transaction);
        }
        transactions
    }

    async fn connected(&mut self) -> bool {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = match timeout(PATIENCE, connect(&self.url)).await {
                Ok(connected) => connected.ok(),
                Err(_) => None,
            };
        }
        self.client.is_some()
    }

    fn plan(&mut self, n: usize) -> Transaction {
        let user = self.people[self.dice.random_range(0..self.people.len())].clone();
        let body = if self.dice.random_bool(self.options.equal) {
            format!("Your parcel {} has come", self.dice.random_range(1..4))
        } else {
            format!("Order {}-{n:05} is on its way", self.name)
        };
        let fate = if self.dice.random_bool(self.options.rolled_back) {
            Fate::RolledBack
        } else {
            Fate::Committed
        };
        Transaction {
            order: Uuid::from_u128(self.dice.random()),
            user,
            body,
            fate,
        }
    }

    /// Does what is planned, and says what became of it.
    async fn carry_out(&mut self, transaction: &Transaction) -> Fate {
        let Some(client) = self.client.take() else {
            return Fate::RolledBack;
        };
        // Whatever does not come about in time is broken off: an open transaction that nobody commits is none.
        match timeout(PATIENCE, write(&client, transaction)).await {
            Ok(Ok(())) => {}
            _ => return Fate::RolledBack,
        }
        if transaction.fate == Fate::RolledBack {
            if let Ok(Ok(())) = timeout(PATIENCE, client.batch_execute("rollback")).await {
                self.client = Some(client);
            }
            return Fate::RolledBack;
        }
        match timeout(PATIENCE, client.batch_execute("commit")).await {
            Ok(Ok(())) => {
                self.client = Some(client);
                Fate::Committed
            }
            _ => Fate::Unclear,
        }
    }
}

async fn write(client: &Client, transaction: &Transaction) -> Result<(), Error> {
    client.batch_execute("begin").await?;
    client
        .execute(
            ORDER,
            &[
                &transaction.order,
                &transaction.user.id,
                &transaction.user.phone_number,
                &transaction.body,
            ],
        )
        .await?;
    Ok(())
}
