//! What people decided about what is gone: plans made beforehand, and losses accepted or rejected afterwards.
//!
//! Both are lists of ids, taken when they are made: what matches a pattern later is not covered, and what was accepted
//! once does not excuse the next loss.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::incident::{IncidentKey, Rule};
use super::kinds::closed_list;
use super::names::{CredentialName, DecisionId, IntegrationName, OrganizationId, RepositoryId};
use super::text::typed;

/// The longest name of a person, in characters.
pub const LONGEST_AUTHOR: usize = 200;
/// The longest reason, in characters: a page, not a book, in every commit.
pub const LONGEST_REASON: usize = 2_000;

/// Everything that was decided and still matters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decisions {
    /// Losses that people answered.
    pub answers: BTreeMap<DecisionId, Answer>,
    /// What is going to happen.
    pub plans: BTreeMap<DecisionId, Plan>,
}

/// One thing that an incident compares with the past.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A repository that is seen no more, or whose asset is gone.
    Repository(IntegrationName, RepositoryId),
    /// An Organization that a listing no longer has.
    Organization(IntegrationName, OrganizationId),
    /// An imported repository that lost its projects, or never had one.
    Target(OrganizationId, String),
    /// A project that is inactive, unscheduled or no longer tested.
    Project(OrganizationId, String),
    /// Pull request checks of an Organization's integration that are switched off.
    PullRequestChecks(OrganizationId),
}

/// What somebody says of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is meant to be so: what is now is the reference.
    Accepted,
    /// It is not meant to be so.
    Rejected,
}

/// Somebody's answer to an incident about a loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which incident.
    pub incident: IncidentKey,
    /// Accepted or rejected.
    pub verdict: Verdict,
    /// What it was about then.
    pub items: BTreeSet<Item>,
    /// Who.
    #[serde(deserialize_with = "typed")]
    pub author: String,
    /// Why.
    #[serde(deserialize_with = "typed")]
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

closed_list! {
    /// What is going to happen.
    PlanKind {
        /// It goes away.
        Retire => "retire",
        /// It goes elsewhere.
        Move => "move",
        /// A token is replaced.
        Rotate => "rotate",
    }
}

/// Something that is going to happen, until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What.
    pub kind: PlanKind,
    /// The pattern that it was made with.
    pub pattern: String,
    /// Repositories that it covers.
    pub repositories: BTreeMap<IntegrationName, BTreeSet<RepositoryId>>,
    /// Organizations that it covers.
    pub organizations: BTreeMap<IntegrationName, BTreeSet<OrganizationId>>,
    /// Credentials that it covers.
    pub credentials: BTreeSet<CredentialName>,
    /// The old token of a rotation was revoked, as its owner says.
    pub revoked: bool,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until when; then what did not happen is told once.
    pub until: DateTime<Utc>,
    /// Who.
    #[serde(deserialize_with = "typed")]
    pub author: String,
    /// Why.
    #[serde(deserialize_with = "typed")]
    pub reason: String,
}

impl Plan {
    /// Whether it is in force.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.from <= now && now < self.until
    }
}

impl Decisions {
    /// Whether somebody accepted this.
    pub fn accepts(&self, item: &Item) -> bool {
        self.last_answer(item).is_some_and(|answer| answer.verdict == Verdict::Accepted)
    }

    /// The last answer that names this item.
    pub fn last_answer(&self, item: &Item) -> Option<&Answer> {
        self.answers.values().filter(|answer| answer.items.contains(item)).max_by_key(|answer| answer.at)
    }

    /// When somebody accepted this in answer to an incident of one of `rules`, if that is the last word on it: a loss
    /// accepted under one rule is no answer to another.
    pub fn accepted_at(&self, rules: &[Rule], item: &Item) -> Option<DateTime<Utc>> {
        let of_rules = self.answers.values().filter(|answer| rules.contains(&answer.incident.rule));
        let last = of_rules.filter(|answer| answer.items.contains(item)).max_by_key(|answer| answer.at)?;
        (last.verdict == Verdict::Accepted).then_some(last.at)
    }

    /// The repositories of which somebody accepted, as the last word, that their asset is gone; and when.
    pub fn accepted_assets(&self, integration: &IntegrationName) -> BTreeMap<&RepositoryId, DateTime<Utc>> {
        let mut answers: Vec<&Answer> =
            self.answers.values().filter(|answer| answer.incident.rule == Rule::PartiallyConnected).collect();
        answers.sort_by_key(|answer| answer.at);
        let mut accepted = BTreeMap::new();
        for answer in answers {
            for item in &answer.items {
                let Item::Repository(of, id) = item else { continue };
                if of == integration {
                    match answer.verdict {
                        Verdict::Accepted => accepted.insert(id, answer.at),
                        Verdict::Rejected => accepted.remove(id),
                    };
                }
            }
        }
        accepted
    }

    /// The plan in force at `now` that covers a repository's going.
    pub fn plan_of_repository(
        &self,
        integration: &IntegrationName,
        repository: &RepositoryId,
        now: DateTime<Utc>,
    ) -> Option<&Plan> {
        let covers = |plan: &&Plan| plan.repositories.get(integration).is_some_and(|ids| ids.contains(repository));
        self.plans.values().filter(|plan| plan.is_active(now)).find(covers)
    }

    /// The plan in force at `now` that covers an Organization's going.
    pub fn plan_of_organization(
        &self,
        integration: &IntegrationName,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> Option<&Plan> {
        let covers = |plan: &&Plan| plan.organizations.get(integration).is_some_and(|ids| ids.contains(&organization));
        self.plans.values().filter(|plan| plan.is_active(now)).find(covers)
    }

    /// The plan in force at `now` that covers a credential's rotation.
    pub fn plan_of_rotation(&self, credential: &CredentialName, now: DateTime<Utc>) -> Option<&Plan> {
        let covers = |plan: &&Plan| plan.kind == PlanKind::Rotate && plan.credentials.contains(credential);
        self.plans.values().filter(|plan| plan.is_active(now)).find(covers)
    }
}
