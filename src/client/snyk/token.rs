//! What a Snyk token tells by its shape: its kind and the host of its region. Nothing here is verified by anybody, so it
//! serves to explain a 401, never to prove anything.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// What the shape of a token tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenShape {
    /// The kind.
    pub kind: TokenKind,
    /// The host of its region, when the token names one.
    pub host: Option<String>,
}

/// Kinds of Snyk tokens, as their shape tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `snyk_uat.…`: a personal access token; expires.
    PersonalAccessToken,
    /// `snyk_sat.…`: an access token of a service account; expires.
    ServiceAccountToken,
    /// A UUID: a legacy personal token or the API key of a service account; has no expiry.
    LegacyKey,
    /// Anything else.
    Unknown,
}

#[derive(Deserialize)]
struct Claims {
    h: Option<String>,
}

/// Reads the shape of a token.
pub fn token_shape(token: &SecretString) -> TokenShape {
    let text = token.expose_secret().trim();
    let (kind, rest) = if let Some(rest) = text.strip_prefix("snyk_uat.") {
        (TokenKind::PersonalAccessToken, rest)
    } else if let Some(rest) = text.strip_prefix("snyk_sat.") {
        (TokenKind::ServiceAccountToken, rest)
    } else if uuid::Uuid::try_parse(text).is_ok() {
        return TokenShape { kind: TokenKind::LegacyKey, host: None };
    } else {
        return TokenShape { kind: TokenKind::Unknown, host: None };
    };
    // snyk_uat.<8 characters>.<claims>.<signature>
    let claims = rest.split('.').nth(1).and_then(base64url);
    let claims = claims.and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
    TokenShape { kind, host: claims.and_then(|claims| claims.h).and_then(|host| clean_host(&host)) }
}

/// The host of the region that a token names.
pub fn token_host(token: &SecretString) -> Option<String> {
    token_shape(token).host
}

/// The claim is a host, in some tokens a URL.
fn clean_host(claim: &str) -> Option<String> {
    let host = claim.split_once("://").map_or(claim, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '.' || character == '-';
    (!host.is_empty() && host.len() <= 253 && host.chars().all(is_name)).then_some(host)
}

/// Decodes base64url, padded or not.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff).to_le_bytes()[0]);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_names_kind_and_host() {
        let check = |token: &str, kind, host: Option<&str>| {
            assert_eq!(token_shape(&token.into()), TokenShape { kind, host: host.map(str::to_owned) }, "{token}");
        };
        // {"h":"api.eu.snyk.io","x":1}
        let claims = "eyJoIjoiYXBpLmV1LnNueWsuaW8iLCJ4IjoxfQ";
        check(&format!("snyk_uat.1a2b3c4d.{claims}.sig"), TokenKind::PersonalAccessToken, Some("api.eu.snyk.io"));
        check(&format!("snyk_sat.1a2b3c4d.{claims}==.sig\n"), TokenKind::ServiceAccountToken, Some("api.eu.snyk.io"));
        check("snyk_uat.1a2b3c4d.e30.sig", TokenKind::PersonalAccessToken, None);
        check("snyk_uat.1a2b3c4d.!!.sig", TokenKind::PersonalAccessToken, None);
        check("snyk_uat", TokenKind::Unknown, None);
        check("8f1b9d3e-0000-4000-8000-000000000001", TokenKind::LegacyKey, None);
        check("", TokenKind::Unknown, None);
        assert_eq!(clean_host("https://API.snyk.io/rest"), Some("api.snyk.io".to_owned()));
        assert_eq!(clean_host("evil host\u{7}"), None);
    }
}
