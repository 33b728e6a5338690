//! Deserialisers that take what vendors really send: a number for a string, a broken date for none, null for nothing.
//!
//! A field that cannot be read becomes its default instead of spoiling a whole page; only what identifies an item is
//! required, and that is said by the types that use these.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A time, see [`parse_time`]; anything else is `None`.
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

/// Whatever is there, an explicit `null` included; only a key that is not there is `None`.
pub fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What a JSON value is, for people.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Anything with a shape of its own that is no list: what does not fit that shape is its default. A list would be taken for
/// an object whose fields have no names.
pub fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?.filter(|value| !value.is_array());
    Ok(value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default())
}

/// A list of which the items that do not fit are left out; anything but a list is empty.
pub fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::Array(items)) => items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        _ => Vec::new(),
    })
}

/// A time that must be there, read as generously as [`time`].
pub fn required_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    time(deserializer)?.ok_or_else(|| serde::de::Error::custom("not a time"))
}

/// A string that must be there, or a number in its place.
pub fn required_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(deserializer)?.ok_or_else(|| serde::de::Error::custom("not a text"))
}

/// Nothing that these APIs tell of happened before this year. Such an instant is a program's zero time (`0001-01-01`,
/// `1970-01-01`), by which it means none.
const FIRST_YEAR: i32 = 2000;

/// Nor will anything happen after this one, the last that every reader of a time understands. What lies further ahead may
/// have no sum with a span.
const LAST_YEAR: i32 = 9999;

/// Reads a time with offset (with or without a colon), one without (UTC), or a bare date as 00:00 UTC; `None` for what is
/// no instant, a zero time included.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    instant_in(text.trim()).filter(|time| time.year() >= FIRST_YEAR && is_within_reach(time))
}

/// Whether every reader of a time understands it.
pub fn is_within_reach(time: &DateTime<Utc>) -> bool {
    time.year() <= LAST_YEAR
}

fn instant_in(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(time.to_utc());
    }
    let without_offset = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    if let Some(time) = without_offset.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()) {
        return Some(time.and_utc());
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

    #[test]
    fn a_time_is_read_in_whatever_way_it_is_written() {
        let expected = parse_time("2026-11-23T09:30:00Z");
        assert!(expected.is_some());
        for same in [
            "2026-11-23T09:30:00.000000Z",
            "2026-11-23T09:30:00+00:00",
            "2026-11-23T11:30:00.000+0200",
            "2026-11-23t09:30:00z",
            "2026-11-23 09:30:00+00:00",
            "2026-11-23T09:30:00",
            "2026-11-23T09:30:00.000",
            "2026-11-23 09:30:00",
            "2026-11-23T09:30",
            " 2026-11-23T09:30:00Z ",
        ] {
            assert_eq!(parse_time(same), expected, "{same}");
        }
        for nothing in ["", "soon", "2026-13-40", "1790000000", "09:30"] {
            assert_eq!(parse_time(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_of_others_is_none() {
        for beyond in ["+10000-01-01", "+262142-12-31T23:59:59", "+262142-12-31", "9999-12-31T23:59:59-00:01"] {
            assert_eq!(parse_time(beyond), None, "{beyond}");
        }
        // By which some mean: never.
        for last in ["9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999+01:00"] {
            assert!(parse_time(last).is_some(), "{last}");
        }
    }

    #[test]
    fn a_zero_time_is_none() {
        for zero in [
            "0001-01-01T00:00:00Z",
            "0001-01-01",
            "1970-01-01T00:00:00.000Z",
            "1999-12-31T23:59:59Z",
            "2000-01-01T00:30:00+01:00",
        ] {
            assert_eq!(parse_time(zero), None, "{zero}");
        }
        for instant in ["2000-01-01T00:00:00Z", "1999-12-31T23:30:00-01:00", "2008-03-01"] {
            assert!(parse_time(instant).is_some(), "{instant}");
        }
        let probe: Probe = serde_json::from_str(r#"{"at":"0001-01-01T00:00:00Z","name":"web"}"#).unwrap();
        assert_eq!((probe.at, probe.name.as_deref()), (None, Some("web")));
    }
}
