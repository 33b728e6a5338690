//! What a 403 says beside *no*: that our address is refused, or that an accepted credential is shut out until somebody
//! acts. Told by the vendors' own sentences (`docs/apis`, under 403); a sentence that is not known is a plain refusal.
//!
//! The sentences are compared as words, without punctuation and case. Each says that something *keeps* us out: a right
//! to change an allow-list or a login policy that somebody lacks is a missing right.

use reqwest::header::HeaderMap;

use super::ShutOut;

/// What a 403 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The address that we ask from.
    OfOurAddress,
    /// Something that shuts the credential out.
    By(ShutOut),
}

/// `allowlist`, `whitelisted`, `allow-listed` and their kin are all written `allow list` here.
const ADDRESS: &[&str] = &[
    "allow list your ip",
    "ip allow list enabled",
    "your ip is not",
    "your ip isn t",
    "your ip address is not",
    "your ip address isn t",
    "your ip has not been",
    "your ip address has not been",
    "ip address is not permitted",
    "ip address is not allowed",
    "ip address not allowed",
    "ip address not permitted",
    "ip not allowed",
    "ip is not allowed",
    "not allowed from your ip",
    "not permitted from your ip",
    "from this ip address",
    "blocked by ip",
    "blocked by the ip",
    "denied by ip",
    "denied by the ip",
    "due to ip restrictions",
    "outside the allowed ip",
    "outside of the allowed ip",
];

const SINGLE_SIGN_ON: &[&str] = &[
    "protected by organization saml enforcement",
    "organization has enabled or enforced saml",
    "authorized for saml",
    "authorize it for saml",
    "requires saml",
    "saml single sign on is required",
    "single sign on is required",
    "requires single sign on",
    "must use single sign on",
    "sign in with single sign on",
    "log in with single sign on",
    "sso is required",
    "requires sso",
    "authorized for sso",
];

/// Names of the second step; one of [`REQUIRED`] has to stand beside it.
const SECOND_STEP: &[&str] =
    &["two step verification", "2 step verification", "two factor authentication", "2fa", "two step login"];
const REQUIRED: &[&str] = &[
    "requires",
    "is required",
    "must enable",
    "must have",
    "must be enabled",
    "need to enable",
    "please enable",
    "repository enable",
    "workspace enable",
    "project enable",
    "to be enabled",
    "verification enabled",
];

const TOKEN_POLICY: &[&str] = &["forbids access via"];

const APPROVAL: &[&str] = &[
    "pending approval",
    "approval is pending",
    "awaiting approval",
    "waiting for approval",
    "not yet been approved",
    "has not been approved",
    "not yet approved",
    "must be approved by",
];

/// Words of a missing right to administer such a thing.
const MISSING_RIGHT: &[&str] = &["permission to", "permissions to", "not allowed to"];

/// Reads the words and headers of a 403.
pub(super) fn read(headers: &HeaderMap, message: &str) -> Option<Refusal> {
    // GitHub's header for it, whatever the body says.
    let sso = headers.get("x-github-sso").and_then(|value| value.to_str().ok());
    if sso.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("required")) {
        return Some(Refusal::By(ShutOut::SingleSignOn));
    }
    let text = words(message);
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(&format!(" {phrase} ")));
    if says(TOKEN_POLICY) {
        Some(Refusal::By(ShutOut::TokenPolicy))
    } else if says(ADDRESS) {
        Some(Refusal::OfOurAddress)
    } else if says(MISSING_RIGHT) {
        None
    } else if says(SINGLE_SIGN_ON) {
        Some(Refusal::By(ShutOut::SingleSignOn))
    } else if says(SECOND_STEP) && says(REQUIRED) {
        Some(Refusal::By(ShutOut::TwoStepVerification))
    } else if says(APPROVAL) {
        Some(Refusal::By(ShutOut::ApprovalPending))
    } else {
        None
    }
}

/// The words in lower case, one space around each.
fn words(message: &str) -> String {
    let mut text = String::from(" ");
    for word in message.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = word.to_lowercase();
        text.push_str(match word.as_str() {
            "allowlist" | "allowlisted" | "allowlisting" | "whitelist" | "whitelisted" | "whitelisting" => "allow list",
            "listed" if text.ends_with(" allow ") || text.ends_with(" white ") => "list",
            word => word,
        });
        text.push(' ');
    }
    text.replace(" white list ", " allow list ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_that_shut_us_out_are_told_from_missing_rights() {
        let check = |message: &str, expected: Option<Refusal>| {
            assert_eq!(read(&HeaderMap::new(), message), expected, "{message}");
        };
        let address = Some(Refusal::OfOurAddress);
        check("To access this workspace, an admin must whitelist your IP.", address);
        check("An admin must WHITELIST YOUR IP", address);
        check("An administrator must allow-list your IP address first", address);
        check(
            "Although you appear to have the correct authorization credentials, the `acme` organization has an IP \
             allow list enabled, and your IP address is not permitted to access this resource.",
            address,
        );
        check("Your IP isn't on the allowlist of this organization", address);
        check("Access denied by IP policy", address);
        check("Your IP address is not allowed to access this resource", address);

        let by = |what| Some(Refusal::By(what));
        check(
            "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to \
             this organization.",
            by(ShutOut::SingleSignOn),
        );
        check("This workspace requires single sign-on", by(ShutOut::SingleSignOn));
        check("The owner of this repository requires two-step verification", by(ShutOut::TwoStepVerification));
        check("Two-step verification is required to access this workspace.", by(ShutOut::TwoStepVerification));
        check("This is only accessible to users with two-step verification enabled.", by(ShutOut::TwoStepVerification));
        check("You must enable 2FA", by(ShutOut::TwoStepVerification));
        check("To access this repository, enable two-step verification.", by(ShutOut::TwoStepVerification));
        check("To access this workspace, enable two-step verification.", by(ShutOut::TwoStepVerification));
        check(
            "`acme` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a \
             personal access token with fine-grained permissions.",
            by(ShutOut::TokenPolicy),
        );
        check("This token is pending approval by an organization owner", by(ShutOut::ApprovalPending));

        for plain in [
            "",
            "Forbidden",
            "403 Forbidden",
            "You do not have permission to edit the IP allow list",
            "Your role is not allowed to manage single sign-on",
            "You need the permission to require two-step verification",
            "The tip is not allowed to move",
            "Your ipsum is not here",
            "Request 7 from 10.0.0.1: IP logged",
            "Two-step verification",
            "You do not have permission to make this workspace enable two-step verification",
            "Pull request approval settings cannot be read",
            "Resource not accessible by personal access token",
            "This repository is not on your allow list",
        ] {
            check(plain, None);
        }
    }

    #[test]
    fn a_header_that_requires_single_sign_on_is_enough() {
        let check = |value: &str, expected| {
            let headers: HeaderMap = [("x-github-sso".parse().unwrap(), value.parse().unwrap())].into_iter().collect();
            assert_eq!(read(&headers, "no"), expected, "{value}");
        };
        check(
            "required; url=https://github.com/orgs/acme/sso?authorization_request=x",
            Some(Refusal::By(ShutOut::SingleSignOn)),
        );
        check("partial-results; organizations=21955855", None);
    }
}
