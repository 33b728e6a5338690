//! Every slot of the book, one after the other, for what is done to evidence whatever its fact is.
//!
//! Each book names all of its fields: a new slot cannot be forgotten.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Evidence, EvidenceBook, FailedAttempts, GroupEvidence, OrganizationEvidence, Part, ProfileEvidence,
    ScmCredentialEvidence, Slot, SnykTokenEvidence, fresh,
};
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName, ProfileName, Revision};

/// What a book is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// A Snyk token.
    SnykToken(&'a CredentialName),
    /// An SCM credential.
    ScmCredential(&'a CredentialName),
    /// A Group integration.
    Group(&'a IntegrationName),
    /// A profile of a Group integration.
    Profile(&'a IntegrationName, &'a ProfileName),
    /// An Organization's integration.
    Organization(&'a IntegrationKey),
}

/// What is known of an observation beside its fact.
#[derive(Debug)]
pub struct Observed<'a> {
    /// When it was made.
    pub observed_at: &'a mut DateTime<Utc>,
    /// How long it is fresh by its own age.
    pub max_age: TimeDelta,
    /// What it is about.
    pub revision: &'a mut Revision,
    /// Until when it stands after a gap.
    pub restored_until: &'a mut Option<DateTime<Utc>>,
}

/// The slots about one thing.
pub trait Book {
    /// Visits every fact, and drops those that are not to be kept.
    fn retain(&mut self, keep: &mut dyn FnMut(Part, Observed<'_>) -> bool);

    /// What could not be observed at the last try.
    fn failures_mut(&mut self) -> &mut FailedAttempts;

    /// When the oldest fact was observed that may still be used at `now`; `None`: there is none.
    fn oldest_in_use(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>>;
}

impl EvidenceBook {
    /// Visits every book.
    pub fn each(&mut self, visit: &mut dyn FnMut(About<'_>, &mut dyn Book)) {
        let Self {
            snyk_tokens,
            scm_credentials,
            groups,
            organizations,
            apis: _,
            clock_doubt: _,
            is_clock_unconfirmed: _,
        } = self;
        for (name, book) in snyk_tokens.iter_mut() {
            visit(About::SnykToken(name), book);
        }
        for (name, book) in scm_credentials.iter_mut() {
            visit(About::ScmCredential(name), book);
        }
        for (name, group) in groups {
            visit(About::Group(name), group);
            group.profiles.iter_mut().for_each(|(profile, book)| visit(About::Profile(name, profile), book));
        }
        for (key, book) in organizations.iter_mut() {
            visit(About::Organization(key), book);
        }
    }
}

fn observed<T>(evidence: &mut Evidence<T>) -> Observed<'_> {
    let Evidence { value: _, observed_at, probe: _, max_age, revision, restored_until } = evidence;
    Observed { observed_at, max_age: *max_age, revision, restored_until }
}

fn retain<T>(slot: &mut Slot<T>, part: Part, keep: &mut dyn FnMut(Part, Observed<'_>) -> bool) {
    if slot.as_mut().is_some_and(|evidence| !keep(part, observed(evidence))) {
        *slot = None;
    }
}

#[expect(clippy::ref_option, reason = "a slot is asked as it is kept")]
fn in_use<T>(slot: &Slot<T>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    fresh(slot, now).map(|evidence| evidence.observed_at)
}

impl Book for SnykTokenEvidence {
    fn retain(&mut self, keep: &mut dyn FnMut(Part, Observed<'_>) -> bool) {
        let Self { authentication, expiry, failures: _ } = self;
        retain(authentication, Part::Authentication, keep);
        retain(expiry, Part::Expiry, keep);
    }

    fn failures_mut(&mut self) -> &mut FailedAttempts {
        &mut self.failures
    }

    fn oldest_in_use(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Self { authentication, expiry, failures: _ } = self;
        [in_use(authentication, now), in_use(expiry, now)].into_iter().flatten().min()
    }
}

impl Book for ScmCredentialEvidence {
    fn retain(&mut self, keep: &mut dyn FnMut(Part, Observed<'_>) -> bool) {
        let Self { authentication, expiry, listed_token, permissions, failures: _ } = self;
        retain(authentication, Part::Authentication, keep);
        retain(expiry, Part::Expiry, keep);
        retain(listed_token, Part::ListedToken, keep);
        permissions.retain(|_, proof| keep(Part::Permissions, observed(proof)));
    }

    fn failures_mut(&mut self) -> &mut FailedAttempts {
        &mut self.failures
    }

    fn oldest_in_use(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Self { authentication, expiry, listed_token, permissions, failures: _ } = self;
        let proofs = permissions.values().filter(|proof| proof.is_fresh(now)).map(|proof| proof.observed_at);
        let others = [in_use(authentication, now), in_use(expiry, now), in_use(listed_token, now)];
        others.into_iter().flatten().chain(proofs).min()
    }
}

impl Book for GroupEvidence {
    fn retain(&mut self, keep: &mut dyn FnMut(Part, Observed<'_>) -> bool) {
        // Each profile is a book of its own.
        let Self {
            access,
            profiles: _,
            assets,
            catalog,
            organizations,
            removed_organizations,
            named_organizations: _,
            failures: _,
        } = self;
        retain(access, Part::Access, keep);
        retain(assets, Part::Assets, keep);
        retain(catalog, Part::Catalog, keep);
        retain(organizations, Part::Organizations, keep);
        retain(removed_organizations, Part::RemovedOrganizations, keep);
    }

    fn failures_mut(&mut self) -> &mut FailedAttempts {
        &mut self.failures
    }

    fn oldest_in_use(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Self {
            access,
            profiles: _,
            assets,
            catalog,
            organizations,
            removed_organizations,
            named_organizations: _,
            failures: _,
        } = self;
        let lists = [in_use(assets, now), in_use(organizations, now), in_use(removed_organizations, now)];
        lists.into_iter().chain([in_use(access, now), in_use(catalog, now)]).flatten().min()
    }
}

impl Book for ProfileEvidence {
    fn retain(&mut self, keep: &mut dyn FnMut(Part, Observed<'_>) -> bool) {
        let Self { workspaces, repositories, fates, failures: _ } = self;
        retain(workspaces, Part::Workspaces, keep);
        retain(repositories, Part::Repositories, keep);
        retain(fates, Part::Fates, keep);
    }

    fn failures_mut(&mut self) -> &mut FailedAttempts {
        &mut self.failures
    }

    fn oldest_in_use(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Self { workspaces, repositories, fates, failures: _ } = self;
        [in_use(workspaces, now), in_use(repositories, now), in_use(fates, now)].into_iter().flatten().min()
    }
}

impl Book for OrganizationEvidence {
    fn retain(&mut self, keep: &mut dyn FnMut(Part, Observed<'_>) -> bool) {
        let Self { access, presence, imports, events, webhooks, pull_request_checks, failures: _ } = self;
        retain(access, Part::Access, keep);
        retain(presence, Part::Presence, keep);
        retain(imports, Part::Imports, keep);
        retain(events, Part::Events, keep);
        retain(webhooks, Part::Webhooks, keep);
        retain(pull_request_checks, Part::PullRequestChecks, keep);
    }

    fn failures_mut(&mut self) -> &mut FailedAttempts {
        &mut self.failures
    }

    fn oldest_in_use(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Self { access, presence, imports, events, webhooks, pull_request_checks, failures: _ } = self;
        let base = [in_use(access, now), in_use(presence, now), in_use(imports, now)];
        let rest = [in_use(events, now), in_use(webhooks, now), in_use(pull_request_checks, now)];
        base.into_iter().chain(rest).flatten().min()
    }
}
