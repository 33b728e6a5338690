//! One list refuses, or is cut, while everything else answers: unknown in the API's own words, and never false.

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::Part;
use crate::domain::incident::{IncidentKey, IncidentState, Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::status::Status;

use super::super::incidents;
use super::super::testing::{World, hours, minutes};

/// An answer in place of a list: its class, its words, the reason that is made of it, and what the next step has in it
/// where Snyk was asked, and where the Git host was.
type Answer = (&'static str, &'static str, Reason, [&'static str; 2]);

const ANSWERS: [Answer; 6] = [
    (
        "forbidden",
        "HTTP 403: this role may not view assets",
        Reason::EndpointRefused,
        [
            "Group Admin: give the account of our Snyk token a role that may read this",
            "Git host admin: allow the token's account what the answer names",
        ],
    ),
    ("not_found", "HTTP 404", Reason::EndpointNotFound, ["check `region` or `api_url`"; 2]),
    (
        "gone",
        "HTTP 410: CHANGE-2770",
        Reason::EndpointGone,
        ["Snyk no longer has this endpoint", "the Git host no longer has this endpoint"],
    ),
    ("unexpected_body", "a map", Reason::AnswerNotUnderstood, ["a proxy or a login page"; 2]),
    (
        "incomplete",
        "the list ends after 900 of the 1234 items that it states",
        Reason::ListIncomplete,
        ["report it to Snyk", "report it to the Git host"],
    ),
    ("server_error", "HTTP 500", Reason::UpstreamFailing, ["whether Snyk reports", "whether the Git host reports"]),
];

/// Which conditions are unknown for want of a list, and which rest on other answers.
const LISTS: [(Part, &[Condition], &[Condition]); 2] = [
    (
        Part::Assets,
        &[Condition::InventoryPopulated, Condition::InventoryComplete, Condition::SyncCurrent],
        &[
            Condition::SnykAccessible,
            Condition::CredentialValid,
            Condition::PermissionsGranted,
            Condition::RepositoriesVisible,
        ],
    ),
    (
        Part::Repositories,
        &[
            Condition::RepositoriesVisible,
            Condition::InventoryPopulated,
            Condition::InventoryComplete,
            Condition::SyncCurrent,
        ],
        &[Condition::SnykAccessible, Condition::CredentialValid, Condition::PermissionsGranted],
    ),
];

fn next_step(world: &World) -> String {
    world.stored(None).status.as_ref().unwrap().next_step.clone().unwrap_or_default()
}

/// The Group is unknown for this reason, in these words, with a next step that fits them; the rest goes on.
#[track_caller]
fn expect_unknown(world: &World, list: usize, (class, words, reason, steps): Answer) {
    let (part, unknown, known) = LISTS[list];
    assert_eq!(world.status(None), (Status::Unknown, reason), "{part:?} {class}: {}", world.message(None));
    assert!(world.message(None).contains(words), "{part:?} {class}: {}", world.message(None));
    let step = next_step(world);
    assert!(step.contains(steps[list]) && !step.contains("snykwatch check"), "{part:?} {class}: {step}");
    for condition in unknown {
        assert_eq!(world.condition(None, *condition).0, Truth::Unknown, "{part:?} {class}: {condition}");
    }
    for condition in known {
        assert_eq!(world.condition(None, *condition).0, Truth::True, "{part:?} {class}: {condition}");
    }
    for number in 0..2 {
        assert_eq!(world.status(Some(number)), (Status::Connected, Reason::Ok), "{part:?} {class}");
    }
}

#[test]
fn what_is_known_stands_until_it_is_old_and_is_unknown_in_the_words_of_the_answer_then() {
    for (list, (part, ..)) in LISTS.into_iter().enumerate() {
        for answer in ANSWERS {
            let (class, words, ..) = answer;
            let mut world = World::healthy(20, 2);
            world.pass(hours(1));
            world.fails.insert(part, (class, words));
            world.pass(minutes(30));
            assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{class}: {}", world.message(None));
            world.pass(hours(3));
            expect_unknown(&world, list, answer);
            world.fails.clear();
            world.pass(minutes(15));
            assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{class}: {}", world.message(None));
        }
    }
}

#[test]
fn from_the_first_day_it_is_unknown_in_the_words_of_the_answer() {
    for (list, (part, ..)) in LISTS.into_iter().enumerate() {
        for answer in ANSWERS {
            let (class, words, ..) = answer;
            let mut world = World::healthy(20, 2);
            world.fails.insert(part, (class, words));
            world.probe();
            expect_unknown(&world, list, answer);
            world.pass(hours(30));
            expect_unknown(&world, list, answer);
        }
    }
}

#[test]
fn its_incident_says_the_words_and_the_next_step_and_ends_with_it() {
    for (list, (part, ..)) in LISTS.into_iter().enumerate() {
        let (class, words, _, steps) = ANSWERS[0];
        let mut world = World::healthy(20, 2);
        world.fails.insert(part, (class, words));
        let judge = |world: &mut World| incidents::evaluate(&mut world.state, &world.fleet, world.now);
        world.probe();
        judge(&mut world);
        world.pass(hours(2));
        judge(&mut world);
        let key = IncidentKey { rule: Rule::StatusUnknown, subject: Subject::Integration(World::key(None)) };
        assert_eq!(world.state.incidents.keys().collect::<Vec<_>>(), [&key]);
        let incident = &world.state.incidents[&key];
        assert!(incident.is_open() && incident.summary.contains(words), "{}", incident.summary);
        assert!(incident.next_step.contains(steps[list]), "{}", incident.next_step);
        world.fails.clear();
        world.pass(hours(1));
        judge(&mut world);
        assert!(!world.state.incidents.get(&key).is_some_and(IncidentState::is_open));
    }
}

#[test]
fn a_list_that_is_cut_is_not_called_a_page_for_people() {
    for (part, ..) in LISTS {
        let mut world = World::healthy(20, 2);
        world.fails.insert(part, ("incomplete", "the list ends after 900 of the 1234 items that it states"));
        world.pass(hours(2));
        let conditions = world.stored(None).conditions.values().map(|condition| condition.message.clone());
        let said: Vec<String> = conditions.chain([world.message(None).to_owned(), next_step(&world)]).collect();
        let said = said.join("\n");
        assert!(said.contains("900 of the 1234"), "{said}");
        for wrong in ["login page", "proxy", "api_url"] {
            assert!(!said.contains(wrong), "{part:?}: {said}");
        }
    }
}
