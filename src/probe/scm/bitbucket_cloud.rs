//! Probes of Bitbucket Cloud. Outside facts: `docs/apis/bitbucket-cloud.md`.
//!
//! - [`credential`]: the one-call check, its decision table, the cause of a rejection ([`rejection`]), and what another
//!   endpoint says ([`elsewhere`]); the same with the secret before, after a rotation;
//! - [`permissions`]: proofs from the scope header, and by reading where there is no header;
//! - [`listed_token`]: the organisation admin's word on the token saved in Snyk;
//! - [`profile`]: membership ([`workspaces`]), repositories ([`repositories`]), what became of those that are seen no
//!   more ([`fates`]), administrator rights ([`administration`]);
//! - [`webhooks`], [`files`]: samples.
//!
//! Requests an hour with one credential, one profile of one workspace with 5,000 repositories and default intervals:
//! 12 for the credential, 2 for membership, 4 for total and changes, 2 to 4 for administrator rights, 50 a day for the
//! full walk, 50 and 20 a day for the samples: some 26 on average. A credential without a scope header costs 6 more for
//! reading, an access token 12 more for liveness, the token before a rotation 12 until it ends, repositories of which nobody
//! knows what became 20 a round. No hour has more than one full walk and one sample: below 200.

mod administration;
mod credential;
mod elsewhere;
mod fates;
mod files;
mod listed_token;
mod permissions;
mod profile;
mod rejection;
mod repositories;
mod session;
mod webhooks;
mod workspaces;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use regex::Regex;

use self::session::Session;
use super::{CredentialScope, FileCheck, ProfileScope, SampledRepository, ScmProbes, ScmWords};
use crate::client::ClientContext;
use crate::client::atlassian_admin::AtlassianAdminClient;
use crate::client::bitbucket_cloud::{
    ApiTokenScheme, BitbucketCloudAuth, BitbucketCloudClient, BitbucketCloudOptions, TokenKind,
};
use crate::client::http::HttpBuildError;
use crate::domain::facts::{PreviousSecret, Repository, WebhookCheck};
use crate::probe::round::Round;

/// Bitbucket Cloud as Snyk speaks of it.
pub(super) const WORDS: ScmWords = ScmWords {
    integration_type: "bitbucket-cloud",
    app_type: Some("bitbucket-connect-app"),
    repository_host: "bitbucket.org",
    assumed_source: "bitbucket",
};

/// How a credential is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CredentialKind {
    /// An API token with the account's e-mail.
    ApiTokenWithEmail,
    /// An API token alone.
    ApiTokenAlone,
    /// An access token of a repository, project or workspace.
    AccessToken,
    /// An OAuth consumer.
    OAuthConsumer,
    /// An app password.
    AppPassword,
    /// Its secret was refused: it is never sent.
    Refused,
}

/// One credential of Bitbucket Cloud with its clients.
#[derive(Debug)]
pub struct BitbucketCloudTarget {
    client: BitbucketCloudClient,
    kind: CredentialKind,
    /// What the token's first letters say it is.
    token: TokenKind,
    admin: Option<AdminListing>,
}

/// Where the token saved in Snyk can be looked up, and what identifies it there.
#[derive(Debug)]
pub struct AdminListing {
    /// Asks with the organisation's key.
    pub client: AtlassianAdminClient,
    /// The token's label.
    pub label: Option<String>,
    /// The e-mail address of its owner.
    pub email: Option<String>,
}

impl BitbucketCloudTarget {
    /// Makes the client; nothing is sent yet.
    pub fn new(
        options: BitbucketCloudOptions,
        context: ClientContext,
        admin: Option<AdminListing>,
    ) -> Result<Self, HttpBuildError> {
        let (kind, token) = match &options.auth {
            BitbucketCloudAuth::ApiToken { token, scheme: ApiTokenScheme::Basic, .. } => {
                (CredentialKind::ApiTokenWithEmail, TokenKind::of(token))
            }
            BitbucketCloudAuth::ApiToken { token, scheme: ApiTokenScheme::Bearer, .. } => {
                (CredentialKind::ApiTokenAlone, TokenKind::of(token))
            }
            BitbucketCloudAuth::AccessToken { token } => (CredentialKind::AccessToken, TokenKind::of(token)),
            BitbucketCloudAuth::OAuthConsumer { .. } => (CredentialKind::OAuthConsumer, TokenKind::Unknown),
            BitbucketCloudAuth::AppPassword { password, .. } => (CredentialKind::AppPassword, TokenKind::of(password)),
            BitbucketCloudAuth::Refused(_) => (CredentialKind::Refused, TokenKind::Unknown),
        };
        Ok(Self { client: BitbucketCloudClient::new(options, context)?, kind, token, admin })
    }
}

impl ScmProbes for BitbucketCloudTarget {
    fn check_credential<'a>(&'a self, scope: CredentialScope<'a>, round: &'a mut Round) -> BoxFuture<'a, ()> {
        async move { credential::run(&mut Session::new(self, scope), round).await }.boxed()
    }

    fn check_replaced<'a>(
        &'a self,
        scope: CredentialScope<'a>,
        round: &'a mut Round,
    ) -> BoxFuture<'a, Option<PreviousSecret>> {
        async move {
            match self.kind {
                CredentialKind::ApiTokenWithEmail | CredentialKind::ApiTokenAlone | CredentialKind::AccessToken => {
                    credential::is_still_accepted(&Session::new(self, scope), round).await
                }
                // What an OAuth consumer was granted outlives its secret; a password that fails may lock the account.
                CredentialKind::OAuthConsumer | CredentialKind::AppPassword | CredentialKind::Refused => None,
            }
        }
        .boxed()
    }

    fn check_profile<'a>(&'a self, scope: ProfileScope<'a>, round: &'a mut Round) -> BoxFuture<'a, ()> {
        async move { profile::run(&mut Session::new(self, scope.credential.clone()), &scope, round).await }.boxed()
    }

    fn check_webhooks<'a>(
        &'a self,
        scope: CredentialScope<'a>,
        sample: Vec<SampledRepository>,
        pattern: Option<&'a Regex>,
        round: &'a mut Round,
    ) -> BoxFuture<'a, Option<Vec<WebhookCheck>>> {
        async move { webhooks::run(&mut Session::new(self, scope), sample, pattern, round).await }.boxed()
    }

    fn check_file<'a>(
        &'a self,
        scope: CredentialScope<'a>,
        sample: Vec<&'a Repository>,
        file: &'a str,
        round: &'a mut Round,
    ) -> BoxFuture<'a, Option<Vec<FileCheck>>> {
        async move { files::run(&mut Session::new(self, scope), sample, file, round).await }.boxed()
    }
}
