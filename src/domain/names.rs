//! Identities. A name is a configuration key or an id of Snyk or the SCM; it never changes meaning by its text.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

name! {
    /// Configuration key of an entry under `integrations`.
    IntegrationName
}
name! {
    /// Configuration key of an entry under `credentials` or `snyk`; unique over both.
    CredentialName
}
name! {
    /// Configuration key of a profile of a Group integration.
    ProfileName
}
name! {
    /// Slug of a workspace (Bitbucket), as it stands in URLs.
    WorkspaceSlug
}
name! {
    /// The SCM's own, stable id of a repository (Bitbucket: its UUID without braces, lower case).
    RepositoryId
}
name! {
    /// One upstream API as metrics and incidents name it: `snyk/KEY` or `bitbucket-cloud`, `atlassian-admin`.
    ApiName
}

name! {
    /// Configuration key of an entry under `alerts.receivers`.
    ReceiverName
}
name! {
    /// Identity of a silence: a UUID as text.
    SilenceId
}
name! {
    /// Identity of a plan, or of an answer to a loss: a UUID as text.
    DecisionId
}

/// A version of what evidence is about, configuration and credential, as a short hash. It is compared, never read.
///
/// The hash (FNV-1a, 64 bits) is the same in every release and on every machine. It guards against mistakes, not against
/// people: secrets enter it only as the keyed hashes that their versions are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Revision(u64);

impl Revision {
    /// The revision of something that these texts tell from everything else.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        texts.into_iter().fold(Self(0xcbf2_9ce4_8422_2325), Self::with)
    }

    /// The revision of what this text tells apart within it.
    #[must_use]
    pub fn with(self, text: &str) -> Self {
        // No text has this byte: it keeps "ab", "c" and "a", "bc" apart.
        self.hash(text.bytes().chain(std::iter::once(0xff)))
    }

    /// The revision of both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.hash(other.0.to_be_bytes().into_iter())
    }

    fn hash(self, bytes: impl Iterator<Item = u8>) -> Self {
        Self(bytes.fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.to_string()
    }
}

impl TryFrom<String> for Revision {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

/// Snyk's id of a Group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub Uuid);

/// Snyk's id of an Organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrganizationId(pub Uuid);

impl fmt::Display for GroupId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Identity of a watched integration: its configuration key and, at Organization level, the Organization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntegrationKey {
    /// The configuration key.
    pub integration: IntegrationName,
    /// `None` at Group level.
    pub organization: Option<OrganizationId>,
}

impl IntegrationKey {
    /// The Group level of `integration`.
    pub fn group(integration: IntegrationName) -> Self {
        Self { integration, organization: None }
    }

    /// One Organization of `integration`.
    pub fn organization(integration: IntegrationName, organization: OrganizationId) -> Self {
        Self { integration, organization: Some(organization) }
    }

    /// Where it stands on the status page: the part of an address behind `#`. Configuration keys and UUIDs need no
    /// escaping.
    pub fn anchor(&self) -> String {
        match self.organization {
            None => format!("group-{}", self.integration),
            Some(organization) => format!("organization-{}-{organization}", self.integration),
        }
    }

    /// The level.
    pub fn level(&self) -> super::kinds::Level {
        match self.organization {
            None => super::kinds::Level::Group,
            Some(_) => super::kinds::Level::Organization,
        }
    }
}

impl fmt::Display for IntegrationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.organization {
            None => write!(formatter, "{} (group)", self.integration),
            Some(organization) => write!(formatter, "{} (organization {organization})", self.integration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_tell_texts_apart_and_never_change() {
        let revision = Revision::of(["https://api.snyk.io", "acme"]);
        assert_eq!(revision, Revision::of(["https://api.snyk.io"]).with("acme"));
        for other in [&["https://api.snyk.ioacme"][..], &["https://api.snyk.ioa", "cme"], &["acme"], &[]] {
            assert_ne!(revision, Revision::of(other.iter().copied()), "{other:?}");
        }
        assert_ne!(revision.and(Revision::of(["a"])), revision.and(Revision::of(["b"])));
        // They are stored: a release that hashed otherwise would forget everything at its first start.
        assert_eq!(revision.to_string(), "6b6ab2228f0e0201");
        let text = serde_json::to_string(&revision).unwrap();
        assert_eq!(serde_json::from_str::<Revision>(&text).unwrap(), revision);
    }
}
