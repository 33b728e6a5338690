//! Closed lists that cross every border: their text is the same in configuration, metrics, the API and pages.

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have one fixed text each, with the list of all of them.
macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value's fixed text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }
    };
}
pub(crate) use closed_list;

closed_list! {
    /// Where in Snyk an integration lives.
    Level {
        /// The Group: discovery, fills the Inventory.
        Group => "group",
        /// One Organization: imports, tests, pull request comments.
        Organization => "organization",
    }
}

closed_list! {
    /// The Git host, by Snyk's own type names.
    Scm {
        /// Bitbucket Cloud.
        BitbucketCloud => "bitbucket-cloud",
    }
}

closed_list! {
    /// What a credential is to us.
    Role {
        /// The very token that is saved in Snyk.
        Integration => "integration",
        /// A read-only token of the same account, ours alone.
        Observer => "observer",
    }
}

closed_list! {
    /// Where a claim comes from.
    Source {
        /// An API said so.
        Measured => "measured",
        /// The operator said so in the configuration.
        Declared => "declared",
        /// It follows from other evidence.
        Inferred => "inferred",
    }
}

closed_list! {
    /// How much a verdict can be relied upon.
    Confidence {
        /// Rests on the signals meant for it.
        Strong => "strong",
        /// Rests on a stand-in (such as `updated_at` where `last_sync` is missing).
        Weak => "weak",
    }
}

/// True, false, unknown or not applicable. No data is a value of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// Proved.
    True,
    /// Conclusively not.
    False,
    /// Not known, or no longer.
    Unknown,
    /// There is nothing that it could speak of: it is in no row, needs no proof and has no series.
    NotApplicable,
}

impl Truth {
    /// The gauge value: 1, 0 or -1; none where it is not applicable.
    pub const fn gauge(self) -> Option<i8> {
        match self {
            Self::True => Some(1),
            Self::False => Some(0),
            Self::Unknown => Some(-1),
            Self::NotApplicable => None,
        }
    }

    /// The text shown to people and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not_applicable",
        }
    }
}

impl std::fmt::Display for Truth {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}
