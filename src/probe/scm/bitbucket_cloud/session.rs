//! One credential in one round: asks `/user` once, and only when a denial has to be understood.

use super::BitbucketCloudTarget;
use super::credential;
use crate::client::answer::Failure;
use crate::client::bitbucket_cloud::BitbucketCloudClient;
use crate::domain::evidence::Part;
use crate::domain::facts::{PermissionProof, ScmAuthentication};
use crate::domain::names::ApiName;
use crate::domain::permission::Permission;
use crate::domain::work::Finding;
use crate::probe::judgement::{Standing, Verdict, denial, judge};
use crate::probe::round::Round;
use crate::probe::scm::CredentialScope;

/// A credential in one round.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) target: &'a BitbucketCloudTarget,
    pub(super) scope: CredentialScope<'a>,
    standing: Option<Standing>,
    /// An endpoint answered this round that the token is not accepted.
    pub(super) was_rejected: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(target: &'a BitbucketCloudTarget, scope: CredentialScope<'a>) -> Self {
        Self { target, scope, standing: None, was_rejected: false }
    }

    pub(super) fn client(&self) -> &'a BitbucketCloudClient {
        &self.target.client
    }

    pub(super) fn api(&self) -> &'a ApiName {
        &self.scope.credential.api
    }

    /// An endpoint that needs an account answered: the credential is accepted, without asking `/user`.
    pub(super) fn is_accepted(&mut self) {
        self.standing = Some(Standing::Accepted);
    }

    pub(super) fn learn(&mut self, authentication: Option<&ScmAuthentication>) {
        self.standing = Some(match authentication {
            Some(ScmAuthentication::Accepted { .. }) => Standing::Accepted,
            Some(ScmAuthentication::Rejected(_)) => Standing::Rejected,
            Some(ScmAuthentication::Contradicted { .. }) | None => Standing::Unclear,
        });
    }

    pub(super) fn prove(&self, permission: Permission, proof: PermissionProof, round: &mut Round) {
        round.find(Finding::Permission(self.scope.name.clone(), permission, proof));
    }

    /// What a failure on a target proves; asks `/user` when it is a denial. An inconclusive failure is taken down.
    pub(super) async fn judge(&mut self, round: &mut Round, part: Part, attempt: &str, failure: &Failure) -> Verdict {
        let standing = match (denial(failure), self.standing) {
            (None, _) => Standing::Unclear,
            (Some(_), Some(standing)) => standing,
            (Some(_), None) => {
                self.was_rejected |= failure.is_rejection();
                credential::identify(self, round).await;
                self.standing.unwrap_or(Standing::Unclear)
            }
        };
        let verdict = judge(failure, standing);
        if verdict == Verdict::Inconclusive {
            round.fail(self.api(), part, attempt, failure);
        }
        verdict
    }

    /// Takes down a failure that proves nothing about its target even when it is a denial.
    pub(super) async fn concede(&mut self, round: &mut Round, part: Part, attempt: &str, failure: &Failure) -> Verdict {
        let verdict = self.judge(round, part, attempt, failure).await;
        if let Verdict::Denied(_) = verdict {
            round.fail(self.api(), part, attempt, failure);
        }
        verdict
    }
}
