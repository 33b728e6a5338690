//! The register of what we assume about the outside world without a public proof, and of what was seen of it.
//!
//! Probes tell the [`AssumptionBook`] each time an answer speaks for or against an assumption; `check --assumptions`
//! prints the register. It holds no name, id or text from outside, so its output is safe to publish. Nothing in the
//! product decides by it: where an assumption bears on a verdict, the probe looks at the answer itself and falls back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::kinds::closed_list;

closed_list! {
    /// One unverified fact.
    Assumption {
        /// See its statement.
        AssetSourceIsBitbucket => "asset-source-is-bitbucket",
        /// See its statement.
        InventoryListsRepositories => "inventory-lists-repositories",
        /// See its statement.
        InventoryHasLastSync => "inventory-has-last-sync",
        /// See its statement.
        InventoryScmIdIsRepositoryId => "inventory-scm-id-is-repository-id",
        /// See its statement.
        InventoryHasApplicationContext => "inventory-has-application-context",
        /// See its statement.
        RemovedReasonsAreKnown => "removed-reasons-are-known",
        /// See its statement.
        SelfIsServiceAccount => "self-is-service-account",
        /// See its statement.
        RestIntegrationsAreGone => "rest-integrations-are-gone",
        /// See its statement.
        AuditEventsNameIntegration => "audit-events-name-integration",
        /// See its statement.
        RetryAfterComesWith429 => "retry-after-comes-with-429",
        /// See its statement.
        ScopeHeaderIsSent => "scope-header-is-sent",
        /// See its statement.
        TokenIdIsSent => "token-id-is-sent",
        /// See its statement.
        TokenIdIsListed => "token-id-is-listed",
        /// See its statement.
        AccessTokensHaveNoUser => "access-tokens-have-no-user",
        /// See its statement.
        RepositoryTotalIsStated => "repository-total-is-stated",
        /// See its statement.
        ImplicitAdminIsListed => "implicit-admin-is-listed",
        /// See its statement.
        IssuesAreGone => "issues-are-gone",
        /// See its statement.
        HookUrlIsKnown => "hook-url-is-known",
    }
}

impl Assumption {
    /// What we assume, as a sentence.
    pub const fn statement(self) -> &'static str {
        match self {
            Self::AssetSourceIsBitbucket => "Snyk calls the source of assets found in Bitbucket Cloud `bitbucket`.",
            Self::InventoryListsRepositories => "Snyk's `inventory/assets` lists repositories.",
            Self::InventoryHasLastSync => "Repositories in `inventory/assets` carry `last_sync`.",
            Self::InventoryScmIdIsRepositoryId => {
                "`scm_id` in `inventory/assets` is Bitbucket's UUID of the repository, with or without braces."
            }
            Self::InventoryHasApplicationContext => {
                "Repositories in `inventory/assets` carry the catalog's application context as `org_context`."
            }
            Self::RemovedReasonsAreKnown => "Removed assets give one of the five documented reasons.",
            Self::SelfIsServiceAccount => "The id in Snyk's `/self` is the id of the service account.",
            Self::RestIntegrationsAreGone => "Snyk's REST list of an Organization's integrations does not answer.",
            Self::AuditEventsNameIntegration => "Integration events of Snyk's audit log carry `integrationPublicId`.",
            Self::RetryAfterComesWith429 => "An ordinary 429 carries `Retry-After`.",
            Self::ScopeHeaderIsSent => "Bitbucket Cloud sends `x-oauth-scopes` with every answer.",
            Self::TokenIdIsSent => "Bitbucket Cloud sends `x-token-id`.",
            Self::TokenIdIsListed => "`x-token-id` is the token's id in Atlassian's admin API.",
            Self::AccessTokensHaveNoUser => {
                "Bitbucket Cloud's `/user` answers access tokens with 403 and still names their scopes."
            }
            Self::RepositoryTotalIsStated => "Bitbucket Cloud's list of repositories states its `size`.",
            Self::ImplicitAdminIsListed => {
                "Bitbucket Cloud's repository permissions of a user cover rights implied by the workspace."
            }
            Self::IssuesAreGone => "Bitbucket Cloud's issues endpoints are gone (404 or 410).",
            Self::HookUrlIsKnown => "Snyk's webhook in Bitbucket Cloud calls a `snyk.io` host, below `/webhook/`.",
        }
    }

    /// Where it matters, and what happens when it does not hold.
    pub const fn matters(self) -> &'static str {
        match self {
            Self::AssetSourceIsBitbucket => "Only for asking less: assets are selected by host and workspace.",
            Self::InventoryListsRepositories | Self::InventoryHasLastSync => {
                "SyncCurrent and progress: without it `updated_at` stands in, with weak confidence."
            }
            Self::InventoryScmIdIsRepositoryId => "Matching of renamed repositories; without it URLs are compared.",
            Self::InventoryHasApplicationContext => {
                "CatalogLinked; without it `app_context` of the asset search is read."
            }
            Self::RemovedReasonsAreKnown => "Why a repository is missing, and `profile_deleted`.",
            Self::SelfIsServiceAccount => "Expiry of a service account's token; without it the expiry is unknown.",
            Self::RestIntegrationsAreGone => "IntegrationPresent; the V1 list is asked first either way.",
            Self::AuditEventsNameIntegration => {
                "CredentialInStep; without it the type of integration that an event names."
            }
            Self::RetryAfterComesWith429 => "How long a throttled credential pauses; without it one minute or five.",
            Self::ScopeHeaderIsSent => "PermissionsGranted; without it read-only probes, and write stays unverifiable.",
            Self::TokenIdIsSent => "Noticing a rotation; without it a keyed hash of our own copy.",
            Self::TokenIdIsListed => "Only for information: the listed token is found by label and e-mail.",
            Self::AccessTokensHaveNoUser => "CredentialValid of access tokens.",
            Self::RepositoryTotalIsStated => "Cheap counting; without it every round walks all repositories.",
            Self::ImplicitAdminIsListed => "Admin rights of workspace administrators.",
            Self::IssuesAreGone => "`Issues: read` is told by the scope header only, else unverifiable.",
            Self::HookUrlIsKnown => "WebhooksInstalled; unknown until one webhook matched.",
        }
    }
}

closed_list! {
    /// What was seen of an assumption.
    Observed {
        /// Every answer that spoke of it spoke for it.
        Held => "held",
        /// At least one answer spoke against it.
        Refuted => "refuted",
        /// No answer spoke of it.
        NotSeen => "not_seen",
    }
}

/// How often answers spoke for and against an assumption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// For.
    pub held: u64,
    /// Against.
    pub refuted: u64,
}

impl Tally {
    /// In one word.
    pub const fn observed(self) -> Observed {
        match self {
            Self { refuted: 1.., .. } => Observed::Refuted,
            Self { held: 1.., .. } => Observed::Held,
            Self { .. } => Observed::NotSeen,
        }
    }
}

/// What was seen in the life of the process.
#[derive(Debug, Default)]
pub struct AssumptionBook(Mutex<BTreeMap<Assumption, Tally>>);

impl AssumptionBook {
    pub(super) fn observe(&self, assumption: Assumption, held: bool) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = book.entry(assumption).or_default();
        if held { tally.held += 1 } else { tally.refuted += 1 }
    }

    /// Every assumption with its tally, in the order of the register.
    pub fn report(&self) -> Vec<(Assumption, Tally)> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Assumption::ALL.iter().map(|&one| (one, book.get(&one).copied().unwrap_or_default())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_against_refutes() {
        let book = AssumptionBook::default();
        let seen = |wanted| {
            let report = book.report();
            assert_eq!(report.len(), Assumption::ALL.len());
            report.into_iter().find(|(one, _)| *one == wanted).unwrap().1.observed()
        };
        assert_eq!(seen(Assumption::TokenIdIsSent), Observed::NotSeen);
        book.observe(Assumption::TokenIdIsSent, true);
        assert_eq!(seen(Assumption::TokenIdIsSent), Observed::Held);
        book.observe(Assumption::TokenIdIsSent, false);
        book.observe(Assumption::TokenIdIsSent, true);
        assert_eq!(seen(Assumption::TokenIdIsSent), Observed::Refuted);
        assert_eq!(seen(Assumption::IssuesAreGone), Observed::NotSeen);
    }

    #[test]
    fn the_register_is_safe_to_publish_and_reads_well() {
        for assumption in Assumption::ALL {
            assert!(assumption.statement().ends_with('.') && assumption.matters().ends_with('.'), "{assumption}");
        }
    }
}
