//! What to do next, and who has the right for it.

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::fleet::WatchedIntegration;
use crate::domain::kinds::Level;
use crate::domain::status::Status;

use super::words::{moment, scm_name};

/// What the advice names.
pub(super) struct Advised<'a> {
    pub(super) integration: &'a WatchedIntegration,
    pub(super) level: Level,
    /// The profile that fails, where one does and there are several.
    pub(super) profile: Option<&'a str>,
    /// When the next sync is due.
    pub(super) next_sync: Option<DateTime<Utc>>,
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
        Some(match reason {
            Reason::CredentialExpired
            | Reason::CredentialRevoked
            | Reason::CredentialRejected
            | Reason::CredentialAppPasswordRetired => format!(
                "PAT owner: create a new token with the same permissions; then {admin}: save it in {card}{profile} and \
                 in every other place that uses it"
            ),
            Reason::CredentialWrongTokenOrEmail => format!(
                "PAT owner: check the token and the e-mail beside it; if it expired or was revoked, create a new one, \
                 then {admin}: save it in {card}{profile}"
            ),
            Reason::CredentialWrongScheme => {
                "snykwatch operator: configure the credential under the kind of token that it is".to_owned()
            }
            Reason::CredentialBlocked => {
                "administrator of the Atlassian organisation: allow the token again, or PAT owner: create a new one".to_owned()
            }
            Reason::PermissionMissing | Reason::AdminRightsMissing => format!(
                "PAT owner: create a token with the missing permission (scopes of a token cannot be added); then {admin}: \
                 save it in {card}{profile}"
            ),
            Reason::NotAMember | Reason::RepositoriesVanished => {
                format!("{scm} workspace administrator: make the PAT's account a member of the workspace with access to its repositories")
            }
            Reason::NamespaceNotVisible => {
                "snykwatch operator: correct the workspace's name in the configuration; or, if it is gone, Group Admin: take it out of the profile".to_owned()
            }
            Reason::NamespaceRenamed => "snykwatch operator: put the workspace's new name into the configuration".to_owned(),
            Reason::ProfileDeleted => format!("Group Admin: create the profile again (Integrations > {scm} in the Group)"),
            Reason::ProfilesFailed => format!("Group Admin: open {card} and repair the failed profile{profile}"),
            Reason::AwaitingFirstSync if self.next_sync.is_some() => {
                format!("Group Admin: if the due sync does not come, open {card} and re-save the profile{due}")
            }
            Reason::AwaitingFirstSync => format!("Group Admin: open {card} and re-save the profile"),
            Reason::InventoryLost => format!("Group Admin: open {card} and re-save the profile{due}"),
            Reason::InventoryIncomplete => format!(
                "Group Admin: check that the profile covers the missing repositories and re-save it ({card}); a \
                 repository that came into scope later is found only after it changes{due}"
            ),
            Reason::SyncLagging => format!("Group Admin: open {card} and re-save the profile, which starts a sync"),
            Reason::IntegrationAbsent => format!("Organization Admin: set up the integration ({card})"),
            Reason::Disconnected => format!("Organization Admin: save the credentials again ({card}) and activate the projects"),
            Reason::CredentialOutOfStep => format!("Organization Admin: save the new PAT ({card})"),
            Reason::NothingImported => "Organization Admin: import repositories (Projects > Add projects)".to_owned(),
            Reason::SomeImportsFailed => {
                "Organization Admin: open the import log, repair and import the repositories again".to_owned()
            }
            Reason::TestsStale => {
                format!("Organization Admin: retest one project, read its error, and re-save the integration ({card})")
            }
            Reason::ProjectsInactive => {
                "Organization Admin: activate the projects again, delete them, or accept that they are inactive".to_owned()
            }
            Reason::TestsUnscheduled => format!(
                "Organization Admin: switch the projects' test frequency and the pull request checks ({card}) on again, \
                 or accept that they are off"
            ),
            Reason::SnykTokenInvalid | Reason::SnykTokenExpired => {
                "owner of our Snyk token: create a new one and put it into snykwatch's secret file".to_owned()
            }
            Reason::SnykTokenWrongRegion => "snykwatch operator: correct the region of the Snyk token".to_owned(),
            Reason::SnykAccessDenied => {
                let word = self.level_word();
                let or_correct = match self.level {
                    Level::Group => "; or snykwatch operator: correct the Group's id in the configuration",
                    Level::Organization => "",
                };
                format!("{admin}: give the account of our Snyk token the right to read this {word}{or_correct}")
            }
            Reason::OrganizationsVanished => {
                "Group Admin: check which Organizations the account of our Snyk token may still see".to_owned()
            }
            Reason::PermissionUnverifiable => {
                "snykwatch operator: use a credential whose permissions can be verified, or shorten the permission set".to_owned()
            }
            Reason::ClockSkewed => "snykwatch operator: correct the clock of this machine (NTP)".to_owned(),
            Reason::ObserverFailed => "snykwatch operator: replace the observer's token".to_owned(),
            _ => "snykwatch operator: run `snykwatch check`, which asks for everything now and tells what does not come, and why"
                .to_owned(),
        })
    }

    fn level_word(&self) -> &'static str {
        match self.level {
            Level::Group => "Group",
            Level::Organization => "Organization",
        }
    }
}
