//! Our own copy of a PAT goes bad, which says nothing of the one that is saved in Snyk.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_ACCOUNT, ACME_CREDENTIAL, ACME_PROFILE, pilot_guide_scopes};

/// What stands in our secret file after a slip of the hand: a token that Bitbucket does not know.
const MISTYPED: &str = "mistyped";

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "our-copy-mistyped",
            line: Some(41),
            title: "the PAT is copied into our secret file again, with a typo; Snyk goes on with its own copy",
            verdict: "our copy is named first, a warning; unknown / our_copy_rejected while assets move",
            pages: &[(Rule::CredentialInvalid, Severity::Warning)],
            story: our_copy_mistyped,
        },
        Scenario {
            name: "new-pat-works-nowhere",
            line: Some(41),
            title: "a new PAT is saved in Snyk and in our secret file, and Bitbucket knows neither",
            verdict: "our copy is suspected first; once nothing has moved for 26 hours it is the PAT, and critical",
            pages: &[(Rule::CredentialInvalid, Severity::Warning), (Rule::CredentialInvalid, Severity::Critical)],
            story: new_pat_works_nowhere,
        },
    ]
}

/// A settled installation, and a token that looks right and is known to nobody.
fn with_a_mistyped_token(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 1);
    if let Some(owner) = story.world.account_id(ACME_ACCOUNT) {
        story.world.add_api_token(MISTYPED, owner, pilot_guide_scopes());
        story.world.revoke_credential(MISTYPED);
    }
    story
}

fn our_copy_is_named() -> [E; 4] {
    [
        only(Rule::CredentialInvalid, PAT, Severity::Warning),
        E::IncidentSays(Rule::CredentialInvalid, "Our copy of credential bitbucket-acme"),
        E::IncidentSays(Rule::CredentialInvalid, "Put the token that is saved in Snyk into the secret"),
        E::IncidentSays(Rule::CredentialInvalid, "the copy before it worked until"),
    ]
}

fn our_copy_mistyped(start: DateTime<Utc>) -> Story {
    let go_on = |reason| E::Condition(Group, Condition::CredentialValid, Truth::Unknown, reason);
    with_a_mistyped_token(start)
        .expect(hours(5), [connected(Group), connected(Organization(0)), quiet()])
        // Half an hour before Snyk synchronises.
        .write_secret(clock(5, 30), "bitbucket-acme", MISTYPED)
        .expect(clock(5, 40), our_copy_is_named())
        .change(clock(5, 45), "somebody pushes; Snyk fetches it with its own copy", |world| world.push("service-001"))
        .expect(
            clock(6, 50),
            [E::Status(Group, Status::Unknown, Reason::OurCopyRejected), go_on(Reason::OurCopyRejected)],
        )
        .expect(clock(6, 50), our_copy_is_named())
        .write_secret(clock(7, 0), "bitbucket-acme", ACME_CREDENTIAL)
        .expect(
            hours(9),
            [
                connected(Group),
                connected(Organization(0)),
                E::Condition(Group, Condition::CredentialInStep, Truth::NotApplicable, Reason::NotRotated),
                E::ResolvedAtPager(Rule::CredentialInvalid),
                quiet(),
            ],
        )
}

fn new_pat_works_nowhere(start: DateTime<Utc>) -> Story {
    with_a_mistyped_token(start)
        .expect(hours(1), [connected(Group), quiet()])
        .change(hours(2), "the PAT that nobody knows is saved in Snyk, and the old one revoked", |world| {
            world.save_at_group(ACME_PROFILE, MISTYPED);
            world.save_at_organization("acme-team-000", MISTYPED);
            world.revoke_credential(ACME_CREDENTIAL);
        })
        .write_secret(hours(2), "bitbucket-acme", MISTYPED)
        .expect(hours(3), our_copy_is_named())
        .expect(
            hours(30),
            [
                E::Status(Group, Status::ConnectionFailed, Reason::CredentialWrongTokenOrEmail),
                E::Condition(Group, Condition::CredentialValid, Truth::False, Reason::CredentialWrongTokenOrEmail),
                only(Rule::CredentialInvalid, PAT, Severity::Critical),
                E::IncidentSays(Rule::CredentialInvalid, "create a new one and save it in Snyk"),
            ],
        )
}
