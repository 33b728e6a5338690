//! The secrets that are in force: what tells one version of a secret from the next, or why there is none to ask with.

use std::collections::BTreeMap;

use crate::domain::names::CredentialName;

/// The secret of one credential. A credential is asked with all of its secrets or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HeldSecret {
    /// It is a token, as far as that can be seen; what tells it from other versions (see `config::secrets`).
    Version(String),
    /// It was refused when it was read, and is never sent. Why; no part of it is in that.
    Refused(String),
}

/// The secrets of every credential, Snyk tokens included.
pub(super) type HeldSecrets = BTreeMap<CredentialName, HeldSecret>;

impl HeldSecret {
    pub(super) fn version(&self) -> Option<&str> {
        match self {
            Self::Version(version) => Some(version),
            Self::Refused(_) => None,
        }
    }

    pub(super) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Version(_) => None,
            Self::Refused(why) => Some(why),
        }
    }
}
