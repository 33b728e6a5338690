//! A credential whose secret was refused when it was read: nothing is asked with it, and what hangs on it says so.

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::Part;
use crate::domain::kinds::{Role, Truth};
use crate::domain::names::{ApiName, CredentialName};
use crate::domain::status::Status;
use crate::domain::work::{FailedAt, Outcome, ProbeFailure, ProbeKind, ProbeRun, Work, WorkSubject};

use super::super::testing::{PAT, SCM_API, World, hours, minutes, start};
use super::super::{Policy, forget_other_subjects, observe};

const WHY: &str = "could not ask who the credential is: the secret from file token stands in quotes; take them away";

fn pat() -> CredentialName {
    CredentialName::from(PAT)
}

/// Nothing was sent, so nothing answered.
fn ask_in_vain(world: &mut World) {
    let failure = ProbeFailure {
        part: Some(Part::Authentication),
        api: ApiName::from(SCM_API),
        reason: "secret_refused",
        detail: WHY.to_owned(),
        failed_at: FailedAt::Ourselves,
        retry_after: None,
    };
    let work = Work { kind: ProbeKind::ScmCredential, subject: WorkSubject::Credential(pat()) };
    let outcome = Outcome { failures: vec![failure], ..Outcome::default() };
    let run = ProbeRun { work, started_at: world.now, finished_at: world.now, outcome };
    observe(&mut world.state, &world.fleet, Policy::default(), &run);
}

/// A healthy installation that is started anew with a secret that is none.
fn restarted_with_a_refused_secret(role: Role) -> World {
    let mut world = World::healthy(5, 1);
    world.sync(start() - hours(1));
    let watched = world.fleet.scm_credentials.get_mut(&pat()).unwrap();
    watched.role = role;
    world.pass(hours(1));
    let watched = world.fleet.scm_credentials.get_mut(&pat()).unwrap();
    watched.token_version = None;
    watched.refused = Some(WHY.to_owned());
    watched.revision = watched.host.with("");
    forget_other_subjects(&mut world.state, &world.fleet);
    ask_in_vain(&mut world);
    world.evaluate();
    world
}

#[test]
fn its_conditions_are_unknown_and_say_what_was_refused() {
    let world = restarted_with_a_refused_secret(Role::Integration);
    for level in [None, Some(0)] {
        for condition in [Condition::CredentialValid, Condition::PermissionsGranted] {
            assert_eq!(world.condition(level, condition), (Truth::Unknown, Reason::SecretRefused), "{condition}");
        }
        assert_eq!(world.status(level), (Status::Unknown, Reason::SecretRefused));
        assert!(world.message(level).contains("stands in quotes"), "{}", world.message(level));
    }
    let next_step = world.stored(None).status.as_ref().unwrap().next_step.clone().unwrap();
    assert!(next_step.starts_with("snykwatch operator: put the token, and nothing else"), "{next_step}");
}

#[test]
fn it_says_nothing_of_the_api() {
    let mut world = restarted_with_a_refused_secret(Role::Integration);
    world.now += minutes(5);
    ask_in_vain(&mut world);
    let facts = &world.state.evidence.apis[&ApiName::from(SCM_API)];
    assert_eq!((facts.inconclusive_since, &facts.last_failure), (None, &None));
}

#[test]
fn an_observer_proves_nothing_and_is_not_idle() {
    let world = restarted_with_a_refused_secret(Role::Observer);
    // No account is known here, so that what was seen with the token before proves nothing.
    assert_eq!(world.condition(None, Condition::CredentialValid), (Truth::Unknown, Reason::SecretRefused));
}
