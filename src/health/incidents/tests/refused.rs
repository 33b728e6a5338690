//! Secrets that were refused when they were read: told at once, once for each credential.

use super::world::{World, group, hours, organization, pat, resolutions, snyk};
use crate::domain::condition::Reason;
use crate::domain::fleet::RulePolicy;
use crate::domain::incident::Rule;
use crate::domain::policy::Case;
use crate::domain::status::Status;

const WHY: &str = "the secret from file /run/secrets/token stands in quotes; take them away";

fn blind(world: &mut World) {
    for key in [group(), organization(1), organization(2)] {
        world.status(&key, Status::Unknown, Reason::SecretRefused);
    }
}

/// A daemon that starts with a PAT in quotes.
fn started_with_a_refused_pat() -> World {
    let mut world = World::new(2);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().refused = Some(WHY.to_owned());
    blind(&mut world);
    world
}

#[test]
fn it_is_told_at_once_and_holds_back_what_follows() {
    let mut world = started_with_a_refused_pat();
    world.evaluate();
    assert_eq!(world.open(), ["StatusUnknown/credential/bitbucket-acme warning"]);
    let incident = world.incident(Rule::StatusUnknown);
    assert_eq!(incident.affected.len(), 3);
    assert!(incident.summary.contains("stands in quotes"), "{}", incident.summary);
    assert!(incident.next_step.starts_with("(snykwatch operator) "), "{}", incident.next_step);
    world.at(hours(23));
    assert_eq!(world.open(), ["StatusUnknown/credential/bitbucket-acme warning"], "once, not for each integration");
    world.at(hours(24));
    assert_eq!(world.open(), ["StatusUnknown/credential/bitbucket-acme critical"], "a Group is blind for a day");
}

#[test]
fn it_ends_when_the_file_is_right() {
    let mut world = started_with_a_refused_pat();
    world.at(hours(2));
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().refused = None;
    assert_eq!(
        resolutions(&world.evaluate()),
        ["StatusUnknown/credential/bitbucket-acme: its secret is a token, and is asked with"]
    );
    assert_eq!(world.open(), [""; 0], "what could not be looked at gets the time to show");
}

#[test]
fn each_credential_is_told_for_itself() {
    let mut world = started_with_a_refused_pat();
    world.fleet.snyk_tokens.get_mut(&snyk()).unwrap().refused = Some(WHY.to_owned());
    world.evaluate();
    assert_eq!(world.open().len(), 2, "{:?}", world.open());
    assert!(world.open().contains(&format!("StatusUnknown/credential/{} warning", snyk())));
}

#[test]
fn without_a_group_it_stays_a_warning() {
    let mut world = started_with_a_refused_pat();
    world.without_group();
    world.at(hours(72));
    assert_eq!(world.open(), ["StatusUnknown/credential/bitbucket-acme warning"]);
}

#[test]
fn its_delay_is_a_setting_of_its_own() {
    let mut world = started_with_a_refused_pat();
    world.shared_rules(|rules: RulePolicy| rules.opening_after(Rule::StatusUnknown, Case::SecretRefused, hours(1)));
    world.evaluate();
    assert_eq!(world.open(), [""; 0]);
    world.at(hours(1));
    assert_eq!(world.open(), ["StatusUnknown/credential/bitbucket-acme warning"]);
}
