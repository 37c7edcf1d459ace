//! Attempts in doubt against Twilio's list of messages: which entry is whose, and what is not there.
//!
//! Twilio's list knows no id of ours (<https://www.twilio.com/docs/messaging/api/message-resource>): an entry is told by
//! number, text, sender and time. Equal texts to one number in doubt at once are told apart by counting. Times are seconds
//! since 1970, the finest that Twilio gives.

#[cfg(test)]
mod tests;

use crate::segments::smart_encode;
use crate::words::words;

words! {
    /// What becomes of an event type's texts when nobody knows whether Twilio took them
    /// (`notification_event_types.unknown_policy`).
    UnknownPolicy ("policy for unknown outcomes") {
        /// Find out; send again only what was not taken.
        Resolve = "resolve",
        /// Send again at once: two texts are better than none.
        AtLeastOnce = "at_least_once",
        /// Find out, and never send again.
        AtMostOnce = "at_most_once",
    }
}

words! {
    /// What a look into Twilio's list says of one attempt.
    Verdict ("verdict") {
        /// It is there.
        Found = "found",
        /// It is not there.
        Absent = "absent",
        /// There is something that may be it, or another's.
        Ambiguous = "ambiguous",
        /// The list could not be read.
        Failed = "failed",
    }
}

/// An attempt to a number whose list was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt<'a> {
    /// The text as we sent it.
    pub body: &'a str,
    /// Not accepted before this time.
    pub accepted_from: i64,
    /// Not accepted after this time.
    pub accepted_until: i64,
    /// Entries of refused requests for the same text that belong to earlier attempts.
    pub refused_before: usize,
    /// Whether it is to be decided; otherwise it is only known to be on its way, and what is there may be its.
    pub settle: bool,
}

/// One entry of Twilio's list that belongs to no other message of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The text as Twilio has it; empty if it was redacted.
    pub body: &'a str,
    /// `From`; none while a Messaging Service has not picked one.
    pub from: Option<&'a str>,
    /// The Messaging Service.
    pub messaging_service_sid: Option<&'a str>,
    /// `outbound-api` for what was asked for by a request.
    pub direction: &'a str,
    /// When Twilio made the entry.
    pub created: i64,
    /// Whether it was refused or failed, with an error code.
    pub failed: bool,
}

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From<'a> {
    /// A number, short code or sender ID.
    Address(&'a str),
    /// A Messaging Service.
    Service(&'a str),
}

/// What a list says of an attempt; `Found` names the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// This entry is it.
    Found(usize),
    /// Nothing in the list can be it.
    Absent,
    /// Something may be it, but may be another's, or cannot be told.
    Ambiguous,
}

/// What Twilio puts before every text of a trial account.
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account - ";

/// Whether Twilio's text is ours: as it is, with the trial account's prefix, or with look-alikes replaced (a Messaging
/// Service may do that without our knowing).
pub fn is_same_text(ours: &str, listed: &str) -> bool {
    let same = |listed: &str| listed == ours || smart_encode(listed) == smart_encode(ours);
    same(listed) || listed.strip_prefix(TRIAL_PREFIX).is_some_and(same)
}

/// How an entry stands to an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// It is the text of this attempt or of an equal one.
    Same,
    /// It may be: the text was redacted, or another sender is named.
    Possible,
    None,
}

fn likeness(doubt: &Doubt<'_>, entry: &Entry<'_>, from: From<'_>) -> Likeness {
    let in_time = (doubt.accepted_from..=doubt.accepted_until).contains(&entry.created);
    if !in_time || entry.direction != "outbound-api" {
        return Likeness::None;
    }
    if entry.body.is_empty() {
        return Likeness::Possible;
    }
    if !is_same_text(doubt.body, entry.body) {
        return Likeness::None;
    }
    let same_sender = match from {
        From::Address(address) => entry.from == Some(address),
        From::Service(sid) => entry.messaging_service_sid == Some(sid),
    };
    if same_sender {
        Likeness::Same
    } else {
        Likeness::Possible
    }
}

/// Decides the attempts to one number by the list of that number. One finding for each attempt, in order; those that are
/// not to be settled get `Ambiguous`.
///
/// No entry is given to two attempts, and as many attempts as possible get one. A live message is given before one that
/// was refused: Twilio lists refused requests as well, and those of earlier attempts are left out. Where an attempt that
/// is not to be settled may own an entry, nobody gets it.
pub fn decide(from: From<'_>, doubts: &[Doubt<'_>], entries: &[Entry<'_>]) -> Vec<Finding> {
    let mut owner: Vec<Option<usize>> = vec![None; entries.len()];
    let mut given: Vec<Option<usize>> = vec![None; doubts.len()];
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&entry| (entries[entry].failed, entries[entry].created, entry));
    let mut left_out: Vec<usize> = doubts.iter().map(|doubt| doubt.refused_before).collect();
    for entry in order {
        let fits =
            |doubt: &usize| likeness(&doubts[*doubt], &entries[entry], from) == Likeness::Same;
        if entries[entry].failed {
            let earlier = (0..doubts.len()).find(|doubt| left_out[*doubt] > 0 && fits(doubt));
            if let Some(doubt) = earlier {
                left_out[doubt] -= 1;
                continue;
            }
        }
        // Of those that it fits, the one whose time ends first: so no other order would serve more of them.
        let next = (0..doubts.len())
            .filter(|doubt| given[*doubt].is_none() && fits(doubt))
            .min_by_key(|&doubt| (doubts[doubt].accepted_until, doubt));
        if let Some(doubt) = next {
            given[doubt] = Some(entry);
            owner[entry] = Some(doubt);
        }
    }
    (0..doubts.len())
        .map(|doubt| finding(doubt, from, doubts, entries, &given, &owner))
        .collect()
}

fn finding(
    doubt: usize,
    from: From<'_>,
    doubts: &[Doubt<'_>],
    entries: &[Entry<'_>],
    given: &[Option<usize>],
    owner: &[Option<usize>],
) -> Finding {
    let stands = |other: usize, entry: usize| likeness(&doubts[other], &entries[entry], from);
    if !doubts[doubt].settle {
        return Finding::Ambiguous;
    }
    if let Some(entry) = given[doubt] {
        let is_contested = (0..doubts.len())
            .any(|other| !doubts[other].settle && stands(other, entry) == Likeness::Same);
        return if is_contested {
            Finding::Ambiguous
        } else {
            Finding::Found(entry)
        };
    }
    let may_be_it = (0..entries.len()).any(|entry| match stands(doubt, entry) {
        Likeness::Possible => owner[entry].is_none(),
        Likeness::Same => owner[entry].is_some_and(|other| !doubts[other].settle),
        Likeness::None => false,
    });
    if may_be_it {
        Finding::Ambiguous
    } else {
        Finding::Absent
    }
}
