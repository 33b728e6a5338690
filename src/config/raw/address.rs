//! Addresses of receivers as a file writes them. Who knows such an address may post to it, so no message repeats one.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use url::Url;

use super::account::RawSecret;
use super::value::text_value;

text_value! {
    /// The root of a receiver's API.
    ReceiverUrl(Url), "an address, https://…", read_receiver_url,
        { "type": "string", "format": "uri" };
}

/// An address: as it is, or where it is found as a secret.
#[derive(Debug, Clone)]
pub(crate) enum RawAddress {
    /// As it is.
    Plain(Url),
    /// To be read as a secret.
    Secret(RawSecret),
}

/// Reads an address of a receiver; the message says nothing of what it is.
pub(crate) fn read_receiver_url(text: &str) -> Result<Url, String> {
    let url = read_secret_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("this address has a `?` or `#`, where secrets often stand; name it by `{ file: NAME }` or \
                    `{ env: NAME }`"
            .to_owned());
    }
    Ok(url)
}

/// Reads an address that was kept as a secret; likewise.
pub(crate) fn read_secret_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("this is no address: {error}"))?;
    if url.password().is_some() || !url.username().is_empty() {
        return Err("an address must not carry a user or a password".to_owned());
    }
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("this is no address of a receiver; write https://…".to_owned());
    }
    Ok(url)
}

impl<'de> Deserialize<'de> for RawAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PlainOrSecret;

        impl<'de> Visitor<'de> for PlainOrSecret {
            type Value = RawAddress;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an address, https://…, or where it is found as a secret")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawAddress, E> {
                read_receiver_url(text).map(RawAddress::Plain).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawAddress, A::Error> {
                const FORMS: &str = "exactly one of `file` and `env` belongs here";
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    let secret = match key.as_str() {
                        "file" => RawSecret::File(map.next_value()?),
                        "env" => RawSecret::Env(map.next_value()?),
                        _ => return Err(de::Error::custom(FORMS)),
                    };
                    if found.replace(secret).is_some() {
                        return Err(de::Error::custom(FORMS));
                    }
                }
                found.map(RawAddress::Secret).ok_or_else(|| de::Error::custom(FORMS))
            }
        }

        deserializer.deserialize_any(PlainOrSecret)
    }
}

impl JsonSchema for RawAddress {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<RawSecret>();
        json_schema!({ "oneOf": [{ "type": "string", "format": "uri" }, secret] })
    }
}
