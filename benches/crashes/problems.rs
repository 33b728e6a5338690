//! What comes and goes.

/// A problem that lasts from the first minute to the last: the declared end of the PAT has passed, and it works. It is
/// acknowledged in the beginning.
pub(crate) const LASTING: &str = "DeclaredDateOutdated/credential/bitbucket-acme";

/// A problem opens so often within two hours; the next time it is flapping, and stays open.
pub(crate) const OPENINGS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Problem {
    SnykDown,
    BitbucketDown,
    /// Silenced in the beginning: it must reach nobody.
    ScopeMissing,
    /// Of another PAT, which is not silenced.
    ScopeOf(u8),
}

impl Problem {
    pub(crate) const ALL: [Self; 6] =
        [Self::SnykDown, Self::BitbucketDown, Self::ScopeMissing, Self::ScopeOf(1), Self::ScopeOf(2), Self::ScopeOf(3)];

    /// The PAT that lacks a scope, by its name in the sandbox.
    pub(crate) fn credential(self) -> String {
        match self {
            Self::ScopeOf(number) => format!("pat-{number}"),
            _ => snykwatch::sandbox::world::ACME_CREDENTIAL.to_owned(),
        }
    }

    /// What is opened for it: rules and subjects. Each credential has its own access to the Git host.
    pub(crate) fn incidents(self) -> Vec<String> {
        match self {
            Self::SnykDown => vec!["UpstreamUnreachable/api/snyk/acme-us".to_owned()],
            Self::BitbucketDown => Self::ALL
                .into_iter()
                .filter(|problem| matches!(problem, Self::ScopeMissing | Self::ScopeOf(_)))
                .map(|problem| format!("UpstreamUnreachable/api/bitbucket-cloud/{}", problem.configured()))
                .collect(),
            Self::ScopeMissing | Self::ScopeOf(_) => {
                vec![format!("PermissionsMissing/credential/{}", self.configured())]
            }
        }
    }

    /// The PAT, by its name in the configuration.
    fn configured(self) -> String {
        match self {
            Self::ScopeOf(_) => self.credential(),
            _ => "bitbucket-acme".to_owned(),
        }
    }

    /// How bad it is when it has lasted for a while.
    pub(crate) const fn severity(self) -> &'static str {
        match self {
            Self::SnykDown | Self::BitbucketDown => "critical",
            Self::ScopeMissing | Self::ScopeOf(_) => "warning",
        }
    }
}
