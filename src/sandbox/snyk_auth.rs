//! Whom Snyk takes a caller for: `token` for API tokens, `bearer` for OAuth access tokens, each in its own region.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::call::Call;
use super::world::{GroupSight, Level, Organization, Permission, Snyk, SnykToken, SnykTokenKind};

/// A caller of Snyk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) token: &'a SnykToken,
}

/// Signs a call in; `None` for every reason to answer 401.
pub(super) fn sign_in<'a>(snyk: &'a Snyk, call: &Call, now: DateTime<Utc>) -> Option<Caller<'a>> {
    let (scheme, secret) = call.authorization()?;
    let token = match scheme.as_str() {
        "token" => snyk.tokens.iter().find(|known| known.secret == secret && !is_oauth(known))?,
        "bearer" => {
            let grant = snyk.grants.iter().find(|grant| grant.secret == secret && now < grant.expires_at)?;
            snyk.token(&grant.client)?
        }
        _ => return None,
    };
    token.is_usable(&snyk.region, now).then_some(Caller { token })
}

/// Whether a token's secret is a client secret and not a token.
pub(super) fn is_oauth(token: &SnykToken) -> bool {
    matches!(token.kind, SnykTokenKind::OauthClient { .. } | SnykTokenKind::AppClient { .. })
}

impl Caller<'_> {
    pub(super) fn may(self, permission: Permission) -> bool {
        self.token.permissions.contains(&permission)
    }

    /// Whether the caller is a member of a Group.
    pub(super) fn sees_group(self, group: Uuid) -> bool {
        self.token.level == Level::Group(group) && self.token.sight != GroupSight::Gone
    }

    /// Whether the caller sees an Organization: of its Group, and not hidden; or the one it lives in.
    pub(super) fn sees_organization(self, organization: &Organization) -> bool {
        if self.token.hidden_organizations.contains(&organization.id) {
            return false;
        }
        match self.token.level {
            Level::Group(group) => group == organization.group && self.token.sight == GroupSight::Whole,
            Level::Organization(id) => id == organization.id,
        }
    }
}
