//! The `integrations` and `permission_sets` sections as a file writes them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Named;
use super::spanned::Spanned;
use super::value::{RawInstant, RawUuid};
use crate::config::alerts::RawAlertRules;
use crate::config::conditions::RawConditionSettings;

/// A connection between Snyk and a Git host: a Group, Organizations, or both.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawIntegration {
    /// The Git host, in Snyk's own word.
    #[schemars(required)]
    pub(crate) scm: Option<RawScm>,
    /// The team to ask.
    pub(crate) owner: Option<String>,
    /// The Group's integration.
    pub(crate) group: Option<Spanned<RawGroup>>,
    /// The Organizations' integrations.
    pub(crate) organizations: Option<Spanned<RawOrganizations>>,
    /// Thresholds of its conditions, over the section of the same name.
    pub(crate) conditions: Option<Spanned<RawConditionSettings>>,
    /// When its incidents open, and how bad they are, over `alerts.rules`. Rules about a credential, a Snyk token or an
    /// API can be set there alone.
    pub(crate) rules: Option<Spanned<RawAlertRules>>,
}

/// A Git host.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RawScm {
    /// Bitbucket Cloud.
    BitbucketCloud,
}

/// The Group's integration. Its presence says that it is set up in Snyk.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawGroup {
    /// The Snyk token that reads the Group: a name of the `snyk` section.
    #[schemars(required)]
    pub(crate) snyk: Option<Spanned<String>>,
    /// The Group's id.
    #[schemars(required)]
    pub(crate) id: Option<RawUuid>,
    /// What people call the Group. Default: Snyk is asked.
    pub(crate) name: Option<String>,
    /// When it was set up in Snyk. Default: when it was first seen.
    pub(crate) configured_at: Option<Spanned<RawInstant>>,
    /// What the PAT must be allowed to do: `pilot-guide`, `group`, `organization`, or a name of `permission_sets`.
    /// Default `group`.
    pub(crate) permissions: Option<Spanned<String>>,
    /// The profiles, by name: one for each set-up in Snyk.
    #[schemars(required)]
    pub(crate) profiles: Option<Spanned<Named<RawProfile>>>,
    /// The Backstage catalog, if the Group has one.
    pub(crate) backstage: Option<RawBackstage>,
    /// Repositories (`workspace/slug`, with `*` and `?`) that need not be in Snyk's Inventory.
    pub(crate) ignore: Vec<Spanned<String>>,
    /// The asset's `sources` word that says "discovered by this integration". Default: learned.
    pub(crate) source: Option<String>,
}

/// One set-up of a Group's integration.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawProfile {
    /// The credential: a name of the `credentials` section. Its `role` says whether it is a copy of the PAT or an
    /// observer.
    #[schemars(required)]
    pub(crate) credential: Option<Spanned<String>>,
    /// The workspaces, by slug. Left out: every workspace that the account sees, as Snyk's own profile does.
    pub(crate) workspaces: Option<Spanned<Vec<Spanned<String>>>>,
}

/// The Backstage catalog.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawBackstage {
    /// The catalog file's name. Default `catalog-info.yaml`.
    pub(crate) file_name: Option<Spanned<String>>,
}

/// The Organizations' integrations. One is watched unless it was concluded that there is none.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawOrganizations {
    /// The Snyk token that reads the Organizations: a name of the `snyk` section. Default: the Group's.
    pub(crate) snyk: Option<Spanned<String>>,
    /// The credential saved there: a name of the `credentials` section.
    #[schemars(required)]
    pub(crate) credential: Option<Spanned<String>>,
    /// Which Organizations are looked at: `all` (of the Group, or that the token sees) or a list of ids. Default `all`.
    pub(crate) discover: Option<Spanned<RawDiscover>>,
    /// Organizations to leave out: names or ids, with `*` and `?`.
    pub(crate) exclude: Vec<Spanned<String>>,
    /// Organizations that must have the integration, by id or name, even if none was ever seen there.
    pub(crate) require: Vec<Spanned<String>>,
    /// Organizations with another credential, by id or name.
    pub(crate) overrides: BTreeMap<Spanned<String>, RawOverride>,
    /// How a Snyk webhook's URL looks: a regular expression.
    pub(crate) webhook_url_pattern: Option<Spanned<String>>,
    /// What the PAT must be allowed to do: `pilot-guide`, `group`, `organization`, or a name of `permission_sets`.
    /// Default `organization`.
    pub(crate) permissions: Option<Spanned<String>>,
}

/// An Organization with another credential.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawOverride {
    /// The credential saved there: a name of the `credentials` section.
    #[schemars(required)]
    pub(crate) credential: Option<Spanned<String>>,
}

/// Which Organizations are looked at.
#[derive(Debug, Clone)]
pub(crate) enum RawDiscover {
    /// All.
    All,
    /// These.
    Listed(Vec<Spanned<RawUuid>>),
}

mod discover {
    use std::borrow::Cow;
    use std::fmt;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde::de::{self, Deserialize, Deserializer, SeqAccess, Unexpected, Visitor};

    use super::RawDiscover;

    impl<'de> Deserialize<'de> for RawDiscover {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct AllOrList;

            impl<'de> Visitor<'de> for AllOrList {
                type Value = RawDiscover;

                fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str("`all` or a list of Organization ids")
                }

                fn visit_str<E: de::Error>(self, text: &str) -> Result<RawDiscover, E> {
                    if text == "all" {
                        Ok(RawDiscover::All)
                    } else {
                        Err(E::invalid_value(Unexpected::Str(text), &self))
                    }
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<RawDiscover, A::Error> {
                    let mut ids = Vec::new();
                    while let Some(id) = sequence.next_element()? {
                        ids.push(id);
                    }
                    Ok(RawDiscover::Listed(ids))
                }
            }

            deserializer.deserialize_any(AllOrList)
        }
    }

    impl JsonSchema for RawDiscover {
        fn schema_name() -> Cow<'static, str> {
            "Discover".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "oneOf": [
                    { "const": "all" },
                    { "type": "array", "items": { "type": "string", "format": "uuid" }, "minItems": 1 },
                ]
            })
        }
    }
}

/// A list of permissions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawPermissionSet {
    /// Missing one of these is a problem.
    #[schemars(required)]
    pub(crate) required: Option<Vec<Spanned<RawPermission>>>,
    /// These are shown, and their absence is no problem.
    pub(crate) optional: Vec<Spanned<RawPermission>>,
}

/// A permission, in the daemon's own word.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct RawPermission(pub(crate) crate::domain::permission::Permission);

impl JsonSchema for RawPermission {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Permission".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<_> = crate::domain::permission::Permission::ALL.iter().map(|one| one.as_str()).collect();
        schemars::json_schema!({ "type": "string", "enum": words })
    }
}
