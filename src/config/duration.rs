//! Durations as people write them: `90s`, `5m`, `6h`, `14d`, or several such parts (`1h30m`).

use std::time::Duration;

/// Seconds of a minute.
pub const MINUTE: u64 = 60;
/// Seconds of an hour.
pub const HOUR: u64 = 60 * MINUTE;
/// Seconds of a day of 24 hours.
pub const DAY: u64 = 24 * HOUR;

/// A longer duration is a slip of the finger: ten years, in seconds.
const LONGEST: u64 = 3650 * DAY;

/// Units, largest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", DAY * 1000), ("h", HOUR * 1000), ("m", MINUTE * 1000), ("s", 1000), ("ms", 1)];

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A number without a unit.
    #[error("a duration needs a unit: `{0}s`, `{0}m`, `{0}h` or `{0}d`?")]
    NoUnit(String),
    /// A unit that is none.
    #[error("`{0}` is no unit of time; write ms, s, m, h or d")]
    UnknownUnit(String),
    /// Anything else.
    #[error("`{0}` is no duration; write for example 90s, 5m, 6h or 14d")]
    Malformed(String),
    /// Over ten years.
    #[error("`{0}` is longer than ten years")]
    TooLong(String),
}

/// Reads a duration.
///
/// # Errors
/// Says what is wrong and how to write it.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(malformed)?;
        if number.is_empty() {
            return Err(malformed());
        }
        if tail.is_empty() {
            return Err(if number == text { DurationError::NoUnit(text.to_owned()) } else { malformed() });
        }
        let letters = tail.find(|character: char| !character.is_alphabetic()).unwrap_or(tail.len());
        let (unit, after) = tail.split_at_checked(letters).ok_or_else(malformed)?;
        if unit.is_empty() {
            return Err(malformed());
        }
        let length = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, length)| *length);
        let length = length.ok_or_else(|| DurationError::UnknownUnit(unit.to_owned()))?;
        let too_long = || DurationError::TooLong(text.to_owned());
        let number: u64 = number.parse().map_err(|_| too_long())?;
        total = number.checked_mul(length).and_then(|part| total.checked_add(part)).ok_or_else(too_long)?;
        rest = after;
    }
    if text.is_empty() {
        return Err(malformed());
    }
    if total > LONGEST * 1000 {
        return Err(DurationError::TooLong(text.to_owned()));
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration so that [`parse_duration`] reads the same: `1h30m`, `14d`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, length) in UNITS {
        let count = rest / length;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}
