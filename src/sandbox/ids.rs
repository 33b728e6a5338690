//! Identifiers and tokens that look real and are plainly fake; the same name always gives the same one.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::base64;

/// A UUID that belongs to `name`.
pub(crate) fn uuid(name: &str) -> Uuid {
    let digest = Sha256::digest(name.as_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// The id that a path segment names.
pub(crate) fn named(segment: &str) -> Option<Uuid> {
    segment.parse().ok()
}

/// An Atlassian API token: prefix `ATATT3x`.
pub(crate) fn api_token(name: &str) -> String {
    format!("ATATT3xFAKE{}{}", hex(name), hex(&format!("{name}/2")))
}

/// A Bitbucket access token: prefix `ATCTT3x`.
pub(crate) fn access_token(name: &str) -> String {
    format!("ATCTT3xFAKE{}{}", hex(name), hex(&format!("{name}/2")))
}

/// An app password: prefix `ATBB`.
pub(crate) fn app_password(name: &str) -> String {
    format!("ATBBFAKE{}", hex(name).chars().take(24).collect::<String>())
}

/// A Snyk token of the newer shape, `snyk_sat.…` or `snyk_uat.…`, whose payload names the region's host.
pub(crate) fn snyk_token(prefix: &str, name: &str, host: &str) -> String {
    let key: String = hex(name).chars().take(8).collect();
    let payload = base64::encode_url(format!(r#"{{"h":"{host}","fake":true}}"#).as_bytes());
    format!("{prefix}.{key}.{payload}.{}", hex(&format!("{name}/signature")))
}

/// 64 hexadecimal digits that belong to `name`.
pub(crate) fn hex(name: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in Sha256::digest(name.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A UUID as Bitbucket writes it: in braces.
pub(crate) fn braced(id: Uuid) -> String {
    format!("{{{id}}}")
}
