//! Secrets that a reload replaced.

use std::sync::Arc;

use super::Wiring;
use crate::config::credential::{Credential, ScmAccount};
use crate::domain::kinds::Role;

impl Wiring {
    /// Keeps the secrets of the PATs saved in Snyk that are others now than in `before`. What is asked at another place or
    /// on another way from now on is asked with no old secret: that one is bound to where it was used.
    pub(super) fn keep_replaced_secrets(&self, before: &Self) {
        self.former.retain(|name| self.config.credentials.contains_key(name));
        for (name, credential) in &self.config.credentials {
            let Some(known) = before.config.credentials.get(name) else { continue };
            let is_saved_in_snyk = |one: &Credential| one.role == Role::Integration;
            if !is_saved_in_snyk(known) || !is_saved_in_snyk(credential) || !is_same_place(known, credential) {
                self.former.forget(name);
            } else if let (Some(version), Some(probes)) = (before.version_of(name), before.scm.get(name))
                && self.version_of(name) != Some(version)
            {
                self.former.keep(name, version, Arc::clone(probes));
            }
        }
    }
}

/// Whether the same hosts are asked on the same way.
fn is_same_place(one: &Credential, other: &Credential) -> bool {
    let (ScmAccount::BitbucketCloud(one_account), ScmAccount::BitbucketCloud(other_account)) =
        (&one.account, &other.account);
    one_account.api_root() == other_account.api_root() && one.http == other.http
}
