//! Rules about Snyk tokens and SCM credentials: rejected, expiring, without a permission, with a wrong date.

use chrono::{DateTime, Utc};

use super::draft::Draft;
use super::scene::{Scene, measured, plain};
use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::fresh;
use crate::domain::facts::{CredentialExpiry, ScmAuthentication, SnykAuthentication};
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::{Role, Source, Truth};
use crate::domain::names::CredentialName;
use crate::domain::page::Claim;
use crate::domain::state::{DeclaredDate, ExpirySource};
use crate::health::incidents::text::{capitalised, instant};

/// About our own Snyk token.
pub(super) fn snyk_token(scene: &Scene<'_>) -> Draft {
    let mut draft = Draft::default();
    let Subject::Credential(name) = &scene.key.subject else { return draft };
    let evidence = scene.state.evidence.snyk_tokens.get(name);
    let authentication = evidence.and_then(|evidence| evidence.authentication.as_ref());
    let observed_at = authentication.map(|evidence| evidence.observed_at);
    draft.claim(verdict(scene, name, observed_at));
    if let Some(evidence) = authentication
        && let SnykAuthentication::Accepted { principal, .. } = &evidence.value
    {
        draft.claim([measured(evidence, format!("It belongs to a {}.", plain(principal).replace('_', " ")))]);
    }
    draft.claim(expiry(scene, name));
    draft.claim(first_used(scene, name));
    draft.rule_out(scene.answers(scene.api_of(name)).filter(|_| scene.key.rule == Rule::SnykTokenInvalid));
    let scm = scene.first().and_then(|key| scene.cleared(key, Condition::CredentialValid));
    draft.rule_out(scm.filter(|_| scene.key.rule == Rule::SnykTokenInvalid));
    draft
}

/// About a credential of the Git host.
pub(super) fn pat(scene: &Scene<'_>) -> Draft {
    let mut draft = Draft::default();
    let Subject::Credential(name) = &scene.key.subject else { return draft };
    let evidence = scene.state.evidence.scm_credentials.get(name);
    let authentication = evidence.and_then(|evidence| evidence.authentication.as_ref());
    draft.claim(verdict(scene, name, authentication.map(|evidence| evidence.observed_at)));
    let watched = scene.fleet().scm_credentials.get(name);
    if watched.is_some_and(|watched| watched.role == Role::Observer) {
        let text = format!(
            "{name} is a read-only token of the same account: it speaks of the account, not of the PAT saved in Snyk."
        );
        draft.claim([Claim { text, source: Source::Declared, observed_at: None }]);
    }
    draft.claim(expiry(scene, name));
    if let Some(listed) =
        evidence.and_then(|evidence| evidence.listed_token.as_ref()).filter(|listed| listed.value.found)
    {
        let state = if listed.value.allowed { "allowed" } else { "blocked by an administrator" };
        let dated = |what: &str, at: Option<_>| at.map(|at| format!(", {what} {}", instant(at))).unwrap_or_default();
        let text = format!(
            "The admin API lists the PAT saved in Snyk as {state}{}{}{}.",
            dated("created", listed.value.created_at),
            dated("expires", listed.value.expires_at),
            dated("last used", listed.value.last_active_at),
        );
        draft.claim([measured(listed, text)]);
    }
    if scene.key.rule == Rule::PermissionsMissing {
        draft.claim(scene.first().and_then(|key| scene.claim(key, Condition::PermissionsGranted)));
        let scopes = authentication.and_then(|evidence| match &evidence.value {
            ScmAuthentication::Accepted { scopes: Some(scopes), .. } => Some((evidence, scopes)),
            _ => None,
        });
        if let Some((evidence, scopes)) = scopes {
            let scopes: Vec<String> = scopes.iter().map(|scope| plain(scope)).collect();
            draft.claim([measured(evidence, format!("The Git host lists its scopes: {}.", scopes.join(", ")))]);
        }
    }
    draft.claim(first_used(scene, name));
    rule_out(scene, name, &mut draft);
    draft
}

/// About a credential that nothing is asked with: what was read in the place of its secret. Of one with which too little is
/// asked, the incident's own sentence says all.
pub(super) fn refused(scene: &Scene<'_>, name: &CredentialName) -> Draft {
    let fleet = scene.fleet();
    let snyk = fleet.snyk_tokens.get(name).and_then(|token| token.refused.as_deref());
    let scm = || fleet.scm_credentials.get(name).and_then(|credential| credential.refused.as_deref());
    let claim = |why| {
        let text = format!("{}.", capitalised(&plain(why)));
        Claim { text, source: Source::Measured, observed_at: Some(scene.incident.since) }
    };
    let mut draft = Draft::default();
    draft.claim(snyk.or_else(scm).map(claim));
    draft
}

fn rule_out(scene: &Scene<'_>, name: &CredentialName, draft: &mut Draft) {
    let looked_at: &[Condition] = match scene.key.rule {
        Rule::CredentialInvalid => &[Condition::SnykAccessible],
        Rule::PermissionsMissing => {
            &[Condition::CredentialValid, Condition::CredentialFresh, Condition::RepositoriesVisible]
        }
        _ => &[],
    };
    draft.rule_out(scene.answers(scene.api_of(name)).filter(|_| !looked_at.is_empty()));
    if let Some(key) = scene.first() {
        draft.rule_out(looked_at.iter().filter_map(|condition| scene.cleared(key, *condition)));
    }
}

/// Whether it is accepted.
fn verdict(scene: &Scene<'_>, name: &CredentialName, observed_at: Option<DateTime<Utc>>) -> Option<Claim> {
    let valid = &scene.state.credentials.get(name)?.valid;
    if valid.message.is_empty() {
        return None;
    }
    let unknown = if valid.truth == Truth::Unknown { "Not known: " } else { "" };
    let is_measured = !matches!(valid.reason, Reason::CredentialBlocked | Reason::InferredFromSync);
    let confirmed = if valid.truth == Truth::False && is_measured { "; a second probe confirmed it" } else { "" };
    let source = if valid.reason == Reason::InferredFromSync { Source::Inferred } else { Source::Measured };
    Some(Claim { text: format!("{unknown}{}{confirmed}.", plain(&valid.message)), source, observed_at })
}

/// When it expires, and who says so.
fn expiry(scene: &Scene<'_>, name: &CredentialName) -> Option<Claim> {
    let state = scene.state.credentials.get(name)?;
    let evidence = &scene.state.evidence;
    if state.declared == DeclaredDate::Outdated {
        let declared = scene.fleet().scm_credentials.get(name)?.expires_at?;
        let text = format!("Its declared expiry was {}; it is still accepted.", instant(declared));
        return Some(Claim { text, source: Source::Declared, observed_at: None });
    }
    let Some(at) = state.expiry else {
        if let Some(told) = told_before(scene, name) {
            return Some(told);
        }
        if let Some(unlisted) = &state.unlisted {
            let text = format!("Its expiry is unknown: {}.", plain(&unlisted.message));
            return Some(Claim { text, source: Source::Measured, observed_at: None });
        }
        let text = if state.declared == DeclaredDate::Superseded {
            "Nobody tells when it expires: the declared date belongs to the token before this one."
        } else {
            "Nobody tells when it expires: no API says so, and no date is declared."
        };
        return Some(Claim { text: text.to_owned(), source: Source::Inferred, observed_at: None });
    };
    let snyk = || evidence.snyk_tokens.get(name).and_then(|token| token.expiry.as_ref());
    let scm = || evidence.scm_credentials.get(name).and_then(|credential| credential.expiry.as_ref());
    let listed = evidence.scm_credentials.get(name).and_then(|credential| credential.listed_token.as_ref());
    let (source, observed_at, by) = match state.expiry_source {
        Some(ExpirySource::Declared) => (Source::Declared, None, "the configuration"),
        Some(ExpirySource::AdminApi) => (Source::Measured, listed.map(|listed| listed.observed_at), "the admin API"),
        Some(ExpirySource::Api) | None => {
            (Source::Measured, snyk().or_else(scm).map(|evidence| evidence.observed_at), "the API")
        }
    };
    let verb = if at > scene.now() { "expires" } else { "expired" };
    Some(Claim { text: format!("It {verb} {}, as {by} says.", instant(at)), source, observed_at })
}

/// When it expires by what Snyk said of it last: a token that is rejected cannot be asked again.
fn told_before(scene: &Scene<'_>, name: &CredentialName) -> Option<Claim> {
    let state = scene.state.credentials.get(name)?;
    // What was told of the token before says nothing of this one.
    if state.secret_version != state.token_version {
        return None;
    }
    let told = scene.state.evidence.snyk_tokens.get(name)?.expiry.as_ref()?;
    let CredentialExpiry::At { at, .. } = told.value else { return None };
    let verb = if at > scene.now() { "expires" } else { "expired" };
    Some(measured(told, format!("It {verb} {}, as the API last said.", instant(at))))
}

/// Since when this version of the secret was in use.
fn first_used(scene: &Scene<'_>, name: &CredentialName) -> Option<Claim> {
    let state = scene.state.credentials.get(name)?;
    let at = state.first_used_at.filter(|_| !state.never_accepted())?;
    let text = format!("This version of it was first accepted {}.", instant(at));
    Some(Claim { text, source: Source::Measured, observed_at: Some(at) })
}

/// The credentials of an integration as claims: accepted, until when.
pub(super) fn of_integration(scene: &Scene<'_>, draft: &mut Draft) {
    for name in scene.credentials() {
        let evidence = scene.state.evidence.scm_credentials.get(name);
        let is_fresh = evidence.is_some_and(|evidence| fresh(&evidence.authentication, scene.now()).is_some());
        let dated = scene.state.credentials.get(name).is_some_and(|state| state.expiry.is_some());
        if is_fresh
            && dated
            && let Some(claim) = expiry(scene, name)
        {
            draft.claim([Claim { text: claim.text.replacen("It ", &format!("The PAT {name} "), 1), ..claim }]);
        }
    }
}
