//! The view of a credential: accepted or not, until when, with which permissions, and who hangs on it. Never a secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::integration::IntegrationView;
use crate::domain::condition::Reason;
use crate::domain::evidence::Evidence;
use crate::domain::facts::PermissionProof;
use crate::domain::fleet::Fleet;
use crate::domain::kinds::{Level, Role, Scm, Truth, closed_list};
use crate::domain::names::{ApiName, CredentialName, IntegrationName};
use crate::domain::permission::{Permission, PermissionSet, permissions_of, read_only_scopes};
use crate::domain::rotation::Rotation;
use crate::domain::state::{CredentialState, CredentialVerdict, DeclaredDate, ExpirySource, ListingFailure, State};

/// One credential: an SCM token or a Snyk token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CredentialView {
    /// Its configuration key.
    pub credential: CredentialName,
    /// The Git host; `None` for a Snyk token.
    pub scm: Option<Scm>,
    /// The API it belongs to.
    pub api: ApiName,
    /// Word for its kind (`api_token`, ...).
    pub kind: String,
    /// What it is to us; `None` for a Snyk token.
    pub role: Option<Role>,
    /// Whether it is accepted, and why not.
    pub valid: CredentialVerdict,
    /// A first rejection waits to be confirmed.
    pub confirming: bool,
    /// When it expires; `None` when nobody tells.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who tells.
    pub expiry_source: Option<ExpirySource>,
    /// What the admin API answered in place of its listing; `None` while that is known, or not configured.
    pub unlisted: Option<ListingFailure>,
    /// What stands with the declared date.
    pub declared: DeclaredDate,
    /// First accepted use of the secret as it is now.
    pub first_used_at: Option<DateTime<Utc>>,
    /// When the last rotation was noticed.
    pub rotated_at: Option<DateTime<Utc>>,
    /// The expiry of the secret before this one: the deadline of what is still on it.
    pub previous_expires_at: Option<DateTime<Utc>>,
    /// How far its last rotation is; `None` where none is known.
    pub rotation: Option<RotationView>,
    /// Its permissions, in the order of the pilot guide; empty for a Snyk token.
    pub permissions: Vec<PermissionView>,
    /// What it may change, which watching never needs; `None` when that is nothing, or not known.
    pub write_access: Option<WriteAccess>,
    /// Reason words of problems that are not conditions.
    pub notes: Vec<Reason>,
    /// The integrations that hang on it.
    pub used_by: Vec<CredentialUse>,
}

/// A rotation as it goes on: who has the new token, and until when the others may wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RotationView {
    /// The earliest instant at which the new token can have been saved.
    pub begun_at: DateTime<Utc>,
    /// How many integrations have the new token.
    pub saved: usize,
    /// Of how many that matter.
    pub of: usize,
    /// How many still have the old one, or may have it.
    pub outstanding: usize,
    /// When the old token ends or ended, where that is known.
    pub old_ends_at: Option<DateTime<Utc>>,
    /// Since when everybody has the new one.
    pub done_at: Option<DateTime<Utc>>,
}

impl RotationView {
    fn new(rotation: &Rotation) -> Self {
        let (saved, of) = rotation.progress();
        Self {
            begun_at: rotation.at,
            saved,
            of,
            outstanding: rotation.outstanding.len(),
            old_ends_at: rotation.old.ends_at(),
            done_at: rotation.done_at,
        }
    }
}

/// The word for the kind of credential that has granular scopes.
const API_TOKEN: &str = "api_token";

/// How many integrations of one configuration key and level hang on a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialUse {
    /// The configuration key.
    pub integration: IntegrationName,
    /// The level.
    pub level: Level,
    /// How many.
    pub count: usize,
}

closed_list! {
    /// What a permission is to the integrations that use a credential.
    Requirement {
        /// No permission set names it.
        NotNeeded => "not_needed",
        /// Shown, never lowering.
        Optional => "optional",
        /// Must be granted.
        Required => "required",
    }
}

/// One permission of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PermissionView {
    /// Which one.
    pub permission: Permission,
    /// The pilot guide's words.
    pub label: &'static str,
    /// Granted, missing, or not to be verified.
    pub granted: Truth,
    /// Whether anybody needs it.
    pub requirement: Requirement,
    /// The scope that would give it, where the SCM says so.
    pub missing_scope: Option<String>,
    /// Granted on so many repositories, for a right that is held one by one.
    pub granted_on: Option<u64>,
    /// Of so many.
    pub granted_of: Option<u64>,
    /// When this was observed.
    pub observed_at: Option<DateTime<Utc>>,
}

/// What a credential may change, and the token that could not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WriteAccess {
    /// The pilot guide's words.
    pub granted: Vec<&'static str>,
    /// The scopes of a token for the role `observer`, which sees as much.
    pub read_only_scopes: Vec<&'static str>,
}

impl WriteAccess {
    fn of(permissions: &[PermissionView], scm: Scm, kind: &str) -> Option<Self> {
        let writing = permissions.iter().filter(|one| one.granted == Truth::True && one.permission.is_to_write());
        let granted: Vec<_> = writing.map(|permission| permission.label).collect();
        let read_only_scopes = read_only_scopes(scm, kind == API_TOKEN);
        (!granted.is_empty()).then_some(Self { granted, read_only_scopes })
    }
}

impl PermissionView {
    fn new(
        permission: Permission,
        label: &'static str,
        requirement: Requirement,
        proof: Option<&Evidence<PermissionProof>>,
        now: DateTime<Utc>,
    ) -> Self {
        let observed_at = proof.map(|proof| proof.observed_at);
        let fresh = proof.filter(|proof| proof.is_fresh(now)).map(|proof| &proof.value);
        let mut view = Self {
            permission,
            label,
            granted: Truth::Unknown,
            requirement,
            missing_scope: None,
            granted_on: None,
            granted_of: None,
            observed_at,
        };
        match fresh {
            None | Some(PermissionProof::Unverifiable | PermissionProof::Contradicted) => {}
            Some(PermissionProof::Granted) => view.granted = Truth::True,
            Some(PermissionProof::Missing { scope }) => {
                view.granted = Truth::False;
                view.missing_scope.clone_from(scope);
            }
            Some(PermissionProof::Partial { granted, total }) => {
                view.granted = if granted < total { Truth::False } else { Truth::True };
                (view.granted_on, view.granted_of) = (Some(*granted), Some(*total));
            }
        }
        view
    }
}

/// The views of all credentials, in the order of their names.
pub(super) fn views(
    fleet: &Fleet,
    state: &State,
    before: &BTreeMap<CredentialName, &Arc<CredentialView>>,
    now: DateTime<Utc>,
    integrations: &[Arc<IntegrationView>],
) -> Vec<Arc<CredentialView>> {
    let mut uses = uses(integrations);
    let requirements = requirements(fleet);
    let nothing = CredentialState::default();
    let remembered = |name: &CredentialName| state.credentials.get(name).unwrap_or(&nothing);
    let snyk_tokens = fleet.snyk_tokens.iter().map(|(name, token)| {
        let used_by = uses.remove(name).unwrap_or_default();
        let facts = Facts { scm: None, api: &token.api, kind: "snyk_token", role: None };
        view(name, &facts, remembered(name), Vec::new(), used_by)
    });
    let mut views: Vec<_> = snyk_tokens.collect();
    for (name, credential) in &fleet.scm_credentials {
        let proofs = state.evidence.scm_credentials.get(name).map(|evidence| &evidence.permissions);
        let required = requirements.get(name);
        let permissions = permissions_of(credential.scm).iter().filter_map(|description| {
            let permission = description.permission;
            let requirement = required.and_then(|required| required.get(&permission)).copied();
            let proof = proofs.and_then(|proofs| proofs.get(&permission));
            if requirement.is_none() && proof.is_none() {
                return None;
            }
            let requirement = requirement.unwrap_or(Requirement::NotNeeded);
            Some(PermissionView::new(permission, description.label, requirement, proof, now))
        });
        let facts = Facts {
            scm: Some(credential.scm),
            api: &credential.api,
            kind: &credential.kind,
            role: Some(credential.role),
        };
        let used_by = uses.remove(name).unwrap_or_default();
        views.push(view(name, &facts, remembered(name), permissions.collect(), used_by));
    }
    views.sort_by(|one, other| one.credential.cmp(&other.credential));
    let shared = views.into_iter().map(|view| match before.get(&view.credential) {
        Some(same) if ***same == view => Arc::clone(same),
        _ => Arc::new(view),
    });
    shared.collect()
}

struct Facts<'a> {
    scm: Option<Scm>,
    api: &'a ApiName,
    kind: &'a str,
    role: Option<Role>,
}

fn view(
    name: &CredentialName,
    facts: &Facts<'_>,
    state: &CredentialState,
    permissions: Vec<PermissionView>,
    used_by: Vec<CredentialUse>,
) -> CredentialView {
    let write_access = facts.scm.and_then(|scm| WriteAccess::of(&permissions, scm, facts.kind));
    CredentialView {
        credential: name.clone(),
        scm: facts.scm,
        api: facts.api.clone(),
        kind: facts.kind.to_owned(),
        role: facts.role,
        valid: state.valid.clone(),
        confirming: state.confirming.is_some(),
        expires_at: state.expiry,
        expiry_source: state.expiry_source,
        unlisted: state.unlisted.clone(),
        declared: state.declared,
        first_used_at: state.first_used_at,
        rotated_at: state.rotated_from.as_ref().map(|(_, noticed_at)| *noticed_at),
        previous_expires_at: state.previous_expiry,
        rotation: state.rotation.as_ref().map(RotationView::new),
        permissions,
        write_access,
        notes: state.notes.clone(),
        used_by,
    }
}

fn uses(integrations: &[Arc<IntegrationView>]) -> BTreeMap<CredentialName, Vec<CredentialUse>> {
    let mut uses: BTreeMap<CredentialName, Vec<CredentialUse>> = BTreeMap::new();
    for view in integrations {
        let identity = &view.identity;
        for credential in identity.credentials.iter().chain([&identity.snyk]) {
            let uses = uses.entry(credential.clone()).or_default();
            // Views come in the order of their keys, so the use to add to is the last one.
            match uses
                .last_mut()
                .filter(|last| last.integration == identity.integration && last.level == identity.level)
            {
                Some(last) => last.count += 1,
                None => uses.push(CredentialUse {
                    integration: identity.integration.clone(),
                    level: identity.level,
                    count: 1,
                }),
            }
        }
    }
    uses
}

/// What the permission sets of all integrations ask of each SCM credential.
fn requirements(fleet: &Fleet) -> BTreeMap<CredentialName, BTreeMap<Permission, Requirement>> {
    let mut requirements: BTreeMap<CredentialName, BTreeMap<Permission, Requirement>> = BTreeMap::new();
    let mut ask = |credential: &CredentialName, set: &PermissionSet| {
        let asked = requirements.entry(credential.clone()).or_default();
        let optional = set.optional.iter().map(|permission| (*permission, Requirement::Optional));
        let required = set.required.iter().map(|permission| (*permission, Requirement::Required));
        for (permission, requirement) in optional.chain(required) {
            let strongest = asked.entry(permission).or_insert(requirement);
            *strongest = requirement.max(*strongest);
        }
    };
    for watched in fleet.integrations.values() {
        if let Some(group) = &watched.group {
            for profile in group.profiles.values() {
                ask(&profile.credential, &group.permissions);
                ask(&profile.credential, &group.group_permissions);
            }
        }
        if let Some(organizations) = &watched.organizations {
            for credential in organizations.overrides.values().chain([&organizations.credential]) {
                ask(credential, &organizations.permissions);
            }
        }
    }
    requirements
}
