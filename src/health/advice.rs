//! What to do next, and who has the right for it.

mod answers;

use chrono::{DateTime, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::End;
use crate::domain::fleet::WatchedIntegration;
use crate::domain::kinds::Level;
use crate::domain::status::Status;

use super::words::{moment, scm_name};

pub(super) use answers::{Asked, of_answer, of_failure};
pub use answers::{step_after_answer, step_after_failure};

/// What the advice names.
pub(super) struct Advised<'a> {
    pub(super) integration: &'a WatchedIntegration,
    pub(super) level: Level,
    /// The profile that fails, where one does and there are several.
    pub(super) profile: Option<&'a str>,
    /// When the next sync is due.
    pub(super) next_sync: Option<DateTime<Utc>>,
    /// The first fill, while repositories arrive.
    pub(super) fill: Option<MovingFill>,
    /// The condition that gives the reason, where one does.
    pub(super) condition: Option<Condition>,
    /// Who gave the answer that was none, where that is known: a condition may need the answers of both ends.
    pub(super) end: Option<End>,
    /// A copy of ours that never worked is rejected, while Snyk's own may work.
    pub(super) is_of_our_copy: bool,
}

/// A first fill that goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MovingFill {
    /// By when it is expected to be complete, where its rate tells.
    pub(super) complete_by: Option<DateTime<Utc>>,
}

/// What to do where the admin API gave no listing.
pub(super) fn of_listing(reason: Reason) -> String {
    fixed_step(reason).map_or_else(|| of_answer(reason, Asked::AdminApi), str::to_owned)
}

impl Advised<'_> {
    /// The next step out of a status; `None` where nothing is to be done.
    pub(super) fn next_step(&self, status: Status, reason: Reason) -> Option<String> {
        if matches!(status, Status::Connected | Status::SetupInProgress | Status::NothingToWatch) {
            return None;
        }
        let scm = scm_name(self.integration.scm);
        let card = match self.level {
            Level::Group => format!("Integrations > {scm} in the Group"),
            Level::Organization => format!("Settings > Integrations > {scm} in the Organization"),
        };
        let admin = match self.level {
            Level::Group => "Group Admin",
            Level::Organization => "Organization Admin",
        };
        let profile = self.profile.map_or_else(String::new, |profile| format!(" ({profile})"));
        let due = match self.next_sync {
            Some(at) => format!("; the next sync is due by {}", moment(at)),
            None => String::new(),
        };
        if let Some(step) = fixed_step(reason) {
            return Some(step.to_owned());
        }
        // As its incident says it: whoever makes a new token first breaks what may be right.
        if self.is_of_our_copy && is_rejected(reason) {
            return Some(format!(
                "snykwatch operator: put the token that is saved in Snyk into the secret of this credential, whole and \
                 without anything around it; only if that token is rejected too, token owner: create a new one, then \
                 {admin}: save it in {card}{profile}"
            ));
        }
        if let Some(fill) = self.fill.filter(|_| reason == Reason::InventoryIncomplete) {
            return Some(match fill.complete_by {
                Some(at) => format!("no action needed: the first fill goes on, complete by {}", moment(at)),
                None => "no action needed for now: the first fill goes on".to_owned(),
            });
        }
        Some(match reason {
            Reason::CredentialExpired
            | Reason::CredentialRevoked
            | Reason::CredentialRejected
            | Reason::CredentialAppPasswordRetired => format!(
                "token owner: create a new token with the same permissions; then {admin}: save it in {card}{profile} and \
                 in every other place that uses it"
            ),
            Reason::CredentialWrongTokenOrEmail => format!(
                "token owner: check the token and the e-mail beside it; if it expired or was revoked, create a new one, \
                 then {admin}: save it in {card}{profile}"
            ),
            Reason::PermissionMissing | Reason::AdminRightsMissing => format!(
                "token owner: create a token with the missing permission (scopes of a token cannot be added); then {admin}: \
                 save it in {card}{profile}"
            ),
            Reason::ProfileDeleted => {
                format!("Group Admin: create the profile again (Integrations > {scm} in the Group)")
            }
            Reason::ProfilesFailed => format!("Group Admin: open {card} and repair the failed profile{profile}"),
            Reason::AwaitingFirstSync if self.next_sync.is_some() => {
                format!("Group Admin: if the due sync does not come, open {card} and re-save the profile{due}")
            }
            Reason::AwaitingFirstSync => format!("Group Admin: open {card} and re-save the profile"),
            Reason::InventoryLost => format!(
                "Group Admin: open {card} and re-save the profile{due}; if the assets are meant to be gone, accept the loss \
                 (`snykwatch accept`)"
            ),
            Reason::InventoryIncomplete => format!(
                "Group Admin: check that the profile covers the missing repositories and re-save it ({card}); a \
                 repository that came into scope later is found only after it changes{due}"
            ),
            Reason::SyncLagging | Reason::PartialStall => {
                format!("Group Admin: open {card} and re-save the profile, which starts a sync")
            }
            Reason::IntegrationAbsent => format!("Organization Admin: set up the integration ({card})"),
            Reason::Disconnected => {
                format!("Organization Admin: save the credentials again ({card}) and activate the projects")
            }
            Reason::CredentialOutOfStep => format!("Organization Admin: save the new PAT ({card})"),
            Reason::TestsStale => {
                format!("Organization Admin: retest one project, read its error, and re-save the integration ({card})")
            }
            Reason::TestsUnscheduled => format!(
                "Organization Admin: switch the projects' test frequency and the pull request checks ({card}) on again, \
                 or accept that they are off"
            ),
            Reason::SnykAccessDenied => {
                let word = self.level_word();
                let or_correct = match self.level {
                    Level::Group => "; or snykwatch operator: correct the Group's id in the configuration",
                    Level::Organization => "",
                };
                format!("{admin}: give the account of our Snyk token the right to read this {word}{or_correct}")
            }
            Reason::ShutOut => format!(
                "Git host admin: let the PAT's account into the workspace again; the answer of {scm} says what keeps it out"
            ),
            Reason::NothingToCompare if self.condition == Some(Condition::SyncCurrent) => format!(
                "snykwatch operator: see with `snykwatch check --assumptions` whether Snyk and {scm} still tell the times \
                 that are compared; where one no longer does, update snykwatch"
            ),
            Reason::IdleUnproved => return None,
            reason => of_answer(reason, Asked::of(self.end, self.condition, self.level)),
        })
    }

    fn level_word(&self) -> &'static str {
        match self.level {
            Level::Group => "Group",
            Level::Organization => "Organization",
        }
    }
}

/// The credential itself is what is wrong.
fn is_rejected(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CredentialExpired
            | Reason::CredentialRevoked
            | Reason::CredentialRejected
            | Reason::CredentialAppPasswordRetired
            | Reason::CredentialWrongTokenOrEmail
    )
}

/// The next step that is the same for every integration.
fn fixed_step(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::CredentialWrongScheme => {
            "snykwatch operator: configure the credential under the kind of token that it is"
        }
        Reason::CredentialBlocked => "Git host admin: allow the token again, or token owner: create a new one",
        Reason::NotAMember => {
            "Git host admin: make the PAT's account a member of the workspace with access to its repositories"
        }
        Reason::MembershipNotProved => {
            "snykwatch operator: watch with a token that may list its account's workspaces \
             (`read:workspace:bitbucket`), such as an API token of the PAT's account with `role: observer`"
        }
        Reason::RepositoriesVanished => {
            "Git host admin: let the PAT's account read the repositories again; if they are meant to be gone, accept \
             the loss (`snykwatch accept`)"
        }
        Reason::NamespaceNotVisible => {
            "Git host admin: make the PAT's account a member of the workspace again; if the workspace is gone or never \
             had this name, snykwatch operator: correct the configuration, and Group Admin: the profile"
        }
        Reason::NamespaceRenamed => "snykwatch operator: put the workspace's new name into the configuration",
        Reason::NothingImported => "Organization Admin: import repositories (Projects > Add projects)",
        Reason::SomeImportsFailed => {
            "Organization Admin: open the import log, repair and import the repositories again"
        }
        Reason::ProjectsInactive => {
            "Organization Admin: activate the projects again, delete them, or accept that they are inactive"
        }
        Reason::OrganizationsVanished => {
            "Group Admin: check which Organizations the account of our Snyk token may still see"
        }
        Reason::PermissionUnverifiable => {
            "snykwatch operator: use a credential whose permissions can be verified, or shorten the permission set"
        }
        Reason::ClockSkewed => "snykwatch operator: correct the clock of this machine (NTP)",
        Reason::OurCopyRejected => {
            "snykwatch operator: correct our copy of the token in the secret file; Snyk's own works"
        }
        Reason::NotListed => {
            "snykwatch operator: correct the label by which the admin API finds Snyk's token \
                 (`atlassian_admin`); if it is right, token owner: see whether that token still exists"
        }
        Reason::SeveralListed => {
            "token owner: give Snyk's token a label that none of the owner's other tokens has; then snykwatch operator: \
                 put that label into the configuration (`atlassian_admin`)"
        }
        Reason::AdminApiRefused => {
            "Git host admin: create an API key of the organisation with the scope `read:tokens:admin`; then snykwatch \
                 operator: put it into the secret file, and check `org_id` (`atlassian_admin`)"
        }
        Reason::NotProvable => {
            "snykwatch operator: let this credential hold a copy of the PAT itself (`role: \
                 integration`), have the admin API asked about it (`atlassian_admin`), or give it a profile"
        }
        Reason::NoTestTold => {
            "Organization Admin: see in one project when it was last tested; Snyk's API does not \
                 tell it of any"
        }
        Reason::ObserverFailed => "snykwatch operator: replace the observer's token",
        Reason::GroupAnswersEmpty => {
            "Group Admin: check the role of our Snyk token's account in this Group; one without a role sees a Group \
                 without Organizations and assets"
        }

        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::testing::World;

    #[test]
    fn no_step_leads_back_to_the_page_that_it_stands_on() {
        let mut world = World::healthy(1, 1);
        let integration = &*world.integration();
        for level in [Level::Group, Level::Organization] {
            let advised = Advised {
                integration,
                level,
                profile: None,
                next_sync: None,
                fill: None,
                condition: None,
                end: None,
                is_of_our_copy: false,
            };
            for reason in [
                Reason::PartialStall,
                Reason::ShutOut,
                Reason::OurCopyRejected,
                Reason::NotListed,
                Reason::SeveralListed,
                Reason::AdminApiRefused,
                Reason::NotProvable,
                Reason::NoTestTold,
                Reason::MembershipNotProved,
            ] {
                let step = advised.next_step(Status::Unknown, reason).unwrap();
                assert!(!step.contains("look at the conditions"), "{reason}: {step}");
            }
        }
    }

    #[test]
    fn what_was_not_sent_is_nobody_elses_business() {
        for label in ["budget_spent", "secret_refused", "refused", "rate_limited"] {
            for asked in [Asked::Snyk(Level::Group), Asked::Snyk(Level::Organization), Asked::GitHost, Asked::AdminApi]
            {
                let step = of_answer(Reason::of_failure(label), asked);
                assert!(
                    step.contains("snykwatch operator") && !step.to_lowercase().contains("admin"),
                    "{label}: {step}"
                );
            }
        }
        let step = of_answer(Reason::of_failure("forbidden"), Asked::GitHost);
        assert!(step.starts_with("Git host admin"), "{step}");
    }
}
