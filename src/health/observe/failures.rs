//! The last try to observe each part of a subject, when it concluded nothing: every unknown says why, in the API's own
//! words. An observation ends it; a try that failed for another reason is a new word for the same blindness.

use std::collections::BTreeSet;

use super::super::subjects::revision_of;
use crate::domain::condition::Reason;
use crate::domain::evidence::{About, FailedAttempt, FailedAttempts, Part};
use crate::domain::facts::{Access, AuditEvents};
use crate::domain::fleet::Fleet;
use crate::domain::names::IntegrationKey;
use crate::domain::state::State;
use crate::domain::work::{Finding, ProbeKind, ProbeRun, Work, WorkSubject};

/// Notes what this run could not observe, and forgets what it did.
pub(super) fn apply(state: &mut State, fleet: &Fleet, run: &ProbeRun) {
    for failure in &run.outcome.failures {
        let Some(part) = failure.part else { continue };
        let revision = revision_of(fleet, &state.credentials, about(&run.work), part).unwrap_or_default();
        let Some(failures) = failures_of(state, &run.work, part) else { continue };
        let (at, reason, detail) = (run.started_at, Reason::of_failure(failure.reason), failure.detail.clone());
        // The works do not tell: one may ask both ends.
        let end = fleet.end_of(&failure.api);
        note(failures, part, FailedAttempt { since: at, at, reason, detail, end, revision });
    }
    // What was found in a part of the places leaves the failure of the others.
    let failed: BTreeSet<Part> = run.outcome.failures.iter().filter_map(|failure| failure.part).collect();
    for part in run.outcome.findings.iter().filter_map(part_of).filter(|part| !failed.contains(part)) {
        if let Some(failures) = failures_of(state, &run.work, part) {
            failures.remove(&part);
        }
    }
}

fn note(failures: &mut FailedAttempts, part: Part, attempt: FailedAttempt) {
    let known = failures.get(&part).filter(|known| known.revision == attempt.revision);
    let since = known.map_or(attempt.since, |known| known.since.min(attempt.since));
    failures.insert(part, FailedAttempt { since, ..attempt });
}

/// Whom a work asks about.
fn about(work: &Work) -> About<'_> {
    match &work.subject {
        WorkSubject::Credential(name) if work.kind == ProbeKind::SnykToken => About::SnykToken(name),
        WorkSubject::Credential(name) => About::ScmCredential(name),
        WorkSubject::Group(name) => About::Group(name),
        WorkSubject::Profile(name, profile) => About::Profile(name, profile),
        WorkSubject::Organization(key) => About::Organization(key),
    }
}

/// Where the tries of this work are noted. A rejection met on the way to something else is the credential's own.
fn failures_of<'a>(state: &'a mut State, work: &Work, part: Part) -> Option<&'a mut FailedAttempts> {
    let book = &mut state.evidence;
    Some(match &work.subject {
        WorkSubject::Credential(name) if work.kind == ProbeKind::SnykToken => {
            &mut book.snyk_tokens.entry(name.clone()).or_default().failures
        }
        WorkSubject::Credential(name) => &mut book.scm_credentials.entry(name.clone()).or_default().failures,
        _ if matches!(part, Part::Authentication | Part::Expiry | Part::ListedToken | Part::Permissions) => {
            return None;
        }
        WorkSubject::Group(name) => &mut book.groups.entry(name.clone()).or_default().failures,
        WorkSubject::Profile(name, profile) => {
            let profiles = &mut book.groups.entry(name.clone()).or_default().profiles;
            &mut profiles.entry(profile.clone()).or_default().failures
        }
        WorkSubject::Organization(key) => organization(book, key),
    })
}

fn organization<'a>(
    book: &'a mut crate::domain::evidence::EvidenceBook,
    key: &IntegrationKey,
) -> &'a mut FailedAttempts {
    &mut book.organizations.entry(key.clone()).or_default().failures
}

/// The part that a finding observed. A denial is known by the words that it came with.
fn part_of(finding: &Finding) -> Option<Part> {
    Some(match finding {
        Finding::GroupAccess(_, Access::Denied { .. })
        | Finding::OrganizationAccess(_, Access::Denied { .. })
        | Finding::Events(_, AuditEvents::NotReadable)
        | Finding::Permission(..)
        | Finding::PreviousSecret(..) => return None,
        Finding::SnykAuthentication(..) | Finding::ScmAuthentication(..) => Part::Authentication,
        Finding::SnykTokenExpiry(..) | Finding::ScmCredentialExpiry(..) => Part::Expiry,
        Finding::ListedToken(..) => Part::ListedToken,
        Finding::GroupAccess(..) | Finding::OrganizationAccess(..) => Part::Access,
        Finding::Workspaces(..) => Part::Workspaces,
        Finding::Repositories(..) => Part::Repositories,
        Finding::Fates(..) => Part::Fates,
        Finding::Assets(..) => Part::Assets,
        Finding::Catalog(..) => Part::Catalog,
        Finding::Organizations(..) => Part::Organizations,
        Finding::RemovedOrganizations(..) => Part::RemovedOrganizations,
        Finding::Presence(..) => Part::Presence,
        Finding::Imports(..) => Part::Imports,
        Finding::Events(..) => Part::Events,
        Finding::Webhooks(..) => Part::Webhooks,
        Finding::PullRequestChecks(..) => Part::PullRequestChecks,
    })
}
