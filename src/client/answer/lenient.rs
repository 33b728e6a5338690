//! Deserialisers that take what vendors really send: a number for a string, a broken date for none, null for nothing.
//!
//! A field that cannot be read becomes its default instead of spoiling a whole page; only what identifies an item is
//! required, and that is said by the types that use these.

use chrono::{DateTime, NaiveDate, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A time with offset, or a bare date (00:00 UTC); anything else is `None`.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(Value::as_str).and_then(parse_time))
}

/// A string; numbers and booleans are written out, anything else is `None`.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::String(text)) => Some(text),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Bool(flag)) => Some(flag.to_string()),
        _ => None,
    })
}

/// A boolean, also as the strings `true` and `false`; anything else is `None`.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::Bool(flag)) => Some(flag),
        Some(Value::String(text)) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    })
}

/// A count, also as a string; anything else is `None`.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    })
}

/// Anything with a shape of its own: what does not fit that shape is its default.
pub fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default())
}

/// A list of which the items that do not fit are left out; anything but a list is empty.
pub fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::Array(items)) => items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        _ => Vec::new(),
    })
}

/// Reads a time with offset, or a bare date as 00:00 UTC.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let date = text.parse::<NaiveDate>().ok()?;
    Some(date.and_time(chrono::NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Probe {
        #[serde(deserialize_with = "time")]
        at: Option<DateTime<Utc>>,
        #[serde(deserialize_with = "text")]
        name: Option<String>,
        #[serde(deserialize_with = "flag")]
        archived: Option<bool>,
        #[serde(deserialize_with = "count")]
        size: Option<u64>,
        #[serde(deserialize_with = "list")]
        sources: Vec<String>,
    }

    #[test]
    fn odd_values_become_nothing_and_never_an_error() {
        let check = |json: &str, expected: Probe| assert_eq!(serde_json::from_str::<Probe>(json).unwrap(), expected);
        check("{}", Probe::default());
        check(
            r#"{"at":null,"name":null,"archived":null,"size":null,"sources":null,"unknown":{"deep":[1]}}"#,
            Probe::default(),
        );
        check(r#"{"at":"soon","name":{"a":1},"archived":"perhaps","size":-3,"sources":"bitbucket"}"#, Probe::default());
        check(
            r#"{"at":"2026-11-23","name":7,"archived":"TRUE","size":" 12 ","sources":["a",1,"b"]}"#,
            Probe {
                at: parse_time("2026-11-23T00:00:00Z"),
                name: Some("7".to_owned()),
                archived: Some(true),
                size: Some(12),
                sources: vec!["a".to_owned(), "b".to_owned()],
            },
        );
        assert_eq!(parse_time("2026-11-23T02:00:00+02:00"), parse_time("2026-11-23"));
    }
}
