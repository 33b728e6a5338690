//! How calls are authorised: a fixed header, or an OAuth access token that is fetched and renewed; or not at all, where
//! there is no secret to be sent.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::{Call, Connection};
use crate::client::answer::{Answer, Failure, FailureClass};

/// An access token is renewed this long before it expires, so that none expires on its way.
const RENEW_BEFORE: TimeDelta = TimeDelta::seconds(120);
/// How long we believe a token that states no lifetime.
const DEFAULT_LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// Access tokens live for an hour or two. One that is said to live for longer is renewed after a day all the same: what
/// is stated may lie beyond every calendar.
const LONGEST_LIFETIME: TimeDelta = TimeDelta::days(1);

/// The value of one `Authorization` header, and the secrets in it.
#[derive(Clone)]
pub(crate) struct Authorization {
    header: Option<HeaderValue>,
    secrets: Vec<SecretString>,
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Authorization([hidden])")
    }
}

impl Authorization {
    /// `Authorization: <scheme> <secret>`. A secret that no header can carry (a line break in a file) sends none, and
    /// is answered with 401.
    pub(crate) fn with_scheme(scheme: &str, secret: &SecretString) -> Self {
        let value = SecretString::from(format!("{scheme} {}", secret.expose_secret()));
        Self { header: sensitive(&value), secrets: vec![secret.clone()] }
    }

    /// `Authorization: Basic <base64 of user:password>`.
    pub(crate) fn basic(user: &str, password: &SecretString) -> Self {
        let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
        let value = SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose_secret())));
        Self { header: sensitive(&value), secrets: vec![password.clone()] }
    }

    /// No header.
    pub(crate) fn none() -> Self {
        Self { header: None, secrets: Vec::new() }
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.header.clone()
    }

    pub(super) fn secrets(&self) -> &[SecretString] {
        &self.secrets
    }
}

fn sensitive(value: &SecretString) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(value.expose_secret()).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// How a client authorises its calls.
#[derive(Debug, Clone)]
pub(crate) enum Authentication {
    /// The same header each time.
    Fixed(Authorization),
    /// An access token for the client credentials grant.
    Grant(Arc<ClientGrant>),
    /// No secret, and why: no call is made.
    Refused(RefusedSecret),
}

/// Why there is no secret to ask with. The reason never holds a part of the secret that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSecret(pub String);

impl Authentication {
    /// Makes a call with a valid authorisation.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        connection: &Connection,
        call: Call,
    ) -> Result<Answer<T>, Failure> {
        let authorization = self.authorization().await?;
        let result = connection.call(call, &authorization).await;
        self.learn(&result).await;
        result
    }

    async fn authorization(&self) -> Result<Authorization, Failure> {
        match self {
            Self::Fixed(authorization) => Ok(authorization.clone()),
            Self::Grant(grant) => grant.authorization().await,
            Self::Refused(RefusedSecret(why)) => Err(Failure::without_answer(FailureClass::SecretRefused, why)),
        }
    }

    /// A refused access token is not used again: it may have been revoked before its time.
    async fn learn<T>(&self, result: &Result<Answer<T>, Failure>) {
        if let (Self::Grant(grant), Err(Failure { class: FailureClass::Unauthorized, .. })) = (self, result) {
            *grant.current.lock().await = None;
        }
    }
}

/// Fetches access tokens and keeps the current one until shortly before it expires.
#[derive(Debug)]
pub(crate) struct ClientGrant {
    connection: Connection,
    request: Call,
    authorization: Authorization,
    current: Mutex<Option<AccessToken>>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the body: it may carry a client secret.
        formatter.debug_struct("Call").field("verb", &self.verb).field("path", &self.url.path()).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct AccessToken {
    authorization: Authorization,
    renew_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(deserialize_with = "secret")]
    access_token: SecretString,
    #[serde(default, deserialize_with = "crate::client::answer::lenient::count")]
    expires_in: Option<u64>,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

impl ClientGrant {
    /// `request` is the token request, sent with `authorization`.
    pub(crate) fn new(connection: Connection, request: Call, authorization: Authorization) -> Self {
        Self { connection, request, authorization, current: Mutex::new(None) }
    }

    async fn authorization(&self) -> Result<Authorization, Failure> {
        // Held while fetching, so that callers at the same time cause one token request.
        let mut current = self.current.lock().await;
        let now = self.connection.context.clock.now();
        if let Some(token) = current.as_ref().filter(|token| now < token.renew_at) {
            return Ok(token.authorization.clone());
        }
        let answer: Answer<TokenAnswer> =
            self.connection.call_for_secret(self.request.clone(), &self.authorization).await.map_err(token_failure)?;
        let authorization = Authorization::with_scheme("Bearer", &answer.value.access_token);
        *current = Some(AccessToken {
            authorization: authorization.clone(),
            renew_at: now + use_for(answer.value.expires_in),
        });
        Ok(authorization)
    }
}

/// For how long an access token is used that states this lifetime in seconds.
fn use_for(expires_in: Option<u64>) -> TimeDelta {
    let stated = |seconds| {
        i64::try_from(seconds)
            .map_or(LONGEST_LIFETIME, |seconds| TimeDelta::try_seconds(seconds).unwrap_or(LONGEST_LIFETIME))
    };
    let lifetime = expires_in.map_or(DEFAULT_LIFETIME, stated).min(LONGEST_LIFETIME);
    // A token that lives shorter than our margin is still good for half its life.
    (lifetime - RENEW_BEFORE).max(lifetime / 2)
}

/// OAuth says with 400 what everybody else says with 401: the client's own credentials are not accepted.
fn token_failure(mut failure: Failure) -> Failure {
    let says = |word: &str| failure.detail.contains(word);
    if failure.class == FailureClass::BadRequest
        && (says("invalid_client") || says("unauthorized_client") || says("invalid_grant"))
    {
        failure.class = FailureClass::Unauthorized;
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_are_sent_as_rfc_7617_has_it() {
        let authorization = Authorization::basic("Aladdin", &"open sesame".into());
        assert_eq!(authorization.header().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn a_stated_lifetime_is_used_up_to_its_margin_and_for_a_day_at_most() {
        let check = |expires_in: Option<u64>, seconds: i64| {
            assert_eq!(use_for(expires_in), TimeDelta::seconds(seconds), "{expires_in:?}");
        };
        check(None, 1_680);
        check(Some(3_599), 3_479);
        check(Some(7_200), 7_080);
        check(Some(100), 50);
        check(Some(0), 0);
        // Beyond the calendar, beyond a span, beyond a signed number.
        for far in [31_536_000, 9_000_000_000_000_000, 9_223_372_036_854_775_807, u64::MAX] {
            check(Some(far), 86_280);
        }
    }

    #[test]
    fn a_secret_that_no_header_can_carry_is_not_sent() {
        assert!(Authorization::with_scheme("token", &"two\nlines".into()).header().is_none());
        assert!(Authorization::with_scheme("token", &"one-line".into()).header().is_some());
    }
}
