//! Ends: what proved them and what is left to do are one list.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::{Parts, Story, of_end, of_forgotten, of_incident};
use crate::domain::condition::Reason;
use crate::domain::facts::{CredentialExpiry, PermissionProof, RejectionCause, ScmAuthentication};
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::kinds::{Source, Truth};
use crate::domain::names::CredentialName;
use crate::domain::notification::About;
use crate::domain::page::Page;
use crate::domain::permission::Permission;
use crate::domain::rotation::{OldToken, Rotation, RotationSource, Saved};
use crate::domain::state::{Change, State};
use crate::domain::work::Finding;
use crate::health::incidents;
use crate::health::testing::{PAT, SNYK_API, TOKEN, World, minutes, start};

fn expiring(rule: Rule, name: &str) -> IncidentKey {
    IncidentKey { rule, subject: Subject::Credential(CredentialName::from(name)) }
}

/// A token that was about to expire is replaced: what the rules say of the end, and what a person reads.
fn replaced(rule: Rule, name: &str, in_step: &[Truth]) -> (String, Page) {
    let finding = |days| {
        let at = CredentialExpiry::At { at: start() + TimeDelta::days(days), source: Source::Measured };
        if rule == Rule::SnykTokenExpiring {
            Finding::SnykTokenExpiry(CredentialName::from(name), at)
        } else {
            Finding::ScmCredentialExpiry(CredentialName::from(name), at)
        }
    };
    let mut story = Story::healthy(3, in_step.len(), |world: &mut World| world.extra = vec![finding(10)]);
    story.pass(minutes(30));
    let told = story.page(rule);
    story.world.extra = vec![finding(365)];
    story.world.probe();
    let keys = story.world.state.integrations.keys().filter(|key| key.organization.is_some());
    let told_of: Vec<_> = keys.cloned().zip(in_step.iter().copied()).collect();
    let of = |truth| told_of.iter().filter(move |(_, told)| *told == truth).map(|(key, _)| key.clone());
    let at = story.world.now;
    story.world.state.credentials.get_mut(&CredentialName::from(PAT)).unwrap().rotation = Some(Rotation {
        at,
        source: RotationSource::FirstUse,
        seen_at: at,
        old: OldToken::default(),
        saved: of(Truth::True).map(|key| (key, Saved { at, user_id: None })).collect(),
        outstanding: of(Truth::False).collect(),
        untold: of(Truth::Unknown).map(|key| (key, Reason::NotObserved)).collect(),
        unused: BTreeSet::new(),
        done_at: None,
    });
    let transitions = incidents::evaluate(&mut story.world.state, &story.world.fleet, story.world.now);
    let end = |change: &Change| matches!(change, Change::Resolved { incident, .. } if incident.rule == rule);
    let because = transitions.iter().find(|transition| end(&transition.change)).unwrap().cause.clone();
    let parts = Parts::default();
    let situation = parts.situation(&story.world, story.world.now);
    let about = About::Incident(expiring(rule, name));
    let page = of_end(&about, &told, start(), &because, &story.world.state, &situation);
    (because, page)
}

#[test]
fn what_is_left_to_do_is_what_the_end_says() {
    let (because, page) = replaced(Rule::CredentialExpiring, PAT, &[Truth::False, Truth::Unknown, Truth::Unknown]);
    assert!(because.contains("still to be saved in 1 Organization"), "{because}");
    assert!(because.contains("nothing tells which token 2 integrations have"), "{because}");
    assert_eq!(
        page.next_step,
        "(Organization Admin) Save the new token in 1 Organization before the old one ends; (Organization Admin) Check \
         that the new token is saved in 2 Organizations: nothing tells."
    );
    assert_eq!((page.members.len(), page.more_members), (3, 0));
    let (because, page) = replaced(Rule::CredentialExpiring, PAT, &[Truth::True, Truth::True]);
    assert!(!because.contains("rotation goes on"), "{because}");
    assert_eq!((page.next_step.as_str(), page.members.len()), ("No action needed.", 0));
    // Snyk's token is saved nowhere else: the PATs of the Organizations are another story.
    let (because, page) = replaced(Rule::SnykTokenExpiring, TOKEN, &[Truth::False, Truth::Unknown]);
    assert!(!because.contains("Organization"), "{because}");
    assert_eq!(page.next_step, "No action needed.");
}

#[test]
fn an_end_names_what_is_still_open_and_claims_no_repair_that_nobody_saw() {
    let mut story = Story::new(World::just_set_up(12, 0));
    story.pass(TimeDelta::hours(14));
    let told = story.page(Rule::PartiallyConnected);
    let parts = Parts::default();
    let situation = parts.situation(&story.world, story.world.now);
    let key = story.world.state.incidents.keys().next().unwrap().clone();
    let end =
        |about: &About, because: &str| of_end(about, &told, start(), because, &story.world.state, &situation).next_step;
    let other = About::Incident(IncidentKey { rule: Rule::SyncStalled, ..key.clone() });
    assert_eq!(end(&other, "changes reach the Inventory again"), format!("Still open here: {key}."));
    let about = About::Incident(key);
    assert_eq!(end(&about, "the status is connected now"), "No action needed.");
    assert!(end(&about, "no longer watched").contains("nobody saw whether it was repaired"));
}

/// The labels are an alert's identity: without them an end ends nothing. Whoever lost the state does not know what was
/// affected, and knows no Organization yet.
#[test]
fn an_end_that_was_forgotten_has_the_labels_of_its_begin() {
    let breaking: [fn(&mut World); 5] = [
        |world| {
            drop(world.main().permissions.insert(Permission::WebhookWrite, PermissionProof::Missing { scope: None }));
        },
        |world| {
            drop(world.main().permissions.insert(Permission::RepositoryRead, PermissionProof::Missing { scope: None }));
        },
        |world| world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked),
        |world| world.down.extend([SNYK_API.into()]),
        |world| world.assets.clear(),
    ];
    let mut compared = BTreeSet::new();
    for breaks in breaking {
        let story = Story::healthy(5, 2, breaks).after(minutes(60 * 30));
        let (world, parts) = (&story.world, Parts::default());
        let situation = parts.situation(world, world.now);
        for (key, incident) in &world.state.incidents {
            let begin = of_incident(key, incident, &world.state, &situation).labels;
            for state in [&world.state, &State::default()] {
                assert_eq!(
                    of_forgotten(key, &[], world.now, "that it is well", state, &situation).labels,
                    begin,
                    "{key}"
                );
            }
            compared.insert(key.to_string());
        }
    }
    for subject in ["PermissionsMissing/credential/", "/api/", "ConnectionFailed/integration/", "/organizations/"] {
        assert!(compared.iter().any(|key| key.contains(subject)), "{subject}: {compared:?}");
    }
}
