//! The calls of an application's transaction and of the daemon, as they come in the life of some texts; all is taken back.

use herald_tests::Outcome;
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::explained::{CALL, Carried, Explained};

const WORKER: Uuid = Uuid::from_u128(7);
/// The claim right after an emit.
pub(super) const ALONE: &str = "claim after an emit";

pub(super) struct Calls<'a> {
    session: &'a Explained,
    /// Number of the person they are about, as fill.sql counts them.
    person: u32,
    carried: Vec<Carried>,
}

/// As in fill.sql.
fn id(kind: u128, n: u32) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | kind << 48 | u128::from(n))
}

fn sid(n: u32) -> String {
    format!("SM{n:032}")
}

impl<'a> Calls<'a> {
    pub(super) fn new(session: &'a Explained, person: u32) -> Self {
        Self {
            session,
            person,
            carried: Vec::new(),
        }
    }

    /// Makes them all; how each of their statements was carried out.
    pub(super) async fn all(mut self) -> Outcome<Vec<Carried>> {
        self.session.client.batch_execute("begin").await?;
        let emitted = self.emit().await?;
        self.send().await?;
        self.callbacks().await?;
        self.why(emitted).await?;
        if self.person > 0 {
            self.why(id(1, self.person)).await?;
        }
        self.leases().await?;
        self.doubts().await?;
        self.silence().await?;
        self.session.client.batch_execute("rollback").await?;
        Ok(self.carried)
    }

    async fn call(
        &mut self,
        name: &'static str,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Outcome<Vec<Value>> {
        let statement = format!("{CALL} {statement} as answer");
        // What came before is not of this call.
        self.session.carried(name)?;
        let rows = self.session.client.query(&statement, parameters).await?;
        self.carried.extend(self.session.carried(name)?);
        let answers = rows.iter().map(|row| row.get::<_, Option<Value>>(0));
        Ok(answers.map(Option::unwrap_or_default).collect())
    }

    /// Returns the event of the first.
    async fn emit(&mut self) -> Outcome<Uuid> {
        let user = id(0, self.person);
        let plain = "emit_notification_event('task.due_soon', target_user_id => $1, \
                     payload => '{\"task_name\": \"a\", \"due_time\": \"b\"}')";
        let emitted = self.call("emit", plain, &[&user]).await?;
        // What is due alone is claimed by statements of its own.
        self.claim(ALONE).await?;
        let once = "emit_notification_event('task.due_soon', target_user_id => $1, dedup_key => 'a new key', \
                    payload => '{\"task_name\": \"a\", \"due_time\": \"b\"}')";
        self.call("emit with a new dedup_key", once, &[&user])
            .await?;
        self.call("emit with a used dedup_key", once, &[&user])
            .await?;
        let event = emitted.first().and_then(Value::as_str).unwrap_or_default();
        Ok(event.parse()?)
    }

    /// A claim of ten and their results, of every kind.
    async fn send(&mut self) -> Outcome<()> {
        let claimed = self.claim("claim").await?;
        let mut results: Vec<Value> = claimed
            .iter()
            .zip([
                json!({"outcome": "accepted", "http_status": 201, "twilio_status": "queued", "elapsed_ms": 90}),
                json!({"outcome": "rejected", "http_status": 400, "error_code": 21211, "sender": "+15005550006"}),
                json!({"outcome": "not_sent", "http_status": 429, "error_code": 20429}),
                json!({"outcome": "not_sent", "reason": "connect"}),
                json!({"outcome": "unknown", "reason": "timeout", "elapsed_ms": 35000}),
            ])
            .map(|(text, mut result)| {
                for key in ["batch_id", "message_id", "attempt"] {
                    result[key] = text[key].clone();
                }
                if result["outcome"] == "accepted" {
                    result["sid"] = json!("SMplans");
                }
                result
            })
            .collect();
        results.push(json!({"batch_id": id(5, 1), "message_id": id(3, self.person), "attempt": 1, "outcome": "unknown"}));
        let results = Value::Array(results);
        self.call(
            "complete",
            "complete_sms_messages($1, $2)",
            &[&WORKER, &results],
        )
        .await?;
        self.call("next due", "herald_next_due()", &[]).await?;
        Ok(())
    }

    async fn claim(&mut self, name: &'static str) -> Outcome<Vec<Value>> {
        self.call(name, "claim_sms_messages($1, 10)", &[&WORKER])
            .await
    }

    async fn callbacks(&mut self) -> Outcome<()> {
        let of = |message: Option<Uuid>, sid: &str, status: &str, code: Option<i32>| json!([{"message_id": message, "attempt": message.map(|_| 1), "sid": sid, "status": status, "error_code": code}]);
        let message = id(3, self.person);
        for (name, callback) in [
            (
                "callback with our id",
                of(Some(message), &sid(self.person), "sent", None),
            ),
            (
                "callback found by its SID",
                of(None, &sid(self.person), "delivered", None),
            ),
            (
                "callback of an attempt just accepted",
                of(None, "SMplans", "delivered", None),
            ),
            (
                "callback of a failure",
                of(Some(message), &sid(self.person), "undelivered", Some(30003)),
            ),
            (
                "callback of nobody's SID",
                of(None, "SMnobody", "sent", None),
            ),
        ] {
            self.call(name, "record_twilio_callbacks($1)", &[&callback])
                .await?;
        }
        Ok(())
    }

    async fn why(&mut self, event: Uuid) -> Outcome<()> {
        let user = id(0, self.person);
        self.call("why", "why($1)", &[&event]).await?;
        self.call("why of a user", "why($1, $2)", &[&event, &user])
            .await?;
        Ok(())
    }

    async fn leases(&mut self) -> Outcome<()> {
        let claimed = self.claim("claim").await?;
        let batches: Vec<Uuid> = claimed
            .iter()
            .filter_map(|text| text["batch_id"].as_str()?.parse().ok())
            .collect();
        self.call(
            "renewal",
            "extend_dispatch_leases($1, $2)",
            &[&WORKER, &batches],
        )
        .await?;
        let end = "update herald.dispatch_batches set lease_until = now() - interval '1 second'";
        self.session.client.batch_execute(end).await?;
        self.call("end of leases", "expire_dispatch_leases()", &[])
            .await?;
        Ok(())
    }

    /// All doubts are looked for: one is found, the others are absent for the second time.
    async fn doubts(&mut self) -> Outcome<()> {
        let hasten = "update herald.sms_send_attempts set resolve_at = now(), absent_at = now() - interval '1 hour' where resolve_at is not null";
        self.session.client.batch_execute(hasten).await?;
        // Some are on their way to their numbers as well.
        self.claim("claim").await?;
        let looked = self
            .call("look for doubts", "claim_unknown_sms_messages(8)", &[])
            .await?;
        let sids = vec![sid(self.person), "SMplans".to_owned(), "SMfound".to_owned()];
        self.call("owned SIDs", "herald_owned_sids($1)", &[&sids])
            .await?;
        let results: Vec<Value> = looked
            .iter()
            .enumerate()
            .filter(|(_, doubt)| doubt["settle"] == true)
            .map(|(place, doubt)| {
                let verdict = if place == 0 { "found" } else { "absent" };
                json!({"claim_id": doubt["claim_id"], "message_id": doubt["message_id"], "attempt": doubt["attempt"],
                       "verdict": verdict, "sid": "SMfound", "status": "sent"})
            })
            .collect();
        let results = Value::Array(results);
        self.call(
            "what a look found",
            "complete_unknown_sms_messages($1)",
            &[&results],
        )
        .await?;
        Ok(())
    }

    /// An acceptance of which nothing more was heard, and its answer.
    async fn silence(&mut self) -> Outcome<()> {
        let age = "update herald.sms_send_attempts set poll_at = now() where sid in ('SMplans', 'SMfound')";
        self.session.client.batch_execute(age).await?;
        let silent = self
            .call("silent texts", "claim_stale_sms_messages(8)", &[])
            .await?;
        let results: Vec<Value> = silent
            .iter()
            .map(|text| {
                json!({"message_id": text["message_id"], "attempt": text["attempt"], "sid": text["sid"],
                       "verdict": "found", "status": "delivered"})
            })
            .collect();
        let results = Value::Array(results);
        self.call(
            "what Twilio said",
            "complete_stale_sms_messages($1)",
            &[&results],
        )
        .await?;
        Ok(())
    }
}
