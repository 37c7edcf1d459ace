//! The words of `herald_core` as arrays for the statements, so that their order has one home.

use herald_core::priority::Priority;
use herald_core::status::{DeliveryStatus, MessageStatus};

/// Words beside their ranks or meanings.
type Words<T> = (Vec<&'static str>, Vec<T>);

/// Message statuses and their ranks.
pub fn message_ranks() -> Words<i16> {
    MessageStatus::ALL
        .iter()
        .map(|status| (status.as_str(), status.rank()))
        .unzip()
}

/// Twilio's words and the message status each stands for.
pub fn twilio_words() -> Words<&'static str> {
    MessageStatus::TWILIO
        .iter()
        .map(|&(word, status)| (word, status.as_str()))
        .unzip()
}

/// Delivery statuses and their ranks.
pub fn delivery_ranks() -> Words<i16> {
    DeliveryStatus::ALL
        .iter()
        .map(|status| (status.as_str(), status.rank()))
        .unzip()
}

/// Message statuses and the delivery status each stands for.
pub fn delivery_goals() -> Words<&'static str> {
    MessageStatus::ALL
        .iter()
        .map(|status| (status.as_str(), status.delivery().as_str()))
        .unzip()
}

/// Priorities and their places in the queue.
pub fn priority_ranks() -> Words<i16> {
    Priority::ALL
        .iter()
        .map(|priority| (priority.as_str(), priority.queue_rank()))
        .unzip()
}

/// Places in the queue, most urgent first.
pub fn queue_ranks() -> Vec<i16> {
    priority_ranks().1
}
