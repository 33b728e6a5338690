//! The names an operator gives in the configuration: each kind its own type, so that one cannot stand for another.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the name as it stands in the configuration.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name as it stands in the configuration.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )+};
}

names! {
    /// A key of the `snyk` section: one Snyk token at one API.
    SnykName;
    /// A key of the `credentials` section: one secret at the Git host.
    CredentialName;
    /// A key of the `integrations` section.
    IntegrationName;
    /// A key of a Group integration's `profiles`.
    ProfileName;
    /// A named list of permissions, built in or from the `permission_sets` section.
    PermissionSetName;
}
