//! Results that wait to be written: in batches, none dropped but those that Postgres refuses for what they are.

use std::collections::VecDeque;

/// Results in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    waiting: VecDeque<Batch<T>>,
}

#[derive(Debug)]
struct Batch<T> {
    items: Vec<T>,
    /// It was tried before: that try may have been carried out, its answer being lost.
    repeated: bool,
    /// It is in the journal.
    kept: bool,
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
        }
    }
}

impl<T> Backlog<T> {
    /// More results.
    pub(crate) fn push(&mut self, items: Vec<T>) {
        if !items.is_empty() {
            self.waiting.push_back(Batch {
                items,
                repeated: false,
                kept: false,
            });
        }
    }

    /// What is to be written next, and whether it was tried before. `None`: nothing waits.
    pub(crate) fn head(&self) -> Option<(&[T], bool)> {
        let batch = self.waiting.front()?;
        Some((&batch.items, batch.repeated))
    }

    /// The head is written.
    pub(crate) fn written(&mut self) {
        self.waiting.pop_front();
    }

    /// Postgres refuses the content of the head: it is halved, so that the others are written. Returns the one that is
    /// refused by itself, which is given up.
    pub(crate) fn refused(&mut self) -> Option<T> {
        let mut first = self.waiting.pop_front()?;
        if first.items.len() == 1 {
            return first.items.pop();
        }
        let items = first.items.split_off(first.items.len() / 2);
        self.waiting.push_front(Batch {
            items,
            repeated: first.repeated,
            kept: first.kept,
        });
        self.waiting.push_front(first);
        None
    }

    /// The head could not be written and stays. Returns all that wait and are not in the journal yet; they are from now
    /// on.
    pub(crate) fn stalled(&mut self) -> Vec<&T> {
        if let Some(head) = self.waiting.front_mut() {
            head.repeated = true;
        }
        let mut keep = Vec::new();
        for batch in &mut self.waiting {
            if !batch.kept {
                batch.kept = true;
                keep.extend(&batch.items);
            }
        }
        keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_result_is_found_and_the_others_are_written() {
        let mut backlog = Backlog::default();
        backlog.push((0..7).collect());
        backlog.push(vec![7]);
        let (mut written, mut given_up) = (Vec::new(), Vec::new());
        while let Some((head, _)) = backlog.head() {
            if head.contains(&5) {
                given_up.extend(backlog.refused());
            } else {
                written.extend_from_slice(head);
                backlog.written();
            }
        }
        assert_eq!(written, [0, 1, 2, 3, 4, 6, 7]);
        assert_eq!(given_up, [5]);
    }

    #[test]
    fn what_waits_goes_to_the_journal_once() {
        let mut backlog = Backlog::default();
        backlog.push(vec![1, 2]);
        assert_eq!(backlog.head(), Some((&[1, 2][..], false)));
        assert_eq!(backlog.stalled(), [&1, &2]);
        assert_eq!(backlog.head(), Some((&[1, 2][..], true)));
        backlog.push(vec![3]);
        backlog.push(Vec::new());
        assert_eq!(backlog.stalled(), [&3]);
        assert!(backlog.stalled().is_empty());
        backlog.written();
        assert_eq!(backlog.head(), Some((&[3][..], false)));
        backlog.written();
        assert_eq!(backlog.head(), None);
    }
}
