use chrono::TimeDelta;

use super::sample::{self, organization, organization_key};
use super::*;
use crate::domain::condition::Reason;
use crate::domain::incident::Severity;
use crate::domain::kinds::Truth;
use crate::domain::permission::Permission;
use crate::domain::status::Status;

fn after(previous: &Snapshot, state: &State) -> Snapshot {
    let now = sample::now() + TimeDelta::seconds(10);
    Snapshot::build_after(Some(previous), &sample::fleet(), state, None, now, sample::own())
}

#[test]
fn it_shows_what_is_watched_and_nothing_else() {
    let snapshot = sample::snapshot();
    let shown: Vec<_> = snapshot.integrations.iter().map(|view| (view.key(), view.status.status)).collect();
    let expected = [
        (IntegrationKey::group(sample::name()), Status::PartiallyConnected),
        (organization_key(1), Status::Connected),
        (organization_key(2), Status::Unknown),
        // Required, and not known yet.
        (organization_key(4), Status::Unknown),
    ];
    assert_eq!(shown, expected);
    let required = snapshot.integration(&organization_key(4)).unwrap();
    assert_eq!(required.status.reason, Reason::NotObserved);
    assert!(required.conditions.iter().all(|condition| condition.state.truth == Truth::Unknown));
    assert!(snapshot.integration(&organization_key(3)).is_none());
    assert_eq!(required.title(), format!("acme-bitbucket / {}", organization(4)));

    let nothing = Snapshot::build(&Fleet::default(), &sample::state(), sample::now(), sample::own());
    assert!(nothing.integrations.is_empty() && nothing.credentials.is_empty());
}

#[test]
fn catalog_linked_is_on_the_checklist_of_a_group_with_a_catalog_only() {
    let conditions = |fleet: &Fleet| {
        let snapshot = Snapshot::build(fleet, &sample::state(), sample::now(), sample::own());
        let group = snapshot.integrations.first().unwrap();
        group.conditions.iter().map(|view| view.condition.as_str()).collect::<Vec<_>>()
    };
    let mut fleet = sample::fleet();
    assert_eq!(conditions(&fleet).last(), Some(&"CatalogLinked"));
    fleet.integrations.get_mut(&sample::name()).unwrap().group.as_mut().unwrap().catalog_file = None;
    assert_eq!(conditions(&fleet).last(), Some(&"SyncCurrent"));
}

#[test]
fn views_that_show_nothing_new_are_shared() {
    let first = sample::snapshot();
    let mut state = sample::state();
    // The sample's evidence is built anew; in the daemon it is the same allocation.
    let tally = first.integration(&organization_key(1)).unwrap();
    let same = after(&first, &state);
    assert!(!Arc::ptr_eq(tally, same.integration(&organization_key(1)).unwrap()), "other evidence was counted");
    let again = after(&same, &state);
    for (before, now) in same.integrations.iter().zip(&again.integrations) {
        let known = before.status.reason != Reason::NotObserved;
        assert!(Arc::ptr_eq(before, now) == known, "{}", before.title());
    }
    assert!(same.incidents.iter().zip(&again.incidents).all(|(before, now)| Arc::ptr_eq(before, now)));
    assert!(same.credentials.iter().zip(&again.credentials).all(|(before, now)| Arc::ptr_eq(before, now)));

    let group = IntegrationKey::group(sample::name());
    state.integrations.get_mut(&group).unwrap().progress.as_mut().unwrap().found = 97;
    let moved = after(&again, &state);
    let (before, now) = (again.integration(&group).unwrap(), moved.integration(&group).unwrap());
    assert!(!Arc::ptr_eq(before, now));
    let (before, now) = (before.progress.as_ref().unwrap(), now.progress.as_ref().unwrap());
    assert_eq!(now.found, 97);
    assert!(Arc::ptr_eq(&before.missing_repositories, &now.missing_repositories), "its lists did not change");

    let (key, incident) = state.incidents.iter_mut().next().unwrap();
    incident.severity = Severity::Critical;
    let (key, escalated) = (key.clone(), after(&moved, &state));
    let view = escalated.incidents.iter().find(|view| view.key == key).unwrap();
    assert_eq!(view.severity, Severity::Critical);
}

#[test]
fn a_status_from_before_the_start_is_called_restored() {
    let build = |own| Snapshot::build(&sample::fleet(), &sample::state(), sample::now(), own);
    let key = IntegrationKey::group(sample::name());
    assert!(!build(sample::own()).integration(&key).unwrap().restored);
    let restarted = Own { started_at: sample::now(), ..sample::own() };
    assert!(build(restarted).integration(&key).unwrap().restored);
}

#[test]
fn a_credential_shows_its_permissions_and_never_its_secret() {
    let snapshot = sample::snapshot();
    let [snyk, bitbucket] = &snapshot.credentials[..] else { panic!("two credentials") };
    assert_eq!((snyk.credential.as_str(), snyk.kind.as_str(), snyk.role), ("acme-us", "snyk_token", None));
    let shown = |permission| {
        let view = bitbucket.permissions.iter().find(|view| view.permission == permission).unwrap();
        (view.granted, view.requirement)
    };
    assert_eq!(shown(Permission::RepositoryRead), (Truth::True, Requirement::Required));
    assert_eq!(shown(Permission::WebhookWrite), (Truth::False, Requirement::Required));
    assert_eq!(shown(Permission::IssueRead), (Truth::Unknown, Requirement::Optional));
    assert_eq!(shown(Permission::RepositoryAdmin), (Truth::False, Requirement::Required));
    assert_eq!(shown(Permission::ProjectRead), (Truth::Unknown, Requirement::Required));
    let uses: Vec<_> = bitbucket.used_by.iter().map(|used| (used.level.as_str(), used.count)).collect();
    assert_eq!(uses, [("group", 1), ("organization", 3)]);

    let stale = Snapshot::build(&sample::fleet(), &sample::state(), sample::now() + TimeDelta::days(1), sample::own());
    assert!(stale.credentials[1].permissions.iter().all(|view| view.granted == Truth::Unknown));

    let json = serde_json::to_string(&snapshot).unwrap();
    assert!(!json.contains(sample::TOKEN_VERSION), "{json}");
}

#[test]
fn a_credential_that_can_write_is_shown_with_the_scopes_of_one_that_could_not() {
    let mut state = sample::state();
    let shown = |state: &State, now| {
        let snapshot = Snapshot::build(&sample::fleet(), state, now, sample::own());
        snapshot.credentials[1].write_access.clone()
    };
    assert_eq!(shown(&state, sample::now()), None, "nothing says that it can");
    let proofs = &mut state.evidence.scm_credentials.get_mut(&"bitbucket-acme".into()).unwrap().permissions;
    let granted = proofs[&Permission::RepositoryRead].clone();
    proofs.insert(Permission::PullRequestWrite, granted);
    let access = shown(&state, sample::now()).unwrap();
    assert_eq!(access.granted, ["Pull requests: write"]);
    let scopes =
        ["read:user:bitbucket", "read:workspace:bitbucket", "read:repository:bitbucket", "read:webhook:bitbucket"];
    assert_eq!(access.read_only_scopes, scopes);
    assert_eq!(shown(&state, sample::now() + TimeDelta::days(1)), None, "that was long ago");
}

#[test]
fn incidents_stand_open_before_pending_and_worst_first() {
    let snapshot = sample::snapshot();
    let shown: Vec<_> = snapshot.incidents.iter().map(|view| format!("{} {}", view.phase, view.id)).collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    open NamespaceNotFound/namespace/acme-bitbucket/acme-two
    open UpstreamUnreachable/api/snyk/acme-us
    open PartiallyConnected/integration/acme-bitbucket
    open TestsStale/organizations/acme-bitbucket
    pending NamespaceNotFound/namespace/acme-bitbucket/acme
    pending CredentialExpiring/credential/bitbucket-acme
    ");
}

#[tokio::test]
async fn readers_get_the_latest_snapshot() {
    let (mut publisher, mut reader) = SnapshotPublisher::new(sample::own());
    assert!(reader.latest().is_none());
    publisher.publish(&sample::fleet(), &State::default(), None, sample::now());
    publisher.publish(&sample::fleet(), &sample::state(), None, sample::now());
    let waited = reader.next().await.unwrap();
    assert!(Arc::ptr_eq(&waited.snapshot, &reader.latest().unwrap().snapshot));
    assert_eq!(waited.snapshot.incidents.len(), sample::incidents().len());
    drop(publisher);
    assert!(reader.next().await.is_none());
    assert!(reader.latest().is_some(), "the last word stays");
}
