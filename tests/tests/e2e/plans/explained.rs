//! A session whose statements tell how they were carried out: also those inside functions, by the very plans that are kept
//! there (auto_explain).

use std::future::poll_fn;
use std::sync::{Arc, Mutex};

use herald_tests::{Failure, Outcome};
use serde_json::Value;
use tokio_postgres::{AsyncMessage, Client, NoTls};

/// Told as notices, which come before the answer.
const EXPLAIN: &str = "load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; \
    set auto_explain.log_analyze = on; set auto_explain.log_timing = off; set auto_explain.log_buffers = on; \
    set auto_explain.log_format = json; set auto_explain.log_level = notice; set client_min_messages = notice";

/// How every call begins.
pub(super) const CALL: &str = "select to_jsonb(answer) from";

/// How one statement was carried out.
pub(super) struct Carried {
    /// The call it was part of.
    pub(super) call: &'static str,
    /// The statement.
    pub(super) text: String,
    plan: Value,
}

/// A session and what it told.
pub(super) struct Explained {
    pub(super) client: Client,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Explained {
    pub(super) async fn open(url: &str) -> Outcome<Self> {
        let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
        let told = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notice(notice) = message
                    && let Some((_, plan)) = notice.message().split_once("plan:\n")
                    && let Ok(plan) = serde_json::from_str(plan)
                    && let Ok(mut told) = ours.lock()
                {
                    told.push(plan);
                }
            }
        });
        client.batch_execute(EXPLAIN).await?;
        Ok(Self { client, told })
    }

    /// What was carried out since the last time inside of this call.
    pub(super) fn carried(&self, call: &'static str) -> Outcome<Vec<Carried>> {
        let mut told = self
            .told
            .lock()
            .map_err(|_| Failure::new("the connection's task panicked"))?;
        let carried = told.drain(..).map(|mut plan| Carried {
            call,
            text: plan["Query Text"].as_str().unwrap_or_default().to_owned(),
            plan: plan["Plan"].take(),
        });
        // The call itself has the pages of the catalogue in it, and may be told of after its answer.
        Ok(carried
            .filter(|carried| !carried.text.starts_with(CALL))
            .collect())
    }
}

impl Carried {
    /// Every node of the plan.
    pub(super) fn nodes(&self) -> Vec<&Value> {
        let mut nodes = vec![&self.plan];
        let mut next = 0;
        while let Some(node) = nodes.get(next) {
            nodes.extend(node["Plans"].as_array().into_iter().flatten());
            next += 1;
        }
        nodes
    }

    /// Pages read, from memory or not.
    pub(super) fn pages(&self) -> u64 {
        let pages = |name: &str| self.plan[name].as_u64().unwrap_or(0);
        pages("Shared Hit Blocks") + pages("Shared Read Blocks")
    }
}
