//! What is found about tokens.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Source;

/// Whether the SCM accepts a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScmAuthentication {
    /// It does.
    Accepted {
        /// The account behind the token; access tokens have none, and a missing scope can hide it.
        account: Option<ScmAccount>,
        /// The SCM's id of this token (Bitbucket: `x-token-id`); changes with a rotation.
        token_id: Option<String>,
        /// The granted scopes as the SCM lists them; `None` when it does not say.
        scopes: Option<BTreeSet<String>>,
    },
    /// It does not.
    Rejected(RejectionCause),
    /// In one round it rejects the credential and answers with it.
    Contradicted {
        /// What said which, in the SCM's own words.
        detail: String,
    },
}

/// The account behind a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScmAccount {
    /// The SCM's id of the account.
    pub id: String,
    /// Its name; hostile text.
    pub name: String,
}

/// Why the SCM rejects a credential, as far as the answer or the token's shape tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionCause {
    /// The SCM says expired, or its known expiry has passed.
    Expired,
    /// The SCM says revoked.
    Revoked,
    /// Wrong token, or the e-mail beside it is not the token's (Bitbucket answers both alike).
    WrongTokenOrEmail,
    /// An app password: Bitbucket Cloud retired them on 2026-07-28.
    AppPasswordRetired,
    /// The token's kind wants another authentication scheme than the configured one.
    WrongScheme,
    /// Rejected, and nothing tells why.
    Unspecified,
}

/// Whether Snyk accepts a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnykAuthentication {
    /// It does.
    Accepted {
        /// `user`, `service_account`, `app_instance`, or what Snyk says.
        principal: String,
        /// Snyk's id of the principal.
        id: String,
        /// Its name; hostile text.
        name: Option<String>,
    },
    /// It does not.
    Rejected(SnykRejectionCause),
    /// In one round it rejects the token and answers with it.
    Contradicted {
        /// What said which.
        detail: String,
    },
}

/// Why Snyk rejects a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnykRejectionCause {
    /// The token itself names another region's host than the configured one.
    WrongRegion {
        /// The host in the token.
        token_host: String,
    },
    /// Its known expiry has passed.
    Expired,
    /// Unknown, revoked, expired or of another region: Snyk answers all alike.
    Unspecified,
}

/// When a credential expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialExpiry {
    /// At this instant.
    At {
        /// The instant.
        at: DateTime<Utc>,
        /// Who says so.
        source: Source,
    },
    /// It has no expiry.
    Never,
    /// The API does not tell.
    Untold,
}

/// The admin API's word on the token that is saved in Snyk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedToken {
    /// Whether exactly one token matched the configured label and e-mail. Otherwise nothing below is filled.
    pub found: bool,
    /// Not blocked by an administrator.
    pub allowed: bool,
    /// Created, that is last rotated.
    pub created_at: Option<DateTime<Utc>>,
    /// Expires; `None` is no expiry.
    pub expires_at: Option<DateTime<Utc>>,
    /// Last used by anybody.
    pub last_active_at: Option<DateTime<Utc>>,
    /// How many tokens matched: of several, which one is saved in Snyk cannot be told.
    #[serde(default)]
    pub matching: usize,
    /// Where none matched, the first few of the labels that the complete listing has (for the configured e-mail, where
    /// there is one); hostile text.
    pub labels: Vec<String>,
    /// How many labels more it has.
    #[serde(default)]
    pub more_labels: usize,
}

/// What the SCM answers to the secret before the present one, which is kept in memory after a rotation and asked with
/// until it is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviousSecret {
    /// It still works.
    Accepted,
    /// It does not.
    Rejected,
}

/// What a probe or a scope header says of one permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PermissionProof {
    /// It is granted.
    Granted,
    /// It is missing.
    Missing {
        /// The scope that would give it, in the token's own vocabulary.
        scope: Option<String>,
    },
    /// Nothing can tell (the endpoint is gone, the header absent).
    Unverifiable,
    /// The header lacks it, and an answer of the same round shows that it, or something else that the header lacks, is
    /// granted.
    Contradicted,
    /// Admin rights on a part of the repositories only.
    Partial {
        /// How many repositories the account administers.
        granted: u64,
        /// Of how many.
        total: u64,
    },
}
