//! Acceptances, rejections and rotations.

use chrono::{DateTime, Utc};

use crate::domain::evidence::Evidence;
use crate::domain::facts::{ListedToken, PermissionProof, PreviousSecret, ScmAuthentication, SnykAuthentication};
use crate::domain::fleet::Fleet;
use crate::domain::names::{CredentialName, IntegrationKey};
use crate::domain::permission::Permission;
use crate::domain::state::{CredentialState, ExpirySource, ListedBefore, State};
use crate::domain::work::{ProbeKind, Work, WorkSubject};

use super::{FollowUp, Policy, Stamp, Written};

/// Whether the accepted token is the one that was accepted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    AsBefore,
    Rotated,
}

/// What becomes of a rejection.
enum Rejection {
    /// It is written.
    Believed,
    /// It waits for another.
    Waits,
}

/// Counts a rejection. One that only repeats a confirmed one needs no second.
fn reject(memory: &mut CredentialState, is_known: bool, policy: Policy, at: DateTime<Utc>) -> Rejection {
    memory.rejected_since.get_or_insert(at);
    match memory.confirming {
        None if is_known => Rejection::Believed,
        Some((first, _)) if at - first >= policy.confirm_after => {
            memory.confirming = None;
            Rejection::Believed
        }
        Some((first, count)) => {
            memory.confirming = Some((first, count + 1));
            Rejection::Waits
        }
        None => {
            memory.confirming = Some((at, 1));
            Rejection::Waits
        }
    }
}

/// Whether this is another secret than the one used before. Of a new one nothing is known yet, whatever was confirmed,
/// or waits to be, of the one before.
fn forget_old_secret(memory: &mut CredentialState, secret: Option<&String>) -> bool {
    let is_new = secret.is_some() && memory.secret_version.is_some() && secret != memory.secret_version.as_ref();
    if is_new {
        // A token that was rejected for certain before it was replaced has ended; a bad copy of it says nothing.
        let is_confirmed = memory.confirming.is_none();
        if memory.secret_version == memory.accepted_secret {
            memory.previous_rejected_since = memory.rejected_since.filter(|_| is_confirmed);
        }
        memory.confirming = None;
        memory.rejected_since = None;
    }
    is_new
}

fn confirm(kind: ProbeKind, name: &CredentialName) -> FollowUp {
    FollowUp::Confirm(Work { kind, subject: WorkSubject::Credential(name.clone()) })
}

/// A Snyk token's answer.
pub(super) fn snyk(
    state: &mut State,
    fleet: &Fleet,
    policy: Policy,
    stamp: Stamp,
    name: &CredentialName,
    fact: &SnykAuthentication,
) -> Option<FollowUp> {
    let slot = &mut state.evidence.snyk_tokens.entry(name.clone()).or_default().authentication;
    if stamp.is_outdated_by(slot.as_ref()) {
        return None;
    }
    let secret = fleet.snyk_tokens.get(name).and_then(|token| token.token_version.clone());
    let memory = state.credentials.entry(name.clone()).or_default();
    let is_new_secret = forget_old_secret(memory, secret.as_ref());
    match fact {
        SnykAuthentication::Accepted { id, .. } => {
            memory.confirming = None;
            memory.account = Some(id.clone());
            accept(memory, None, secret.as_ref(), stamp.at);
        }
        // Shown at once; it neither confirms nor refutes a rejection.
        SnykAuthentication::Contradicted { .. } => {}
        SnykAuthentication::Rejected(_) => {
            let is_known =
                !is_new_secret && matches!(slot, Some(Evidence { value: SnykAuthentication::Rejected(_), .. }));
            let rejection = reject(memory, is_known, policy, stamp.at);
            memory.secret_version = secret.or(memory.secret_version.take());
            if let Rejection::Waits = rejection {
                return Some(confirm(ProbeKind::SnykToken, name));
            }
        }
    }
    stamp.write(slot, fact.clone());
    None
}

/// An SCM credential's answer.
pub(super) fn scm(
    state: &mut State,
    fleet: &Fleet,
    policy: Policy,
    stamp: Stamp,
    name: &CredentialName,
    fact: &ScmAuthentication,
) -> Option<FollowUp> {
    let slot = &mut state.evidence.scm_credentials.entry(name.clone()).or_default().authentication;
    if stamp.is_outdated_by(slot.as_ref()) {
        return None;
    }
    let watched = fleet.scm_credentials.get(name);
    let secret = watched.and_then(|watched| watched.token_version.clone());
    let memory = state.credentials.entry(name.clone()).or_default();
    let is_new_secret = forget_old_secret(memory, secret.as_ref());
    match fact {
        ScmAuthentication::Accepted { account, token_id, .. } => {
            memory.confirming = None;
            // A token has one account for all its life, whether or not each answer names it.
            let is_same_token = slot.as_ref().is_some_and(|known| known.revision == stamp.revision);
            let account = account.as_ref().map(|account| account.id.clone());
            memory.account = account.or(memory.account.take().filter(|_| is_same_token));
            let last_used_at = memory.last_used_at;
            if accept(memory, token_id.as_ref(), secret.as_ref(), stamp.at) == Version::Rotated {
                memory.previous_used_at = last_used_at;
            }
            let declared = watched.and_then(|watched| watched.expires_at);
            if memory.declared_date != declared {
                memory.declared_date = declared;
                memory.declared_for = declared.and(memory.token_version.clone());
            }
        }
        // Shown at once; it neither confirms nor refutes a rejection.
        ScmAuthentication::Contradicted { .. } => {}
        ScmAuthentication::Rejected(_) => {
            let is_known =
                !is_new_secret && matches!(slot, Some(Evidence { value: ScmAuthentication::Rejected(_), .. }));
            let rejection = reject(memory, is_known, policy, stamp.at);
            memory.secret_version = secret.or(memory.secret_version.take());
            if let Rejection::Waits = rejection {
                return Some(confirm(ProbeKind::ScmCredential, name));
            }
        }
    }
    stamp.write(slot, fact.clone());
    None
}

/// Notes which version of the token was accepted. The SCM's own id of a token tells versions apart best; a keyed hash
/// of the secret does where there is no id.
fn accept(
    memory: &mut CredentialState,
    token_id: Option<&String>,
    secret: Option<&String>,
    at: DateTime<Utc>,
) -> Version {
    let version = token_id.or(secret).cloned();
    // A secret that was only ever rejected is no version of the token.
    let accepted_before = memory.accepted_secret.clone().or_else(|| memory.secret_version.clone());
    let is_rotated = match (&memory.token_id, token_id) {
        (Some(before), Some(now)) => before != now,
        // The hash that was accepted last, not one that was only ever rejected.
        (None, None) => memory.token_version.is_some() && version.is_some() && memory.token_version != version,
        _ => secret.is_some() && accepted_before.is_some() && secret != accepted_before.as_ref(),
    };
    if is_rotated {
        let before = memory.token_version.clone().unwrap_or_default();
        memory.rotated_from = Some((before, at));
        memory.previous_expiry = match memory.expiry_source {
            Some(ExpirySource::Declared) => memory.declared_date,
            _ => memory.expiry,
        };
        memory.previous_secret = accepted_before;
        memory.previous_first_used_at = memory.first_used_at.replace(at);
        memory.previous_accepted_at = None;
        memory.previous_rejected_at = memory.previous_rejected_since;
    }
    memory.rejected_since = None;
    memory.first_used_at.get_or_insert(at);
    memory.last_used_at = Some(at);
    if let Some(token_id) = token_id {
        memory.token_id = Some(token_id.clone());
    }
    // The date was declared for the token that is in use, under whatever name it goes.
    let is_declared_for_this = memory.declared_for.is_some() && memory.declared_for == memory.token_version;
    if is_declared_for_this && !is_rotated {
        memory.declared_for.clone_from(&version);
    }
    memory.token_version = version.or(memory.token_version.take());
    memory.secret_version = secret.cloned().or(memory.secret_version.take());
    memory.accepted_secret.clone_from(&memory.secret_version);
    if is_rotated { Version::Rotated } else { Version::AsBefore }
}

/// The answer to the secret before the present one. As of any other, one rejection is no proof. Once it has ended, whoever
/// may still have it is looked at again: what is known of them may be from before.
pub(super) fn previous(
    state: &mut State,
    policy: Policy,
    stamp: Stamp,
    name: &CredentialName,
    fact: PreviousSecret,
) -> Vec<FollowUp> {
    let memory = state.credentials.entry(name.clone()).or_default();
    match fact {
        PreviousSecret::Accepted => {
            memory.previous_accepted_at = memory.previous_accepted_at.max(Some(stamp.at));
            memory.previous_rejected_since = None;
            memory.previous_rejected_at = None;
            Vec::new()
        }
        PreviousSecret::Rejected => {
            let first = *memory.previous_rejected_since.get_or_insert(stamp.at);
            if stamp.at - first < policy.confirm_after {
                return vec![confirm(ProbeKind::ScmCredential, name)];
            }
            if memory.previous_rejected_at.is_some() {
                return Vec::new();
            }
            memory.previous_rejected_at = Some(first);
            let left = memory.rotation.iter().flat_map(|rotation| &rotation.outstanding);
            let organizations = left.filter(|key| key.organization.is_some());
            let ask = |key: &IntegrationKey| {
                let subject = WorkSubject::Organization(key.clone());
                FollowUp::Ask(Work { kind: ProbeKind::Organization, subject })
            };
            organizations.map(ask).collect()
        }
    }
}

/// The admin API's listing. A younger token in the place of the one that was listed before is a rotation.
pub(super) fn listed(state: &mut State, stamp: Stamp, name: &CredentialName, fact: &ListedToken) {
    let slot = &mut state.evidence.scm_credentials.entry(name.clone()).or_default().listed_token;
    let before = slot.clone();
    if stamp.write(slot, fact.clone()) == Written::Outdated {
        return;
    }
    let memory = state.credentials.entry(name.clone()).or_default();
    let was_listed = before.filter(|before| before.value.found && before.value.created_at != fact.created_at);
    if let Some((before, created_at)) = was_listed.and_then(|before| before.value.created_at.map(|at| (before, at))) {
        memory.listed_before = Some(ListedBefore {
            created_at,
            expires_at: before.value.expires_at,
            last_active_at: before.value.last_active_at,
            listed_at: before.observed_at,
            replaced_at: stamp.at,
        });
    }
}

/// One permission's proof. Rights on a part of the repositories are counted over many answers, so that a single round
/// may have counted while repositories came or went: the next one decides.
pub(super) fn permission(
    state: &mut State,
    stamp: Stamp,
    name: &CredentialName,
    permission: Permission,
    proof: &PermissionProof,
) {
    let book = state.evidence.scm_credentials.entry(name.clone()).or_default();
    let known = book.permissions.get(&permission);
    if known.is_some_and(|known| stamp.is_outdated_by(Some(known))) {
        return;
    }
    let doubted = &mut state.credentials.entry(name.clone()).or_default().doubted;
    let was_short = known.is_some_and(|known| is_short(&known.value));
    if is_short(proof) && !was_short {
        let first = *doubted.entry(permission).or_insert(stamp.at);
        if first == stamp.at {
            return;
        }
    }
    doubted.remove(&permission);
    let mut slot = book.permissions.remove(&permission);
    let _: Written = stamp.write(&mut slot, proof.clone());
    if let Some(evidence) = slot {
        book.permissions.insert(permission, evidence);
    }
}

/// Whether it is granted on a part only.
fn is_short(proof: &PermissionProof) -> bool {
    matches!(proof, PermissionProof::Partial { granted, total } if granted < total)
}
