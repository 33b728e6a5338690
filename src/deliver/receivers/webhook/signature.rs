//! The headers of Standard Webhooks: `webhook-id`, `webhook-timestamp`, and `webhook-signature` with one `v1` signature
//! (HMAC-SHA-256 over `id.timestamp.body`, the bytes as they are sent) for each key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::Sha256;

use super::super::ReceiverBuildError;
use crate::config::secrets::SecretSource;
use crate::domain::notification::NotificationId;

/// What a symmetric key begins with; the rest is base64.
const PREFIX: &str = "whsec_";

/// How long a key may be, in bytes: the standard's own bounds.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A key of the signature.
pub(super) struct SigningKey(SecretSlice<u8>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads a key, in the standard's own form.
    pub(super) fn read(source: &SecretSource) -> Result<Self, ReceiverBuildError> {
        let text = source.read()?;
        Self::parse(&text).map_err(|reason| ReceiverBuildError::Key {
            place: source.clone(),
            what: "a signing key",
            reason,
        })
    }

    fn parse(text: &SecretString) -> Result<Self, &'static str> {
        let encoded = text.expose_secret().trim().strip_prefix(PREFIX).ok_or("it does not begin with `whsec_`")?;
        let key = STANDARD.decode(encoded).map_err(|_| "what follows `whsec_` is not base64")?;
        if !KEY_LENGTHS.contains(&key.len()) {
            return Err("it is not 24 to 64 bytes long");
        }
        Ok(Self(key.into()))
    }

    fn sign(&self, id: &NotificationId, timestamp: i64, body: &[u8]) -> String {
        // A key of any length is fit for HMAC; this constructor pads or hashes it and cannot fail.
        let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else { return String::new() };
        hash.update(format!("{id}.{timestamp}.").as_bytes());
        hash.update(body);
        format!("v1,{}", STANDARD.encode(hash.finalize().into_bytes()))
    }
}

/// The headers of one attempt. Without keys there is no signature; id and timestamp are sent all the same.
pub(super) fn headers(
    id: &NotificationId,
    attempted_at: DateTime<Utc>,
    body: &[u8],
    keys: &[SigningKey],
) -> Vec<(&'static str, SecretString)> {
    let timestamp = attempted_at.timestamp();
    let mut headers = vec![
        ("webhook-id", SecretString::from(id.to_string())),
        ("webhook-timestamp", SecretString::from(timestamp.to_string())),
    ];
    if !keys.is_empty() {
        let signatures: Vec<String> = keys.iter().map(|key| key.sign(id, timestamp, body)).collect();
        headers.push(("webhook-signature", SecretString::from(signatures.join(" "))));
    }
    headers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook as Reference;

    use super::*;

    fn secret(bytes: &[u8]) -> String {
        format!("{PREFIX}{}", STANDARD.encode(bytes))
    }

    fn parsed(text: &str) -> Result<SigningKey, &'static str> {
        SigningKey::parse(&SecretString::from(text))
    }

    #[test]
    fn the_vector_of_the_standard_is_ours() {
        // https://github.com/standard-webhooks/standard-webhooks: the example of its libraries.
        let key = parsed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = NotificationId("msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned());
        assert_eq!(
            key.sign(&id, 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn only_keys_of_the_standard_are_taken() {
        let table: [(String, Option<&str>); 8] = [
            (secret(&[7; 24]), None),
            (secret(&[7; 64]), None),
            (format!("  {} ", secret(&[7; 32])), None),
            (secret(&[7; 23]), Some("it is not 24 to 64 bytes long")),
            (secret(&[7; 65]), Some("it is not 24 to 64 bytes long")),
            (STANDARD.encode([7; 32]), Some("it does not begin with `whsec_`")),
            ("whsec_not base64!".to_owned(), Some("what follows `whsec_` is not base64")),
            (PREFIX.to_owned(), Some("it is not 24 to 64 bytes long")),
        ];
        for (text, expected) in table {
            assert_eq!(parsed(&text).err(), expected, "{text}");
        }
    }

    #[test]
    fn no_key_is_shown() {
        let key = parsed(&secret(b"0123456789abcdef01234567")).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey");
    }

    #[test]
    fn every_key_signs_and_no_key_means_no_signature() {
        let id = NotificationId("00ff".to_owned());
        let at = "2026-11-23T03:05:00.900Z".parse().unwrap();
        let names = |keys: &[SigningKey]| -> Vec<_> {
            headers(&id, at, b"{}", keys)
                .into_iter()
                .map(|(name, value)| (name, value.expose_secret().to_owned()))
                .collect()
        };
        assert_eq!(names(&[]), [("webhook-id", "00ff".to_owned()), ("webhook-timestamp", "1795403100".to_owned())]);
        let keys = [parsed(&secret(&[1; 24])).unwrap(), parsed(&secret(&[2; 24])).unwrap()];
        let both = names(&keys).pop().unwrap().1;
        assert_eq!(both.split(' ').filter(|part| part.starts_with("v1,")).count(), 2);
    }

    proptest! {
        #[test]
        fn the_reference_signs_the_same(
            key in prop::collection::vec(any::<u8>(), 24..=64),
            id in "[0-9a-f]{32}",
            timestamp in 0_i64..4_000_000_000,
            body in ".{0,200}",
        ) {
            let text = secret(&key);
            let ours = parsed(&text).unwrap().sign(&NotificationId(id.clone()), timestamp, body.as_bytes());
            let theirs = Reference::new(&text).unwrap().sign(&id, timestamp, body.as_bytes()).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }
}
