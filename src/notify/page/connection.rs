//! Rules about a Group integration: its workspaces, its profiles, its Inventory, its synchronisation, its catalog.

use super::credentials;
use super::draft::Draft;
use super::scene::{Scene, measured, plain};
use crate::domain::condition::Condition;
use crate::domain::facts::WorkspaceFact;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::{Source, Truth};
use crate::domain::names::{ApiName, IntegrationKey, IntegrationName};
use crate::domain::page::Claim;
use crate::domain::state::DeletedProfile;
use crate::domain::status::Status;
use crate::health::incidents::text::{count, instant, span};

/// About a workspace.
pub(super) fn workspace(scene: &Scene<'_>) -> Draft {
    let mut draft = Draft::default();
    let Subject::Workspace(name, slug) = &scene.key.subject else { return draft };
    let key = IntegrationKey::group(name.clone());
    let group = scene.state.evidence.groups.get(name);
    for (profile, evidence) in group.iter().flat_map(|group| &group.profiles) {
        if let Some(workspaces) = &evidence.workspaces
            && let Some(fact) = workspaces.value.get(slug)
        {
            let told = match fact {
                WorkspaceFact::Member { .. } => "the account is a member".to_owned(),
                WorkspaceFact::NotMember => "it answers, and the account is not a member".to_owned(),
                WorkspaceFact::Renamed { to } => {
                    format!("its stable id is listed under the name {}", plain(to.as_str()))
                }
                WorkspaceFact::NotFound => {
                    "the Git host has none of this name, and none of the account's workspaces has its id".to_owned()
                }
                WorkspaceFact::ShutOut { why } => format!("the account is a member and shut out: {}", plain(why)),
                WorkspaceFact::Untold { why, .. } => format!("nothing tells what the account is to it: {}", plain(why)),
                WorkspaceFact::Contradicted => "it is listed among the account's workspaces and answers 404".to_owned(),
            };
            draft.claim([measured(
                workspaces,
                format!("Workspace {slug}, asked with the credential of profile {profile}: {told}."),
            )]);
        }
    }
    draft.claim(last_movement(scene, &key));
    draft.rule_out(outside(scene, name));
    let looked_at = [Condition::CredentialValid, Condition::CredentialFresh, Condition::PermissionsGranted];
    draft.rule_out(looked_at.into_iter().filter_map(|condition| scene.cleared(&key, condition)));
    draft
}

/// About one Group integration.
pub(super) fn group(scene: &Scene<'_>) -> Draft {
    let mut draft = Draft::default();
    let Subject::Integration(key) = &scene.key.subject else { return draft };
    let telling: &[Condition] = match scene.key.rule {
        Rule::CatalogNotLinked => &[Condition::CatalogLinked],
        Rule::SyncStalled => &[Condition::SyncCurrent, Condition::InventoryComplete],
        Rule::ConnectionFailed => {
            &[Condition::CredentialValid, Condition::RepositoriesVisible, Condition::PermissionsGranted]
        }
        _ => &[
            if scene.condition(key, Condition::InventoryPopulated).is_some_and(|state| state.truth == Truth::False) {
                Condition::InventoryPopulated
            } else {
                Condition::InventoryComplete
            },
            Condition::RepositoriesVisible,
            Condition::CredentialValid,
            Condition::PermissionsGranted,
            Condition::CredentialInStep,
        ],
    };
    // What is well is told once: below, as ruled out.
    let speaks = |condition: &&Condition| {
        matches!(**condition, Condition::InventoryComplete) || scene.cleared(key, **condition).is_none()
    };
    draft.claim(telling.iter().filter(speaks).filter_map(|condition| scene.claim(key, *condition)));
    if scene.key.rule != Rule::CatalogNotLinked {
        credentials::of_integration(scene, &mut draft);
        draft.claim(last_movement(scene, key));
        draft.claim(deleted_profiles(scene, key));
        draft.claim(last_connected(scene, key));
    }
    draft.rule_out(outside(scene, &key.integration));
    let looked_at = [
        Condition::SnykAccessible,
        Condition::CredentialValid,
        Condition::CredentialFresh,
        Condition::PermissionsGranted,
        Condition::CredentialInStep,
        Condition::RepositoriesVisible,
        Condition::SyncCurrent,
    ];
    // Where nothing arrived yet, nothing can be late: that is no proof.
    let proves = |condition: &Condition| {
        *condition != Condition::SyncCurrent || !matches!(scene.key.rule, Rule::PartiallyConnected)
    };
    draft.rule_out(looked_at.into_iter().filter(proves).filter_map(|condition| scene.cleared(key, condition)));
    draft
}

/// That both ends answer.
pub(super) fn outside(scene: &Scene<'_>, name: &IntegrationName) -> Option<String> {
    scene.answers(both_ends(scene, name))
}

/// The APIs of both ends.
pub(super) fn both_ends<'a>(scene: &Scene<'a>, name: &IntegrationName) -> Vec<&'a ApiName> {
    let watched = scene.fleet().integrations.get(name);
    let group = watched.and_then(|watched| watched.group.as_ref()).map(|group| &group.snyk);
    let snyk =
        group.or_else(|| watched.and_then(|watched| watched.organizations.as_ref()).map(|watched| &watched.snyk));
    snyk.into_iter().chain(scene.credentials()).filter_map(|name| scene.api_of(name)).collect()
}

/// The last proof of life.
fn last_movement(scene: &Scene<'_>, key: &IntegrationKey) -> Option<Claim> {
    let state = scene.integration(key)?;
    let walked_at = scene.state.evidence.groups.get(&key.integration)?.assets.as_ref()?.observed_at;
    let text = match (state.group.last_asset_moved_at, state.group.was_populated) {
        (Some(at), _) => format!("The last movement of an asset was {}.", instant(at)),
        (None, false) => "No synchronisation was ever seen: no asset of it has been in the Inventory.".to_owned(),
        (None, true) => return None,
    };
    Some(Claim { text, source: Source::Measured, observed_at: Some(walked_at) })
}

fn deleted_profiles(scene: &Scene<'_>, key: &IntegrationKey) -> Vec<Claim> {
    let memory = scene.integration(key).map(|state| &state.group.deleted_profiles);
    let claim = |(profile, deleted): (&_, &DeletedProfile)| Claim {
        text: format!(
            "Snyk removed {} of {} of profile {profile} with the reason deleted-profile, while their repositories are still visible.",
            deleted.gone,
            count(deleted.of, "asset"),
        ),
        source: Source::Measured,
        observed_at: Some(deleted.at),
    };
    memory.into_iter().flatten().map(claim).collect()
}

/// How it was before.
fn last_connected(scene: &Scene<'_>, key: &IntegrationKey) -> Option<Claim> {
    let status = scene.integration(key)?.status.as_ref()?;
    let connected_for = scene.fleet().integrations.get(&key.integration)?.thresholds.connected_for;
    let (text, observed_at) = match (status.status, status.last_connected_at) {
        (Status::Connected, _) if scene.now() - status.since < connected_for => {
            (format!("It is connected, not yet for {}.", span(connected_for)), None)
        }
        (Status::Connected, _) => return None,
        (_, Some(at)) => (format!("It was last connected {}.", instant(at)), Some(at)),
        (_, None) => (format!("It was not yet seen connected for {}.", span(connected_for)), None),
    };
    Some(Claim { text, source: Source::Inferred, observed_at })
}
