//! Applies a probe's outcome to the evidence book and to what only the sequence of facts can tell.
//!
//! A conclusive finding replaces its slot, unless what stands there is newer. A failure replaces nothing. A first
//! rejection of a credential waits: it is counted, and only a second one, of the same token and some time later, is
//! written.

mod both_sides;
mod credential;
mod failures;
mod group;
mod imports;
mod listing;
mod organization;
mod upstream;

use chrono::{DateTime, TimeDelta, Utc};

use super::emptied;
use super::in_step;
use super::subjects::{forget_other_subjects, revision_of};
use crate::domain::evidence::{About, Evidence, Part, Slot};
use crate::domain::fleet::Fleet;
use crate::domain::names::Revision;
use crate::domain::state::State;
use crate::domain::work::{Finding, ProbeKind, ProbeRun, Work, WorkSubject};

/// What an observation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowUp {
    /// Ask again after [`Policy::confirm_after`]: a credential was rejected, and that is not confirmed yet; or something
    /// that was there is gone, by one answer.
    Confirm(Work),
    /// Ask at once: what is known of it was seen with another account's eyes.
    Ask(Work),
}

/// How observations are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A second rejection at least so long after the first confirms it.
    pub confirm_after: TimeDelta,
}

impl Policy {
    /// For the daemon: long enough for a hiccup of an API's authentication to pass.
    pub const CONFIRM_AFTER: TimeDelta = TimeDelta::seconds(30);
    /// For one pass while a person waits.
    pub const CHECK_CONFIRM_AFTER: TimeDelta = TimeDelta::seconds(2);
}

impl Default for Policy {
    fn default() -> Self {
        Self { confirm_after: Self::CONFIRM_AFTER }
    }
}

/// No round of a probe takes so long, so nothing that came later is so much newer.
const LONGEST_ROUND: TimeDelta = TimeDelta::hours(2);

/// How old evidence may be when the fleet does not say so for its probe.
const DEFAULT_MAX_AGE: TimeDelta = TimeDelta::minutes(15);

/// What every fact of one probe has in common.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    at: DateTime<Utc>,
    probe: ProbeKind,
    max_age: TimeDelta,
    revision: Revision,
}

/// Whether a fact was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Yes,
    /// What stands there is newer.
    Outdated,
}

impl Stamp {
    /// Whether what is known is newer. Something far ahead of this observation was not: a wrong clock wrote it, and it
    /// must not shut out the truth until its time has come.
    fn is_outdated_by<T>(self, known: Option<&Evidence<T>>) -> bool {
        known.is_some_and(|known| known.observed_at > self.at && known.observed_at - self.at < LONGEST_ROUND)
    }

    fn write<T>(self, slot: &mut Slot<T>, value: T) -> Written {
        if self.is_outdated_by(slot.as_ref()) {
            return Written::Outdated;
        }
        *slot = Some(Evidence {
            value,
            observed_at: self.at,
            probe: self.probe,
            max_age: self.max_age,
            revision: self.revision,
            restored_until: None,
        });
        Written::Yes
    }
}

/// Applies `run` to the evidence and the memory of `state`; verdicts follow with [`super::evaluate()`].
pub fn observe(state: &mut State, fleet: &Fleet, policy: Policy, run: &ProbeRun) -> Vec<FollowUp> {
    upstream::apply(state, run);
    if let WorkSubject::Organization(key) = &run.work.subject
        && !listing::is_wanted(state, fleet, key)
    {
        // It was asked before it was gone or left out; what it answers is about nothing that is watched.
        return Vec::new();
    }
    failures::apply(state, fleet, run);
    let max_age = fleet.max_ages.get(&run.work.kind).copied().unwrap_or(DEFAULT_MAX_AGE);
    let mut follow_ups = Vec::new();
    for finding in &run.outcome.findings {
        let (about, part) = subject_of(finding);
        let revision = revision_of(fleet, &state.credentials, about, part).unwrap_or_default();
        let stamp = Stamp { at: run.started_at, probe: run.work.kind, max_age, revision };
        let account = accepted_account(state, finding);
        follow_ups.extend(apply(state, fleet, policy, stamp, finding));
        if accepted_account(state, finding) != account {
            follow_ups.extend(forget_other_subjects(state, fleet).into_iter().map(FollowUp::Ask));
        }
    }
    follow_ups.extend(listing::follow_ups(state, run));
    follow_ups.extend(emptied::follow_ups(state, run));
    follow_ups
}

/// The account of the credential that a finding accepts or rejects, as far as it is known.
fn accepted_account(state: &State, finding: &Finding) -> Option<String> {
    match finding {
        Finding::SnykAuthentication(name, _) | Finding::ScmAuthentication(name, _) => {
            state.credentials.get(name)?.account.clone()
        }
        _ => None,
    }
}

/// What a finding is about, and where it is kept.
fn subject_of(finding: &Finding) -> (About<'_>, Part) {
    match finding {
        Finding::SnykAuthentication(name, _) => (About::SnykToken(name), Part::Authentication),
        Finding::SnykTokenExpiry(name, _) => (About::SnykToken(name), Part::Expiry),
        // What is said of the previous secret goes to the memory of the credential, which tells the secrets apart.
        Finding::ScmAuthentication(name, _) | Finding::PreviousSecret(name, _) => {
            (About::ScmCredential(name), Part::Authentication)
        }
        Finding::ScmCredentialExpiry(name, _) => (About::ScmCredential(name), Part::Expiry),
        Finding::ListedToken(name, _) => (About::ScmCredential(name), Part::ListedToken),
        Finding::Permission(name, ..) => (About::ScmCredential(name), Part::Permissions),
        Finding::GroupAccess(name, _) => (About::Group(name), Part::Access),
        Finding::Assets(name, _) => (About::Group(name), Part::Assets),
        Finding::Catalog(name, _) => (About::Group(name), Part::Catalog),
        Finding::Organizations(name, _) => (About::Group(name), Part::Organizations),
        Finding::RemovedOrganizations(name, _) => (About::Group(name), Part::RemovedOrganizations),
        Finding::Workspaces(name, profile, _) => (About::Profile(name, profile), Part::Workspaces),
        Finding::Repositories(name, profile, _) => (About::Profile(name, profile), Part::Repositories),
        Finding::Fates(name, profile, _) => (About::Profile(name, profile), Part::Fates),
        Finding::OrganizationAccess(key, _) => (About::Organization(key), Part::Access),
        Finding::Presence(key, _) => (About::Organization(key), Part::Presence),
        Finding::Imports(key, _) => (About::Organization(key), Part::Imports),
        Finding::Events(key, _) => (About::Organization(key), Part::Events),
        Finding::Webhooks(key, _) => (About::Organization(key), Part::Webhooks),
        Finding::PullRequestChecks(key, _) => (About::Organization(key), Part::PullRequestChecks),
    }
}

/// One answer that turns good into bad is written, because it is conclusive, and asked for again at once: an incident
/// about it must not rest on a single answer until the next round.
fn ask_again(stamp: Stamp, subject: WorkSubject) -> FollowUp {
    FollowUp::Confirm(Work { kind: stamp.probe, subject })
}

fn apply(state: &mut State, fleet: &Fleet, policy: Policy, stamp: Stamp, finding: &Finding) -> Vec<FollowUp> {
    match finding {
        Finding::SnykAuthentication(name, fact) => {
            return credential::snyk(state, fleet, policy, stamp, name, fact).into_iter().collect();
        }
        Finding::ScmAuthentication(name, fact) => {
            return credential::scm(state, fleet, policy, stamp, name, fact).into_iter().collect();
        }
        Finding::SnykTokenExpiry(name, fact) => {
            let book = state.evidence.snyk_tokens.entry(name.clone()).or_default();
            stamp.write(&mut book.expiry, *fact);
        }
        Finding::ScmCredentialExpiry(name, fact) => {
            let book = state.evidence.scm_credentials.entry(name.clone()).or_default();
            stamp.write(&mut book.expiry, *fact);
        }
        Finding::PreviousSecret(name, fact) => {
            return credential::previous(state, policy, stamp, name, *fact);
        }
        Finding::ListedToken(name, fact) => credential::listed(state, stamp, name, fact),
        Finding::Permission(name, permission, proof) => {
            credential::permission(state, stamp, name, *permission, proof);
        }
        Finding::GroupAccess(name, fact) => {
            return group::on_access(state, fleet, policy, stamp, name, fact).into_iter().collect();
        }
        Finding::Workspaces(name, profile, fact) => {
            return group::on_workspaces(state, fleet, stamp, name, profile, fact);
        }
        Finding::Repositories(name, profile, fact) => {
            return group::on_repositories(state, fleet, stamp, name, profile, fact);
        }
        Finding::Assets(name, fact) => return group::on_assets(state, fleet, stamp, name, fact),
        Finding::Catalog(name, fact) => {
            stamp.write(&mut state.evidence.groups.entry(name.clone()).or_default().catalog, fact.clone());
        }
        Finding::Organizations(name, fact) => listing::on_listing(state, fleet, stamp, name, fact),
        Finding::OrganizationAccess(key, fact) => {
            return listing::on_access(state, policy, stamp, key, fact).into_iter().collect();
        }
        Finding::Presence(key, fact) => {
            let known = state.evidence.organizations.get(key).and_then(|book| book.presence.as_ref());
            let was_there = known.is_some_and(|known| !known.value.is_absent());
            organization::on_presence(state, fleet, stamp, key, fact);
            if was_there && fact.is_absent() {
                return vec![ask_again(stamp, WorkSubject::Organization(key.clone()))];
            }
        }
        Finding::Imports(key, fact) => imports::on_imports(state, fleet, stamp, key, fact),
        Finding::Events(key, fact) => {
            let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().events;
            if stamp.write(slot, fact.clone()) == Written::Yes {
                in_step::remember_saving(state, fleet, key, stamp.at);
            }
        }
        Finding::Webhooks(key, fact) => organization::on_webhooks(state, stamp, key, fact),
        Finding::PullRequestChecks(key, fact) => organization::on_pull_request_checks(state, stamp, key, *fact),
        Finding::Fates(name, profile, fact) => group::on_fates(state, fleet, stamp, name, profile, fact),
        Finding::RemovedOrganizations(name, fact) => {
            let book = state.evidence.groups.entry(name.clone()).or_default();
            stamp.write(&mut book.removed_organizations, fact.clone());
            super::vanishing::assess(state, fleet, name, stamp.at);
        }
    }
    Vec::new()
}
