//! Closed sets of words: an enum whose text form is stored in the database, sent in JSON and shown to people.

/// A text that is not one of the words of a closed set, from `FromStr` of this crate's enums.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a {what}; use one of: {expected}")]
pub struct UnknownWord {
    /// What was read, for example `message status`.
    pub what: &'static str,
    /// The text as it came.
    pub word: String,
    /// The words that exist, separated by commas.
    pub expected: String,
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, word: &str, expected: &[&str]) -> Self {
        Self {
            what,
            word: word.to_owned(),
            expected: expected.join(", "),
        }
    }
}

/// Declares an enum with one fixed word per variant: `ALL`, `as_str`, `Display` and `FromStr` (exact match).
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident ($what:literal) {
            $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word that is stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $( $word => Ok(Self::$variant), )+
                    _ => Err($crate::words::UnknownWord::new($what, word, &[ $( $word, )+ ])),
                }
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    use crate::catalogue::{Action, Permanence, Retry, Scope, Severity, Surface};
    use crate::keywords::Handling;
    use crate::outcome::Outcome;
    use crate::priority::Priority;
    use crate::segments::Encoding;
    use crate::status::{DeliveryStatus, MessageStatus};
    use crate::twilio_keywords::Keyword;
    use crate::verification::{Step, Verdict};

    #[track_caller]
    fn words_read_back<W>(all: &[W])
    where
        W: Copy + Debug + Display + PartialEq + FromStr<Err: Debug>,
    {
        assert!(!all.is_empty());
        for word in all {
            assert_eq!(word.to_string().parse::<W>().unwrap(), *word);
            assert!(format!(" {word}").parse::<W>().is_err());
        }
        assert!("".parse::<W>().is_err());
    }

    #[test]
    fn every_word_reads_back_and_only_exactly() {
        words_read_back(MessageStatus::ALL);
        words_read_back(DeliveryStatus::ALL);
        words_read_back(Priority::ALL);
        words_read_back(Outcome::ALL);
        words_read_back(Encoding::ALL);
        words_read_back(Permanence::ALL);
        words_read_back(Retry::ALL);
        words_read_back(Scope::ALL);
        words_read_back(Severity::ALL);
        words_read_back(Action::ALL);
        words_read_back(Step::ALL);
        words_read_back(Verdict::ALL);
        words_read_back(Surface::ALL);
        words_read_back(Keyword::ALL);
        words_read_back(Handling::ALL);
    }

    #[test]
    fn the_error_names_what_would_be_right() {
        assert!("Normal".parse::<Priority>().is_err());
        let error = "medium".parse::<Priority>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"medium\" is not a priority; use one of: urgent, high, normal, low"
        );
    }
}
