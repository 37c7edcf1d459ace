//! What must hold at the end of every history.

use std::collections::BTreeMap;

use herald_core::status::MessageStatus;

use super::store::Message;
use super::world::World;

/// What does not hold.
#[derive(Debug)]
pub(super) enum Violation {
    /// A text was accepted more often than it was emitted.
    Twice(#[expect(dead_code, reason = "printed")] String),
    /// The database says something else than what happened.
    Untrue(#[expect(dead_code, reason = "printed")] String),
    /// Something still waits.
    Waits(#[expect(dead_code, reason = "printed")] String),
    /// A status went back.
    Back(#[expect(dead_code, reason = "printed")] String),
    /// A counter is wrong.
    Count,
}

/// Equal texts to one number stand for each other: which of them got which SID nobody can know when callbacks are lost.
type Kind<'a> = (&'a str, &'a str);

pub(super) fn check(world: &World) -> Result<(), Violation> {
    let messages = &world.store.messages;
    let mut emitted: BTreeMap<Kind<'_>, usize> = BTreeMap::new();
    let mut known: BTreeMap<Kind<'_>, usize> = BTreeMap::new();
    let mut taken: BTreeMap<Kind<'_>, usize> = BTreeMap::new();
    for message in messages {
        forward_only(message)?;
        let kind = (message.to.as_str(), message.body.as_str());
        *emitted.entry(kind).or_default() += 1;
        // A later attempt waited when an earlier one was reported to have arrived: the SID is the earlier one's.
        let is_sent = message.sid.is_some() || message.status == MessageStatus::Delivered;
        let is_over = is_sent || message.end_reason.is_some();
        if message.due.is_some() || !is_over {
            return Err(Violation::Waits(format!("{message:?}")));
        }
        if is_sent && message.end_reason.is_none() {
            *known.entry(kind).or_default() += 1;
        }
    }
    for entry in world.provider.accepted() {
        *taken
            .entry((entry.to.as_str(), entry.body.as_str()))
            .or_default() += 1;
    }
    for (kind, count) in &taken {
        if count > emitted.get(kind).unwrap_or(&0) {
            return Err(Violation::Twice(format!("{kind:?}: {count} times")));
        }
    }
    if known != taken {
        return Err(Violation::Untrue(format!(
            "known {known:?}, taken {taken:?}, messages {messages:#?}"
        )));
    }
    let mut sids: Vec<_> = messages
        .iter()
        .filter_map(|message| message.sid.as_deref())
        .collect();
    sids.sort_unstable();
    let count = sids.len();
    sids.dedup();
    if sids.len() != count {
        return Err(Violation::Untrue(
            "a SID belongs to two messages".to_owned(),
        ));
    }
    if world.store.counters_are_true() {
        Ok(())
    } else {
        Err(Violation::Count)
    }
}

/// Statuses go up, except that our own next attempt puts a text back in line.
fn forward_only(message: &Message) -> Result<(), Violation> {
    let mut rank = MessageStatus::Pending.rank();
    for (status, own_retry) in &message.past {
        if status.rank() < rank && !own_retry {
            return Err(Violation::Back(format!("{message:?}")));
        }
        rank = status.rank();
    }
    Ok(())
}
