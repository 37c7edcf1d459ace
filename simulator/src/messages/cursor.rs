//! The pages of the message list.

use super::filter::Filter;
use super::list::invalid;
use crate::error::ApiError;
use crate::form::Form;
use crate::store::{Message, Store};

/// Where a page begins: a token names the message next to it, so messages that come in between shift nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    Newest,
    /// Messages accepted before the one with this order.
    OlderThan(usize),
    /// Messages accepted after the one with this order.
    NewerThan(usize),
}

/// A page, newest first, and the SIDs that lead to its neighbours.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) messages: Vec<&'a Message>,
    /// The token `PA` and this SID lead to older messages.
    pub(super) older: Option<&'a str>,
    /// The token `PB` and this SID lead to newer messages.
    pub(super) newer: Option<&'a str>,
}

impl Cursor {
    /// Reads `PageToken`: `PA` and a SID continue after that message, `PB` and a SID before it.
    pub(super) fn read(query: &Form, store: &Store) -> Result<Self, ApiError> {
        let Some(token) = query.filled("PageToken") else {
            return Ok(Self::Newest);
        };
        let after = |prefix| token.strip_prefix(prefix).and_then(|sid| store.place(sid));
        let older = after("PA").map(Self::OlderThan);
        older
            .or_else(|| after("PB").map(Self::NewerThan))
            .ok_or_else(|| invalid("PageToken", token))
    }

    /// One page of at most `size` messages that match the filter.
    pub(super) fn page<'a>(self, all: &'a [Message], filter: &Filter, size: usize) -> Found<'a> {
        let matches = |message: &&Message| filter.matches(message);
        let mut messages: Vec<&Message> = match self {
            Self::Newest => all.iter().rev().filter(matches).take(size + 1).collect(),
            Self::OlderThan(order) => all[..order - 1]
                .iter()
                .rev()
                .filter(matches)
                .take(size + 1)
                .collect(),
            Self::NewerThan(order) => all[order..].iter().filter(matches).take(size + 1).collect(),
        };
        let continues = messages.len() > size;
        messages.truncate(size);
        if let Self::NewerThan(_) = self {
            messages.reverse();
        }
        let (has_older, has_newer) = match self {
            Self::Newest => (continues, false),
            Self::OlderThan(_) => (continues, true),
            Self::NewerThan(_) => (true, continues),
        };
        let sid = |message: Option<&&'a Message>, exists: bool| {
            message
                .filter(|_| exists)
                .map(|message| message.sid.as_str())
        };
        Found {
            older: sid(messages.last(), has_older),
            newer: sid(messages.first(), has_newer),
            messages,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::messages::new_message::NewMessage;

    fn form(query: &str) -> Form {
        Form::parse(query.as_bytes())
    }

    fn store(recipients: &[u8]) -> Store {
        let mut store = Store::default();
        for recipient in recipients {
            let new = NewMessage::example(&format!("+1415555010{recipient}"), Some("+15005550006"));
            store.accept(new, Form::default(), chrono::Utc::now());
        }
        store
    }

    fn sids<'a>(messages: impl IntoIterator<Item = &'a &'a Message>) -> Vec<String> {
        messages
            .into_iter()
            .map(|message| message.sid.clone())
            .collect()
    }

    fn page<'a>(store: &'a Store, filter: &Filter, size: usize, token: &str) -> Found<'a> {
        let cursor = Cursor::read(&form(token), store).unwrap();
        cursor.page(store.messages(), filter, size)
    }

    proptest! {
        /// Following the pages shows every message once, newest first; going back shows the same pages.
        #[test]
        fn pages_are_complete_in_both_directions(recipients in prop::collection::vec(0..3_u8, 0..40), size in 1..9_usize) {
            let store = store(&recipients);
            let filter = Filter::read(&form("To=%2B14155550101")).unwrap();
            let mut wanted: Vec<_> = store.messages().iter().filter(|message| filter.matches(message)).collect();
            wanted.reverse();

            let mut pages = vec![page(&store, &filter, size, "")];
            while let Some(sid) = pages.last().and_then(|page| page.older) {
                pages.push(page(&store, &filter, size, &format!("PageToken=PA{sid}")));
            }
            prop_assert_eq!(sids(pages.iter().flat_map(|page| &page.messages)), sids(&wanted));
            for (before, after) in pages.iter().zip(&pages[1..]) {
                let back = page(&store, &filter, size, &format!("PageToken=PB{}", after.newer.unwrap()));
                prop_assert_eq!(sids(&back.messages), sids(&before.messages));
                prop_assert_eq!(back.older, before.older);
            }
        }
    }

    #[test]
    fn a_token_that_names_no_message_is_refused() {
        let store = store(&[0]);
        for token in ["PageToken=PASM0", "PageToken=x"] {
            assert_eq!(Cursor::read(&form(token), &store).unwrap_err().code, 20422);
        }
        assert_eq!(Cursor::read(&form(""), &store), Ok(Cursor::Newest));
    }
}
