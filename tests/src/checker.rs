//! Compares what was wanted, what the ledger says and what the simulator accepted, once a run has settled.
//!
//! Equal texts to one number cannot be told apart by anybody, the reader included: they are counted.

use crate::failure::{Failure, Outcome};
use crate::load::{Emitted, Fate};
use crate::simulator::{AcceptedMessage, Simulator};
use herald_core::status::MessageStatus;
use std::collections::{BTreeMap, HashMap, HashSet};
use tokio_postgres::Client;
use uuid::Uuid;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Figures {
    /// Texts of committed transactions.
    pub committed: usize,
    /// Transactions that were rolled back.
    pub rolled_back: usize,
    /// Transactions whose commit was not answered.
    pub unclear: usize,
    /// Messages that the simulator accepted.
    pub accepted: usize,
    /// Acceptances above what was wanted.
    pub twice: usize,
    /// Texts that were never accepted, although the database does not say why not.
    pub lost: usize,
    /// Texts that were never accepted, with the reason in the database.
    pub given_up: usize,
    /// Acceptances of texts that nobody has ever committed.
    pub unasked: usize,
    /// Acknowledged transactions that the database does not have any more.
    pub commits_lost: usize,
    /// Texts that wait or are in doubt.
    pub left: usize,
    /// Doubts that were settled, by what settled them.
    pub settled_by: BTreeMap<String, usize>,
    /// Reasons of what was given up.
    pub reasons: BTreeMap<String, usize>,
    /// Everything else that must not be.
    pub errors: Vec<String>,
}

impl Figures {
    /// Nothing twice, nothing lost, nothing unasked, nothing left, and the tables agree with each other and with the simulator.
    pub fn is_kept(&self) -> bool {
        self.twice + self.lost + self.unasked + self.commits_lost + self.left == 0
            && self.errors.is_empty()
    }

    /// How many attempts were in doubt for a while.
    pub fn doubts(&self) -> usize {
        self.settled_by.values().sum()
    }
}

/// What everything is counted by: number and text.
type Key = (String, String);

/// An order with all that came of it.
struct Order {
    id: Uuid,
    key: Key,
    event_status: Option<String>,
    deliveries: i64,
    delivery_status: Option<String>,
    message_key: Option<Key>,
    status: Option<MessageStatus>,
    sid: Option<String>,
    reason: Option<String>,
}

const ORDERS: &str = "
    select o.id, o.phone_number, o.body, e.status, count(d.id) over (partition by o.id), d.status, m.phone_number, m.message_content,
           m.status, m.twilio_sid,
           coalesce(d.suppress_reason, m.cancel_reason, m.twilio_error_message, d.last_error)
    from public.orders o
    left join herald.notification_events e on e.id = o.event_id
    left join herald.notification_deliveries d on d.event_id = e.id
    left join herald.sms_messages m on m.notification_delivery_id = d.id";

impl Order {
    async fn read(client: &Client) -> Outcome<Vec<Order>> {
        let rows = client.query(ORDERS, &[]).await?;
        let orders = rows.iter().map(|row| {
            let number: Option<String> = row.get(6);
            let status: Option<String> = row.get(8);
            Ok(Order {
                id: row.get(0),
                key: (row.get(1), row.get(2)),
                event_status: row.get(3),
                deliveries: row.get(4),
                delivery_status: row.get(5),
                message_key: number.zip(row.get(7)),
                status: status.map(|word| word.parse()).transpose()?,
                sid: row.get(9),
                reason: row.get(10),
            })
        });
        orders.collect()
    }

    /// It ended, and not by an acceptance.
    fn is_given_up(&self) -> bool {
        self.sid.is_none()
            && (self.status.is_some_and(MessageStatus::is_final)
                || self.status.is_none() && self.reason.is_some())
    }
}

/// Checks everything. Whether a figure that is not zero is a fault, the caller says.
pub async fn check(client: &Client, simulator: &Simulator, emitted: &Emitted) -> Outcome<Figures> {
    let accepted = simulator.accepted().await?;
    let orders = Order::read(client).await?;
    let mut figures = Figures {
        committed: orders.len(),
        rolled_back: emitted.count(Fate::RolledBack),
        unclear: emitted.count(Fate::Unclear),
        accepted: accepted.len(),
        ..Figures::default()
    };
    let gone = lost_commits(&mut figures, emitted, &orders);
    each_order(&mut figures, &orders, &accepted);
    count(&mut figures, &orders, &gone, &accepted);
    owners(&mut figures, &orders, &accepted);
    rows(&mut figures, client).await?;
    statuses(&mut figures, client).await?;
    counters(&mut figures, client).await?;
    Ok(figures)
}

/// Texts of acknowledged transactions that are gone, and those rolled back that are there.
fn lost_commits(figures: &mut Figures, emitted: &Emitted, orders: &[Order]) -> HashMap<Key, usize> {
    let there: HashSet<Uuid> = orders.iter().map(|order| order.id).collect();
    let mut gone: HashMap<Key, usize> = HashMap::new();
    for transaction in &emitted.transactions {
        match (transaction.fate, there.contains(&transaction.order)) {
            (Fate::Committed, false) => {
                figures.commits_lost += 1;
                let key = (
                    transaction.user.phone_number.clone(),
                    transaction.body.clone(),
                );
                *gone.entry(key).or_default() += 1;
            }
            (Fate::RolledBack, true) => figures.errors.push(format!(
                "order {} was rolled back, and is there",
                transaction.order
            )),
            _ => {}
        }
    }
    gone
}

/// An order has one event, one delivery, one message with its text, in the state that Twilio's entry is in.
fn each_order(figures: &mut Figures, orders: &[Order], accepted: &[AcceptedMessage]) {
    let truth: HashMap<&str, &AcceptedMessage> = accepted
        .iter()
        .map(|each| (each.sid.as_str(), each))
        .collect();
    for order in orders {
        let mut wrong = |what: String| figures.errors.push(format!("order {}: {what}", order.id));
        if order.event_status.as_deref() != Some("fanned_out") || order.deliveries != 1 {
            wrong(format!(
                "its event is {:?}, and it has {} deliveries",
                order.event_status, order.deliveries
            ));
            continue;
        }
        if order.is_given_up() {
            figures.given_up += 1;
            match &order.reason {
                Some(reason) => *figures.reasons.entry(reason.clone()).or_default() += 1,
                None => wrong(format!("it is {:?}, and nothing says why", order.status)),
            }
            continue;
        }
        let Some(status) = order.status else {
            wrong("it has neither message nor reason".to_owned());
            continue;
        };
        if order.message_key.as_ref() != Some(&order.key) {
            wrong(format!(
                "its message is another one: {:?}",
                order.message_key
            ));
        }
        if !status.is_final() || status == MessageStatus::Unknown {
            figures.left += 1;
            continue;
        }
        let Some(entry) = order.sid.as_deref().and_then(|sid| truth.get(sid)) else {
            wrong(format!("Twilio does not know its SID {:?}", order.sid));
            continue;
        };
        if (&entry.to, &entry.body) != (&order.key.0, &order.key.1) {
            wrong(format!("its SID {} is another text's", entry.sid));
        }
        if MessageStatus::from_twilio(&entry.status) != Some(status) {
            wrong(format!("it is {status}, and {} at Twilio", entry.status));
        }
        let expected = match status {
            MessageStatus::Delivered => "delivered",
            _ => "failed",
        };
        if order.delivery_status.as_deref() != Some(expected) {
            wrong(format!(
                "it is {status}, its delivery {:?}",
                order.delivery_status
            ));
        }
    }
}

/// How often each text was wanted and accepted.
fn count(
    figures: &mut Figures,
    orders: &[Order],
    gone: &HashMap<Key, usize>,
    accepted: &[AcceptedMessage],
) {
    #[derive(Default)]
    struct Count {
        wanted: usize,
        given_up: usize,
        accepted: usize,
    }
    let mut counts: HashMap<Key, Count> = HashMap::new();
    for order in orders {
        let count = counts.entry(order.key.clone()).or_default();
        count.wanted += 1;
        count.given_up += usize::from(order.is_given_up());
    }
    for message in accepted {
        let key = (message.to.clone(), message.body.clone());
        counts.entry(key).or_default().accepted += 1;
    }
    for (key, count) in counts {
        let may = count.wanted + gone.get(&key).copied().unwrap_or(0);
        let must = count.wanted - count.given_up;
        if may == 0 {
            figures.unasked += count.accepted;
            continue;
        }
        figures.twice += count.accepted.saturating_sub(may);
        figures.lost += must.saturating_sub(count.accepted);
        // An order that was given up is one that did not go.
        if gone.is_empty() && count.accepted > must && count.given_up > 0 {
            let wrongly = count.accepted.min(may) - must;
            figures.errors.push(format!(
                "{wrongly} of {:?} are given up, and were accepted",
                key.1
            ));
        }
    }
}

/// Every acceptance has its message, and no two messages have one SID.
fn owners(figures: &mut Figures, orders: &[Order], accepted: &[AcceptedMessage]) {
    let mut owned: HashMap<&str, usize> = HashMap::new();
    for sid in orders.iter().filter_map(|order| order.sid.as_deref()) {
        *owned.entry(sid).or_default() += 1;
    }
    let several = owned.iter().filter(|(_, messages)| **messages > 1);
    for (sid, messages) in several {
        figures
            .errors
            .push(format!("SID {sid} belongs to {messages} messages"));
    }
    let unowned = accepted
        .iter()
        .filter(|each| !owned.contains_key(each.sid.as_str()));
    let unowned = unowned.count();
    let explained = figures.twice + figures.unasked + figures.commits_lost;
    if unowned > explained {
        figures.errors.push(format!(
            "{unowned} acceptances belong to no message, {explained} of them are explained"
        ));
    }
}

/// Facts that hold in the tables whatever happened. A count that is not zero is an error.
const NEVER: &[(&str, &str)] = &[
    (
        "events without their order",
        "select count(*) from herald.notification_events e where not exists (select from public.orders o where o.event_id = e.id)",
    ),
    (
        "batches left",
        "select count(*) from herald.dispatch_batches",
    ),
    ("jobs left", "select count(*) from herald.queue_jobs"),
    (
        "attempts in doubt",
        "select count(*) from herald.sms_send_attempts where resolve_at is not null",
    ),
    (
        "messages with two accepted attempts",
        "select count(*) from (select from herald.sms_send_attempts where outcome = 'accepted' group by message_id having count(*) > 1) twice",
    ),
    (
        "messages whose SID is not that of their accepted attempt",
        "select count(*) from herald.sms_messages m where m.twilio_sid is not null \
             and not exists (select from herald.sms_send_attempts a \
                 where a.message_id = m.id and a.outcome = 'accepted' and a.sid = m.twilio_sid)",
    ),
    (
        "accepted attempts whose message does not have the SID",
        "select count(*) from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id \
         where a.outcome = 'accepted' and m.twilio_sid is distinct from a.sid",
    ),
    (
        "attempts whose number is above the message's last one",
        "select count(*) from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id \
         where a.attempt > m.last_attempt",
    ),
    (
        "claims without a row in the ledger",
        "select count(*) from herald.sms_messages m \
         where m.last_attempt <> (select count(*) from herald.sms_send_attempts a where a.message_id = m.id)",
    ),
];

async fn rows(figures: &mut Figures, client: &Client) -> Outcome<()> {
    for (what, query) in NEVER {
        let found: i64 = client.query_one(*query, &[]).await?.get(0);
        if found > 0 {
            figures.errors.push(format!("{found} {what}"));
        }
    }
    let doubts = "select coalesce(resolved_by, 'nothing'), count(*) from herald.sms_send_attempts \
                  where outcome = 'unknown' or resolved_by is not null group by 1";
    for row in client.query(doubts, &[]).await? {
        let found: i64 = row.get(1);
        figures
            .settled_by
            .insert(row.get(0), usize::try_from(found)?);
    }
    Ok(())
}

/// No status goes back, but for a failure that is tried again because the catalogue of errors says so.
async fn statuses(figures: &mut Figures, client: &Client) -> Outcome<()> {
    let query = "select old_status, new_status, error_code is not null, count(*) from public.status_changes group by 1, 2, 3";
    for row in client.query(query, &[]).await? {
        let (old, new): (&str, &str) = (row.get(0), row.get(1));
        let (from, to): (MessageStatus, MessageStatus) = (old.parse()?, new.parse()?);
        let is_retry = row.get::<_, bool>(2)
            && matches!(from, MessageStatus::Failed | MessageStatus::Undelivered)
            && to == MessageStatus::Pending;
        // Before Twilio has it, a message is claimed, put back and doubted.
        let is_ours = from.rank() < MessageStatus::Sending.rank() || from == MessageStatus::Unknown;
        if !is_ours && !is_retry && to.rank() < from.rank() {
            let times: i64 = row.get(3);
            figures
                .errors
                .push(format!("{times} messages went from {old} to {new}"));
        }
    }
    Ok(())
}

/// The counters that are kept or shown beside the rows say the same as the rows.
const COUNTERS: &[(&str, &str)] = &[
    (
        "people whose daily count is not the number of their accepted texts",
        "select count(*) from herald.user_sms_preferences p \
         where p.phone_invalid_reason is null and p.daily_sms_count <> (select count(*) from herald.sms_messages m join herald.sms_send_attempts a on a.message_id = m.id \
             where m.user_id = p.user_id and (a.outcome = 'accepted' or a.resolved_by = 'policy')) \
           and (p.daily_count_reset_at at time zone coalesce(p.timezone, 'UTC'))::date = (now() at time zone coalesce(p.timezone, 'UTC'))::date \
           and p.daily_count_reset_at <= (select min(m.created_at) + interval '10 minutes' from herald.sms_messages m where m.user_id = p.user_id)",
    ),
    (
        "figures of herald_queue_stats() that are not zero",
        "select count(*) from herald_queue_stats() where messages <> 0",
    ),
    (
        "channels whose performance is not that of the rows",
        "select count(*) from get_notification_channel_performance('2 days') s, \
             (select count(*) filter (where status in ('sent', 'delivered')) as sent, count(*) filter (where status = 'delivered') as delivered, \
                     count(*) filter (where status = 'failed') as failed, count(*) filter (where status in ('suppressed', 'cancelled')) as suppressed \
              from herald.notification_deliveries) d \
         where (s.total_sent, s.delivered, s.failed, s.suppressed) is distinct from (d.sent, d.delivered, d.failed, d.suppressed)",
    ),
];

async fn counters(figures: &mut Figures, client: &Client) -> Outcome<()> {
    for (what, query) in COUNTERS {
        let row = client
            .query_one(*query, &[])
            .await
            .map_err(|error| Failure::new(format!("{what}: {}", Failure::from(error))))?;
        let found: i64 = row.get(0);
        if found > 0 {
            figures.errors.push(format!("{found} {what}"));
        }
    }
    Ok(())
}
