//! What is done next, with both, as a seed decides.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::picture::compare;
use super::tables::{Tables, told};
use crate::histories::Rules;
use crate::histories::store::Store;
use crate::records::{Claimed, UnknownAttempt};
use crate::store;

/// A text that somebody claimed, whether or not it is still theirs.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) worker: Uuid,
    pub(super) text: Claimed,
    pub(super) place: usize,
}

/// Both stores and everybody around them.
pub(super) struct Course<'a> {
    pub(super) tables: &'a mut Tables,
    pub(super) store: Store,
    /// What was done, in words.
    pub(super) story: Vec<String>,
    pub(super) random: SmallRng,
    seed: u64,
    /// One history in three: all texts go to one number, and what becomes of them is mostly doubtful.
    pub(super) is_doubtful: bool,
    pub(super) now: i64,
    pub(super) workers: Vec<Uuid>,
    pub(super) jobs: Vec<Job>,
    pub(super) looks: Vec<Vec<UnknownAttempt>>,
    /// What Twilio named each attempt.
    pub(super) sids: Vec<(usize, i32, String)>,
}

impl<'a> Course<'a> {
    /// An empty database, whose times are those the histories reckon with.
    pub(super) async fn begin(tables: &'a mut Tables, seed: u64) -> Result<Self, String> {
        let (now, rules) = tables.begin().await?;
        if format!("{rules:?}") != format!("{:?}", Rules::OURS) {
            return Err(format!(
                "the histories reckon with {:?}, a new installation has {rules:?}",
                Rules::OURS
            ));
        }
        Ok(Self {
            tables,
            store: Store::new(rules),
            story: Vec::new(),
            random: SmallRng::seed_from_u64(seed),
            seed,
            is_doubtful: seed.is_multiple_of(3),
            now,
            workers: (1..=3).map(Uuid::from_u128).collect(),
            jobs: Vec::new(),
            looks: Vec::new(),
            sids: Vec::new(),
        })
    }

    pub(super) fn tell(&mut self, what: String) {
        self.story.push(format!("{:>3} {what}", self.story.len()));
    }

    pub(super) fn chance(&mut self, per_cent: u32) -> bool {
        self.random.random_ratio(per_cent, 100)
    }

    /// One of them, if there is one.
    pub(super) fn one_of<T>(&mut self, mut all: Vec<T>) -> Option<T> {
        if all.is_empty() {
            return None;
        }
        let place = self.random.random_range(0..all.len());
        Some(all.swap_remove(place))
    }

    /// Twilio's name for an attempt.
    pub(super) fn sid(&mut self, place: usize, attempt: i32) -> String {
        let mut sids = self.sids.iter();
        if let Some((.., sid)) = sids.find(|(of, number, _)| (*of, *number) == (place, attempt)) {
            return sid.clone();
        }
        // Of this history alone: two of them run at once, and a SID is unique.
        let sid = format!("SM{:016x}{:016x}", self.seed, self.sids.len() + 1);
        self.sids.push((place, attempt, sid.clone()));
        sid
    }

    /// One step with both, and a look at both.
    pub(super) async fn step(&mut self) -> Result<(), String> {
        let is_first = self.story.len() < 3;
        let has_due = !self.store.due(self.now).is_empty();
        let has_doubts = !self.store.doubts_due(self.now).is_empty();
        match self.random.random_range(0..100) {
            0..7 => self.emit().await?,
            _ if is_first => self.emit().await?,
            // What finds nothing is looked at less often.
            7..25 if has_due => self.claim().await?,
            7..10 => self.claim().await?,
            10..28 => self.later().await?,
            28..33 => self.extend().await?,
            33..41 => self.expire().await?,
            41..58 => self.complete().await?,
            58..68 => self.callback().await?,
            68..80 if has_doubts => self.look().await?,
            68..70 => self.look().await?,
            70..93 => self.settle().await?,
            93..96 => self.resolve().await?,
            96..99 => self.requeue().await?,
            _ => self.arm().await?,
        }
        if self.store.given_id.is_some() {
            return Err("the database made a row that the model does not have".to_owned());
        }
        let sids: Vec<&str> = self.sids.iter().map(|(.., sid)| sid.as_str()).collect();
        let owned = store::owned_sids(&mut self.tables.link, &sids)
            .await
            .map_err(told)?;
        if let Some(sid) = sids
            .iter()
            .find(|sid| self.store.owns(sid) != owned.contains(**sid))
        {
            return Err(format!(
                "{sid}: owned in the model {}, in the database {}",
                self.store.owns(sid),
                owned.contains(*sid)
            ));
        }
        if !self.store.counters_are_true() {
            return Err("the model miscounts what is open in a batch".to_owned());
        }
        let picture = self.tables.picture().await?;
        compare(&mut self.store, picture, self.now)
    }
}
