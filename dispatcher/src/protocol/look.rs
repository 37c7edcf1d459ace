//! From claimed doubts and Twilio's list to verdicts. No I/O.

use herald_core::resolve::{self, Doubt, Finding, From, Verdict};

use crate::config::Sender;
use crate::records::{LookResult, UnknownAttempt};
use crate::twilio::Listed;

/// The attempts to one number.
#[derive(Debug)]
pub(crate) struct Group {
    /// E.164.
    pub(crate) to: String,
    /// In doubt, or on their way.
    pub(crate) doubts: Vec<UnknownAttempt>,
}

impl Group {
    /// The list is of interest from this time on, in seconds since 1970.
    pub(crate) fn not_before(&self) -> i64 {
        let times = self.doubts.iter().map(|doubt| doubt.accepted_from);
        times.min().unwrap_or(i64::MIN)
    }

    /// Whether an entry made at this time can be of one of them.
    pub(crate) fn covers(&self, created: i64) -> bool {
        let mut doubts = self.doubts.iter();
        doubts.any(|doubt| (doubt.accepted_from..=doubt.accepted_until).contains(&created))
    }
}

/// Puts together what goes to the same number; it arrives in that order.
pub(crate) fn groups(claimed: Vec<UnknownAttempt>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for doubt in claimed {
        match groups.last_mut() {
            Some(group) if group.to == doubt.to_number => group.doubts.push(doubt),
            _ => groups.push(Group {
                to: doubt.to_number.clone(),
                doubts: vec![doubt],
            }),
        }
    }
    groups
}

/// One verdict for each attempt that is to be settled. `listed` is what belongs to nobody; `None` if the list could not
/// be read.
pub(crate) fn verdicts(
    group: &Group,
    listed: Option<&[Listed]>,
    sender: &Sender,
) -> Vec<LookResult> {
    let doubts: Vec<Doubt<'_>> = group
        .doubts
        .iter()
        .map(|doubt| Doubt {
            body: &doubt.body,
            accepted_from: doubt.accepted_from,
            accepted_until: doubt.accepted_until,
            refused_before: usize::try_from(doubt.refused_before).unwrap_or(0),
            settle: doubt.settle,
        })
        .collect();
    let from = match sender {
        Sender::From(address) => From::Address(address),
        Sender::MessagingService(sid) => From::Service(sid),
    };
    let findings: Vec<Option<Finding>> = match listed {
        None => vec![None; doubts.len()],
        Some(listed) => {
            let entries: Vec<_> = listed.iter().map(Listed::entry).collect();
            let findings = resolve::decide(from, &doubts, &entries);
            findings.into_iter().map(Some).collect()
        }
    };
    let settled = group
        .doubts
        .iter()
        .zip(findings)
        .filter(|(doubt, _)| doubt.settle);
    settled
        .map(|(doubt, finding)| {
            let (verdict, message) = match finding {
                None => (Verdict::Failed, None),
                Some(Finding::Absent) => (Verdict::Absent, None),
                Some(Finding::Ambiguous) => (Verdict::Ambiguous, None),
                Some(Finding::Found(entry)) => {
                    (Verdict::Found, listed.and_then(|listed| listed.get(entry)))
                }
            };
            LookResult {
                claim_id: doubt.claim_id,
                message_id: doubt.message_id,
                attempt: doubt.attempt,
                verdict: verdict.as_str(),
                sid: message.map(|message| message.sid.clone()),
                status: message.map(|message| message.status.clone()),
                error_code: message.and_then(|message| message.error_code),
            }
        })
        .collect()
}
