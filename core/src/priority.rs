//! Priority of a message and its place in the queue.

use crate::words::words;

words! {
    /// How soon a message is taken from the queue when several are due.
    Priority ("priority") {
        /// Alarms and codes; may pass quiet hours when the reader allows it.
        Urgent = "urgent",
        /// Before normal traffic.
        High = "high",
        /// The default.
        Normal = "normal",
        /// After everything else.
        Low = "low",
    }
}

impl Priority {
    /// Number the queue is ordered by; the smaller one goes first.
    pub const fn queue_rank(self) -> i16 {
        match self {
            Self::Urgent => 1,
            Self::High => 5,
            Self::Normal => 10,
            Self::Low => 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_urgent_goes_first() {
        assert!(Priority::ALL.is_sorted_by(|a, b| a.queue_rank() < b.queue_rank()));
        let ranks: Vec<i16> = Priority::ALL
            .iter()
            .map(|priority| priority.queue_rank())
            .collect();
        assert_eq!(ranks, [1, 5, 10, 20]);
    }
}
