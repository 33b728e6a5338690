//! Permissions that a credential lacks, in the pilot guide's words and as scopes.

use std::collections::BTreeSet;

use super::candidate::{Candidate, Onset, Page, Scene, Verdict};
use super::credentials::{about, uses_only};
use super::inputs::{Dependents, Inputs};
use super::text::{admins, blast_radius, lasting, sentence};
use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::fresh;
use crate::domain::facts::PermissionProof;
use crate::domain::fleet::ScmCredential;
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::kinds::{Level, Scm, Truth};
use crate::domain::names::{CredentialName, IntegrationKey};
use crate::domain::permission::{Permission, describe};
use crate::domain::policy::Case;

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let credentials = inputs.fleet.scm_credentials.iter();
    let candidate = |(name, credential): (&'a CredentialName, &'a ScmCredential)| {
        Some(missing(inputs, name, credential.scm, inputs.dependents(name)?))
    };
    credentials.filter_map(candidate).collect()
}

fn missing<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a CredentialName,
    scm: Scm,
    dependents: &'a Dependents,
) -> Candidate<'a> {
    let required = Required::of(inputs, name, dependents);
    let lacking: Vec<_> = required.all.iter().filter(|permission| is_lacking(inputs, name, **permission)).collect();
    let discovery = lacking.iter().any(|permission| required.for_discovery.contains(permission));
    let case = if discovery { Case::GroupPermission } else { Case::Default };

    let conditions = inputs.conditions(&dependents.keys, Condition::PermissionsGranted);
    let speaks = |key: &IntegrationKey| !lacking.is_empty() || uses_only(inputs, key, name);
    let denied = conditions.iter().filter(|(key, truth, _)| *truth == Truth::False && speaks(key));
    let denied: BTreeSet<IntegrationKey> = denied.map(|(key, _, _)| (*key).clone()).collect();
    let states =
        denied.iter().filter_map(|key| inputs.integration(key)?.conditions.get(&Condition::PermissionsGranted));
    let onset = states.clone().map(|state| state.since).min();

    let verdict = match onset {
        Some(since) => Verdict::Holds(Onset::Since(since)),
        None if is_granted_again(inputs, name, &conditions) => Verdict::Gone,
        None => Verdict::CannotTell,
    };
    let labels: Vec<_> = lacking.iter().map(|permission| label(inputs, name, scm, **permission)).collect();
    let message = states.clone().map(|state| state.message.clone()).next().unwrap_or_default();
    let told = move |scene: &Scene<'_>| {
        let what = if labels.is_empty() { "a required permission".to_owned() } else { labels.join(", ") };
        let message = if labels.is_empty() { sentence(&message) } else { String::new() };
        let worst = if discovery { " Discovery itself needs it: the Group cannot synchronise." } else { "" };
        Page {
            summary: format!(
                "The PAT of credential {name} has lacked {what} {}.{message}{worst} It is used by {}.",
                lasting(scene),
                blast_radius(scene.affected),
            ),
            next_step: next_step(&what, lacks_admin_only(&labels), scene),
        }
    };
    let details = lacking.iter().map(|permission| permission.as_str().to_owned()).collect();
    let affected = denied.clone();
    Candidate {
        affected,
        details,
        resolution: "permission granted again".to_owned(),
        ..about(inputs, Rule::PermissionsMissing, case, name, dependents, verdict, told)
    }
}

/// Admin rights are given on repositories, not with the token.
fn lacks_admin_only(labels: &[String]) -> bool {
    !labels.is_empty() && labels.iter().all(|label| label.starts_with("Admin "))
}

fn next_step(what: &str, admin_only: bool, scene: &Scene<'_>) -> String {
    if admin_only {
        return "(Git host admin) Make the bot account administrator of the imported \
                repositories, best through a group of the workspace or project."
            .to_owned();
    }
    format!(
        "(Token owner) Create a token that also has {what}: the permissions of a token cannot be changed; \
         ({}) save it in Snyk; (snykwatch operator) replace our copy.",
        admins(scene.affected),
    )
}

struct Required {
    all: BTreeSet<Permission>,
    for_discovery: BTreeSet<Permission>,
}

impl Required {
    fn of(inputs: &Inputs<'_>, name: &CredentialName, dependents: &Dependents) -> Self {
        let mut required = Self { all: BTreeSet::new(), for_discovery: BTreeSet::new() };
        for key in &dependents.keys {
            let Some(watched) = inputs.fleet.integrations.get(&key.integration) else { continue };
            match (key.level(), &watched.group, &watched.organizations) {
                (Level::Group, Some(group), _)
                    if group.profiles.values().any(|profile| profile.credential == *name) =>
                {
                    required.all.extend(&group.permissions.required);
                    required.all.extend(&group.group_permissions.required);
                    required.for_discovery.extend(&group.group_permissions.required);
                }
                (Level::Organization, _, Some(organizations)) => {
                    required.all.extend(&organizations.permissions.required);
                }
                _ => {}
            }
        }
        required
    }
}

fn proof<'a>(inputs: &'a Inputs<'_>, name: &CredentialName, permission: Permission) -> Option<&'a PermissionProof> {
    let evidence = inputs.state.evidence.scm_credentials.get(name)?;
    evidence.permissions.get(&permission).map(|proof| &proof.value)
}

/// Lacking by the last that was seen; whether that may still be used is the condition's to say.
fn is_lacking(inputs: &Inputs<'_>, name: &CredentialName, permission: Permission) -> bool {
    match proof(inputs, name, permission) {
        Some(PermissionProof::Missing { .. }) => true,
        Some(PermissionProof::Partial { granted, total }) => granted < total,
        Some(PermissionProof::Granted | PermissionProof::Unverifiable | PermissionProof::Contradicted) | None => false,
    }
}

/// Every integration says granted, or each permission that was missing is proved now, whatever else is unknown.
fn is_granted_again(
    inputs: &Inputs<'_>,
    name: &CredentialName,
    conditions: &[(&IntegrationKey, Truth, Reason)],
) -> bool {
    if !conditions.is_empty() && conditions.iter().all(|(_, truth, _)| *truth == Truth::True) {
        return true;
    }
    let key = IncidentKey { rule: Rule::PermissionsMissing, subject: Subject::Credential(name.clone()) };
    let Some(before) = inputs.incident(&key) else { return false };
    let evidence = inputs.state.evidence.scm_credentials.get(name);
    let is_proved = |word: &String| {
        let permission = Permission::ALL.iter().find(|permission| permission.as_str() == word);
        let slot = permission.and_then(|permission| evidence?.permissions.get(permission).cloned());
        fresh(&slot, inputs.now).is_some_and(|proof| match proof.value {
            PermissionProof::Granted => true,
            PermissionProof::Partial { granted, total } => granted >= total,
            PermissionProof::Missing { .. } | PermissionProof::Unverifiable | PermissionProof::Contradicted => false,
        })
    };
    !before.tracking.details.is_empty() && before.tracking.details.iter().all(is_proved)
}

fn label(inputs: &Inputs<'_>, name: &CredentialName, scm: Scm, permission: Permission) -> String {
    let description = describe(scm, permission);
    let label = description.map_or(permission.as_str(), |description| description.label);
    match proof(inputs, name, permission) {
        Some(PermissionProof::Partial { granted, total }) => format!("{label} (administrator of {granted} of {total})"),
        Some(PermissionProof::Missing { scope: Some(scope) }) => format!("{label} (scope {scope})"),
        _ => label.to_owned(),
    }
}
