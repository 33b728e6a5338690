//! The state in pieces, for stores that keep rows.
//!
//! Words: a **part** is one entry of the [`State`](crate::domain::state::State) (the evidence about one Organization, one
//! incident, one repository) with its [`PartKind`], its key and its value as JSON. A **head** is a part whose large
//! collections are left out, because each of their entries is a part of its own.
//!
//! How it works: [`Changes::between`] walks two states side by side and names the parts that were added or changed and
//! those that vanished. What is shared by pointer is not looked at, and nothing that stayed the same is written as
//! JSON, so that an unchanged state costs a comparison and no more. [`Assembly`] puts the parts together again.
//!
//! What it does not do: it knows no database. And it keeps no order of assets: a walk of the Inventory is a set, and
//! comes back in the order of ids.

mod assembly;
mod changes;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub(crate) use assembly::Assembly;
pub use assembly::{PartProblem, UnreadablePart};
pub(crate) use changes::Changes;

use crate::domain::kinds::closed_list;

closed_list! {
    /// What a part is about; the words are stored.
    PartKind {
        /// Evidence about a Snyk token.
        SnykToken => "snyk_token_evidence",
        /// Evidence about an SCM credential.
        ScmCredential => "scm_credential_evidence",
        /// Evidence about a Group integration, without repositories, assets and Organizations.
        Group => "group_evidence",
        /// One repository that a profile sees.
        Repository => "repository",
        /// One live asset of a Group.
        Asset => "asset",
        /// One removed asset of a Group.
        RemovedAsset => "removed_asset",
        /// A Group's listing of Organizations.
        OrganizationListing => "organization_listing",
        /// Evidence about an Organization's integration, without imports and webhooks.
        Organization => "organization_evidence",
        /// What an Organization imported.
        Imports => "organization_imports",
        /// The sampled webhooks of an Organization.
        Webhooks => "organization_webhooks",
        /// What an API says of itself.
        Api => "api",
        /// An integration, without the ages of its repositories.
        Integration => "integration",
        /// Since when a repository is known.
        RepositoryAge => "repository_age",
        /// A credential.
        Credential => "credential",
        /// An incident.
        Incident => "incident",
        /// A cause that was resolved.
        ResolvedCause => "resolved_cause",
        /// An Organization that a listing no longer had.
        Vanishing => "vanishing",
        /// The problems at first sight.
        Baseline => "baseline",
        /// A listing that is not believed.
        MassVanishing => "mass_vanishing",
        /// What a Group integration's evidence is about.
        Subject => "group_subject",
        /// Who was told of a problem.
        Announcement => "announcement",
        /// Who takes care of an incident.
        Acknowledgement => "acknowledgement",
        /// A silence.
        Silence => "silence",
        /// How often a problem opened recently.
        Recurrence => "recurrence",
        /// What the next digest of a route lists.
        Digest => "digest",
        /// What receivers may hold open since before the state was lost.
        Forgotten => "forgotten_ends",
        /// When nobody watched.
        Gaps => "gaps",
        /// What somebody answered to a loss.
        Answer => "answer",
        /// What is going to happen.
        Plan => "plan",
    }
}

/// A part to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// What it is about.
    pub(crate) kind: PartKind,
    /// Which, as JSON.
    pub(crate) key: String,
    /// Its value, as JSON.
    pub(crate) json: String,
}
