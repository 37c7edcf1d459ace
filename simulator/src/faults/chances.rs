//! Faults by chance. A decision depends on the seed, the recipient, the text and how often this text came before, and
//! on nothing else: the same seed gives the same decisions, in whatever order requests arrive.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ErrorBody, Fault, FaultKind};

/// How long a slow answer or a slow body takes when nothing else was set.
const DEFAULT_SLOW_MS: u64 = 1_000;

/// What may happen by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Chance {
    /// Something goes wrong with the create. When several would, one of them does.
    Create(FaultKind),
    /// The answer is unusual; this goes with any of the others.
    Answer(AnswerChance),
    /// Something happens to callbacks.
    Callback(CallbackChance),
}

/// What may be unusual about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnswerChance {
    /// It comes `latency_ms` late.
    SlowAnswer,
    /// Its body takes `body_ms`.
    SlowBody,
    /// An error is written as RFC 9457 wants it.
    ProblemBody,
}

/// What may happen to callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum CallbackChance {
    /// All callbacks of the message come before its create is answered.
    #[serde(rename = "callback_early")]
    Early,
    /// The callbacks of the message come in any order, after the last status.
    #[serde(rename = "callback_shuffled")]
    Shuffled,
    /// One callback never arrives.
    #[serde(rename = "callback_lost")]
    Lost,
    /// One callback comes twice.
    #[serde(rename = "callback_duplicated")]
    Duplicated,
    /// One callback comes `callback_late_ms` later.
    #[serde(rename = "callback_late")]
    Late,
}

/// Everything that may happen, in the order in which it is decided.
pub(crate) const ALL: [Chance; 17] = [
    Chance::Create(FaultKind::ErrorBefore),
    Chance::Create(FaultKind::ErrorAfter),
    Chance::Create(FaultKind::ResetBefore),
    Chance::Create(FaultKind::ResetAfter),
    Chance::Create(FaultKind::ResetMidAnswer),
    Chance::Create(FaultKind::StallBefore),
    Chance::Create(FaultKind::StallAfter),
    Chance::Create(FaultKind::Html502),
    Chance::Create(FaultKind::Unreadable201),
    Chance::Answer(AnswerChance::SlowAnswer),
    Chance::Answer(AnswerChance::SlowBody),
    Chance::Answer(AnswerChance::ProblemBody),
    Chance::Callback(CallbackChance::Early),
    Chance::Callback(CallbackChance::Shuffled),
    Chance::Callback(CallbackChance::Lost),
    Chance::Callback(CallbackChance::Duplicated),
    Chance::Callback(CallbackChance::Late),
];

/// How likely each fault is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Chances {
    seed: u64,
    probabilities: BTreeMap<Chance, f64>,
    latency_ms: u64,
    body_ms: u64,
    /// How often each text has come to each number.
    #[serde(skip)]
    seen: HashMap<[u8; 32], u64>,
}

/// A change as it is posted; what is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChancesPatch {
    seed: Option<u64>,
    #[serde(default)]
    probabilities: BTreeMap<String, f64>,
    latency_ms: Option<u64>,
    body_ms: Option<u64>,
}

/// One probability as it was given: `error_after` and 0.1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Odds {
    /// `None`: all of them.
    chance: Option<Chance>,
    probability: f64,
}

/// What chance has for the callbacks of one message.
#[derive(Debug, Clone)]
pub(crate) struct CallbackLuck {
    /// All of them before the answer.
    pub(crate) is_early: bool,
    /// In any order.
    pub(crate) is_shuffled: bool,
    lost: f64,
    duplicated: f64,
    late: f64,
    /// For what is decided callback by callback.
    pub(crate) dice: StdRng,
}

/// What chance has for one callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) is_lost: bool,
    pub(crate) is_duplicated: bool,
    pub(crate) is_late: bool,
}

/// A change that cannot be.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum ChanceError {
    /// No such fault.
    #[error("{0} is no fault; --help lists them")]
    Unknown(String),
    /// Not a probability.
    #[error("the probability {1} of {0} is not between 0 and 1")]
    Probability(String, f64),
}

impl Default for Chances {
    fn default() -> Self {
        Self {
            seed: 0,
            probabilities: BTreeMap::new(),
            latency_ms: DEFAULT_SLOW_MS,
            body_ms: DEFAULT_SLOW_MS,
            seen: HashMap::new(),
        }
    }
}

impl Odds {
    /// Reads a name and its probability.
    pub(crate) fn new(name: &str, probability: f64) -> Result<Self, ChanceError> {
        if !(0.0..=1.0).contains(&probability) {
            return Err(ChanceError::Probability(name.to_owned(), probability));
        }
        let chance = if name == "all" {
            None
        } else {
            let chance = serde_json::from_value(name.into());
            Some(chance.map_err(|_| ChanceError::Unknown(name.to_owned()))?)
        };
        Ok(Self {
            chance,
            probability,
        })
    }
}

impl Chances {
    /// These odds under this seed.
    pub(crate) fn new(seed: u64, odds: Vec<Odds>) -> Self {
        let mut chances = Self {
            seed,
            ..Self::default()
        };
        chances.set(odds);
        chances
    }

    /// `all` sets every probability, and the others are set after it.
    fn set(&mut self, mut odds: Vec<Odds>) {
        odds.sort_by_key(|odds| odds.chance);
        for Odds {
            chance,
            probability,
        } in odds
        {
            match chance {
                None => self.probabilities = ALL.map(|chance| (chance, probability)).into(),
                Some(chance) => drop(self.probabilities.insert(chance, probability)),
            }
        }
        self.probabilities
            .retain(|_, probability| *probability > 0.0);
    }

    /// Applies a change. A new seed begins anew.
    pub(crate) fn apply(&mut self, patch: &ChancesPatch) -> Result<(), ChanceError> {
        let odds = patch.probabilities.iter();
        let odds = odds.map(|(name, &probability)| Odds::new(name, probability));
        self.set(odds.collect::<Result<_, _>>()?);
        if let Some(seed) = patch.seed {
            self.seed = seed;
            self.seen.clear();
        }
        self.latency_ms = patch.latency_ms.unwrap_or(self.latency_ms);
        self.body_ms = patch.body_ms.unwrap_or(self.body_ms);
        Ok(())
    }

    /// Decides about a create of this text to this number.
    pub(crate) fn decide(&mut self, to: &str, body: &str) -> (Fault, CallbackLuck) {
        let text = Sha256::new()
            .chain_update(to)
            .chain_update([0])
            .chain_update(body)
            .finalize();
        // Without probabilities nothing is decided, so nothing need be remembered.
        let mut nth = 0;
        if !self.probabilities.is_empty() {
            let seen = self.seen.entry(text.into()).or_default();
            nth = *seen;
            *seen += 1;
        }
        let dice = Sha256::new()
            .chain_update(self.seed.to_le_bytes())
            .chain_update(text)
            .chain_update(nth.to_le_bytes())
            .finalize();
        self.decide_with(StdRng::from_seed(dice.into()))
    }

    /// Every chance takes one throw, whether it has a probability or not, so that none changes the others.
    fn decide_with(&self, mut dice: StdRng) -> (Fault, CallbackLuck) {
        let mut kinds = Vec::new();
        let mut fault = Fault::default();
        let mut is_early = false;
        let mut is_shuffled = false;
        for chance in ALL {
            if dice.random::<f64>() >= self.probability(chance) {
                continue;
            }
            match chance {
                Chance::Create(kind) => kinds.push(kind),
                Chance::Answer(AnswerChance::SlowAnswer) => {
                    fault.latency = Duration::from_millis(self.latency_ms);
                }
                Chance::Answer(AnswerChance::SlowBody) => {
                    fault.body_time = Duration::from_millis(self.body_ms);
                }
                Chance::Answer(AnswerChance::ProblemBody) => fault.error_body = ErrorBody::Problem,
                Chance::Callback(CallbackChance::Early) => is_early = true,
                Chance::Callback(CallbackChance::Shuffled) => is_shuffled = true,
                Chance::Callback(_) => {}
            }
        }
        fault.kind = kinds.choose(&mut dice).copied();
        let luck = CallbackLuck {
            is_early,
            is_shuffled,
            lost: self.probability(Chance::Callback(CallbackChance::Lost)),
            duplicated: self.probability(Chance::Callback(CallbackChance::Duplicated)),
            late: self.probability(Chance::Callback(CallbackChance::Late)),
            dice,
        };
        (fault, luck)
    }

    fn probability(&self, chance: Chance) -> f64 {
        self.probabilities.get(&chance).copied().unwrap_or(0.0)
    }
}

impl CallbackLuck {
    /// What happens to the next callback.
    pub(crate) fn next(&mut self) -> Fate {
        let mut falls = |probability| self.dice.random::<f64>() < probability;
        Fate {
            is_lost: falls(self.lost),
            is_duplicated: falls(self.duplicated),
            is_late: falls(self.late),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chances(json: &str) -> Chances {
        let mut chances = Chances::default();
        chances.apply(&serde_json::from_str(json).unwrap()).unwrap();
        chances
    }

    /// What a thousand texts meet, in this order of arrival.
    fn decided(chances: &mut Chances, order: impl Iterator<Item = u32>) -> BTreeMap<u32, String> {
        order
            .map(|text| {
                let (fault, mut luck) = chances.decide("+14155550100", &text.to_string());
                let fates = [luck.next(), luck.next()];
                (text, format!("{fault:?} {fates:?} {}", luck.is_early))
            })
            .collect()
    }

    #[test]
    fn the_same_seed_decides_the_same_in_any_order() {
        let setting = r#"{"seed":7,"probabilities":{"all":0.1}}"#;
        let forth = decided(&mut chances(setting), 0..1000);
        let back = decided(&mut chances(setting), (0..1000).rev());
        assert_eq!(forth, back);
        let other = decided(
            &mut chances(r#"{"seed":8,"probabilities":{"all":0.1}}"#),
            0..1000,
        );
        assert_ne!(forth, other);
    }

    #[test]
    fn a_text_that_comes_again_is_decided_anew_until_the_seed_is_set() {
        let seed = r#"{"seed":7,"probabilities":{"all":0.5}}"#;
        let mut chances = chances(seed);
        let first = decided(&mut chances, 0..100);
        assert_ne!(decided(&mut chances, 0..100), first);
        chances.apply(&serde_json::from_str(seed).unwrap()).unwrap();
        assert_eq!(decided(&mut chances, 0..100), first);
    }

    #[test]
    fn one_probability_does_not_change_the_others() {
        let mut one = chances(r#"{"probabilities":{"slow_body":0.2}}"#);
        let mut two = chances(r#"{"probabilities":{"slow_body":0.2,"slow_answer":0.5}}"#);
        for text in 0..200 {
            let body = text.to_string();
            assert_eq!(
                one.decide("+1", &body).0.body_time,
                two.decide("+1", &body).0.body_time
            );
        }
    }

    #[test]
    fn every_fault_has_a_name_and_a_chance() {
        for chance in ALL {
            let name = serde_json::to_value(chance).unwrap();
            assert_eq!(
                serde_json::from_value::<Chance>(name.clone()).unwrap(),
                chance
            );
            let name = name.as_str().unwrap();
            let mut certain = chances(&format!(r#"{{"probabilities":{{"{name}":1}}}}"#));
            let (fault, mut luck) = certain.decide("+1", "a");
            let fate = luck.next();
            let happens = match chance {
                Chance::Create(kind) => fault.kind == Some(kind),
                Chance::Answer(_) => fault != Fault::default(),
                Chance::Callback(_) => {
                    luck.is_early
                        || luck.is_shuffled
                        || fate.is_lost
                        || fate.is_duplicated
                        || fate.is_late
                }
            };
            assert!(happens, "{name}");
        }
    }

    #[test]
    fn probabilities_are_about_right() {
        let mut chances = chances(r#"{"probabilities":{"error_after":0.1}}"#);
        let hits = (0..10_000)
            .filter(|text| chances.decide("+1", &text.to_string()).0.kind.is_some())
            .count();
        assert!((800..1200).contains(&hits), "{hits}");
    }

    #[test]
    fn all_is_set_before_the_others_and_zero_is_none() {
        let set = chances(r#"{"probabilities":{"all":0.5,"stall_after":0,"callback_lost":1}}"#);
        assert_eq!(set.probabilities.len(), ALL.len() - 1);
        assert_eq!(set.probability(Chance::Callback(CallbackChance::Lost)), 1.0);
    }

    #[test]
    fn nonsense_is_refused_and_changes_nothing() {
        let mut set = chances(r#"{"probabilities":{"all":0.5}}"#);
        let before = set.clone();
        for wrong in [
            r#"{"seed":3,"probabilities":{"explode":0.1}}"#,
            r#"{"seed":3,"probabilities":{"html_502":1.1}}"#,
        ] {
            assert!(set.apply(&serde_json::from_str(wrong).unwrap()).is_err());
            assert_eq!(set, before);
        }
    }
}
