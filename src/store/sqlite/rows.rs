//! Values between their columns and their types.

use chrono::{DateTime, Utc};

/// A stored value that is none of its type's.
#[derive(Debug, thiserror::Error)]
#[error("a stored row has {value}, which is no {what}")]
pub(super) struct UnreadableValue {
    what: &'static str,
    value: String,
}

/// An instant as it is stored.
pub(super) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// A stored instant.
pub(super) fn instant(millis: i64) -> Result<DateTime<Utc>, UnreadableValue> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| unreadable("instant", millis))
}

/// A stored count.
pub(super) fn count<T: TryFrom<i64>>(number: i64) -> Result<T, UnreadableValue> {
    T::try_from(number).map_err(|_| unreadable("count", number))
}

/// A word of a closed list.
pub(super) fn word<T: Copy>(
    all: &[T],
    text_of: impl Fn(T) -> &'static str,
    what: &'static str,
    text: &str,
) -> Result<T, UnreadableValue> {
    all.iter().copied().find(|word| text_of(*word) == text).ok_or_else(|| unreadable(what, text))
}

/// A limit for SQL: whatever does not fit is no limit.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn unreadable(what: &'static str, value: impl ToString) -> UnreadableValue {
    UnreadableValue { what, value: value.to_string() }
}
