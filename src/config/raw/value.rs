//! Single values as a file writes them.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use url::{Host, Url};
use uuid::Uuid;

use crate::config::duration::parse_duration;
use crate::config::suggest;

/// A value that is written as a string and read by a function.
macro_rules! text_value {
    ($($(#[$meta:meta])* $name:ident($inner:ty), $expecting:literal, $read:expr, $schema:tt;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        let read: fn(&str) -> Result<$inner, String> = $read;
                        read(text).map($name).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

text_value! {
    /// A duration such as `90s`.
    HumanDuration(Duration), "a duration such as 90s, 5m, 6h or 14d",
        |text| parse_duration(text).map_err(|error| error.to_string()),
        { "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "examples": ["90s", "5m", "6h", "14d"] };
    /// An age, or `never`.
    RawEscalation(Option<Duration>), "a duration such as 26h, or `never`",
        |text| if text == "never" { Ok(None) } else { parse_duration(text).map(Some).map_err(|error| error.to_string()) },
        { "type": "string", "pattern": "^(never|([0-9]+(ms|s|m|h|d))+)$", "examples": ["26h", "never"] };
    /// An id as Snyk and Atlassian show it.
    RawUuid(Uuid), "a UUID",
        |text| text.parse().map_err(|_| format!("`{text}` is no UUID (eight, four, four, four and twelve hexadecimal digits)")),
        { "type": "string", "format": "uuid" };
    /// An instant with an offset, or a date, which means 00:00 UTC.
    RawInstant(DateTime<Utc>), "an instant such as 2026-11-20T09:00:00Z, or a date", read_instant,
        { "type": "string", "examples": ["2026-11-20T09:00:00Z", "2027-03-01"] };
    /// A time zone of the IANA database.
    RawZone(Tz), "a time zone such as UTC or Europe/Berlin", read_zone,
        { "type": "string", "examples": ["UTC", "Europe/Berlin"] };
    /// The root of an API: https, or http on loopback.
    ApiUrl(Url), "the address of an API, https://…", read_api_url,
        { "type": "string", "format": "uri" };
    /// The address of a proxy.
    ProxyUrl(Url), "the address of a proxy, http://…", read_proxy_url,
        { "type": "string", "format": "uri" };
    /// Where people reach the daemon.
    ExternalUrl(Url), "an address, https://…", read_external_url,
        { "type": "string", "format": "uri" };
    /// A time of the day; 24:00 is the end of the day.
    RawTimeOfDay(NaiveTime), "a time of the day such as 08:00", read_time_of_day,
        { "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", "examples": ["08:00", "24:00"] };
    /// An address and port to listen on.
    Listen(SocketAddr), "an address and port such as 127.0.0.1:9979",
        |text| text.parse().map_err(|_| format!("`{text}` is no address and port; write for example 127.0.0.1:9979")),
        { "type": "string", "examples": ["127.0.0.1:9979", "[::1]:9979"] };
}

fn read_instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    if text.parse::<NaiveDateTime>().is_ok() {
        return Err(format!("`{text}` lacks its offset from UTC; write `{text}Z` for UTC"));
    }
    Err(format!("`{text}` is no instant; write for example 2026-11-20T09:00:00Z or 2027-03-01"))
}

fn read_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        let nearest = suggest::nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        let hint = nearest
            .map_or_else(|| "write for example Europe/Berlin".to_owned(), |zone| format!("did you mean `{zone}`?"));
        format!("`{text}` is no time zone; {hint}")
    })
}

fn read_api_url(text: &str) -> Result<Url, String> {
    let url = read_url(text)?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => {
            Err(format!("`{text}` would send a token in the clear; write https://, http:// is for loopback only"))
        }
        _ => Err(format!("`{text}` is no API address; write https://…")),
    }
}

fn read_proxy_url(text: &str) -> Result<Url, String> {
    let url = read_url(text)?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(format!("`{text}` is no proxy address; write http://…"))
    }
}

fn read_external_url(text: &str) -> Result<Url, String> {
    let url = read_url(text)?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(format!("`{text}` is no address of a web server; write https://…"))
    }
}

fn read_time_of_day(text: &str) -> Result<NaiveTime, String> {
    let malformed = || format!("`{}` is no time of the day; write for example 08:00 or 17:30", text.escape_debug());
    if text == "24:00" {
        return Ok(NaiveTime::MIN);
    }
    if text.len() != "08:00".len() {
        return Err(malformed());
    }
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| malformed())
}

fn read_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("`{text}` is no address: {error}"))?;
    if url.password().is_some() || !url.username().is_empty() {
        return Err("an address must not carry a user or a password".to_owned());
    }
    if url.host().is_none() {
        return Err(format!("`{text}` is no address: it names no host"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` must end with its path: `?` and `#` do not belong here"));
    }
    Ok(url)
}

/// Whether an address leads to this machine: a loopback address, or `localhost`, which resolvers keep at home.
fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| is_loopback_host(&host))
}

/// Likewise for a host alone.
pub(crate) fn is_loopback_host<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(domain) => domain.as_ref() == "localhost" || domain.as_ref().ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

pub(crate) use text_value;

/// A share between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(de::Error::custom(format!("a share lies between 0 and 1, not at {share}")))
        }
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// How bad an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RawSeverity {
    /// Worth knowing.
    Info,
    /// To be looked at in working hours.
    Warning,
    /// To be looked at now.
    Critical,
}
