//! Settings that come in layers: the built-in default, the file's own section, one integration.
//!
//! [`settings!`] declares a group of settings once, each with its type, default and meaning, and gives two types: the
//! public one, in which every setting has a value, and the raw one that is read from a file, in which every setting may
//! be left out. Laying a raw group over a public one ([`Setting::overlaid`]) gives the next layer. The meaning of each
//! setting is its doc comment, which the JSON Schema shows too.

use std::time::Duration;

use serde_json::{Value, json};

use super::duration::format_duration;
use super::raw::value::{HumanDuration, Share};

/// A setting, or a group of settings.
pub(crate) trait Setting: Sized {
    /// How it is written in a file.
    type Raw: Clone;

    /// The setting with what the file says laid over it.
    fn overlaid(&self, raw: &Self::Raw) -> Self;

    /// The setting as `config show` prints it: in the words of the file.
    fn shown(&self) -> Value;
}

impl Setting for Duration {
    type Raw = HumanDuration;

    fn overlaid(&self, raw: &HumanDuration) -> Self {
        raw.0
    }

    fn shown(&self) -> Value {
        json!(format_duration(*self))
    }
}

impl Setting for f64 {
    type Raw = Share;

    fn overlaid(&self, raw: &Share) -> Self {
        raw.0
    }

    fn shown(&self) -> Value {
        json!(self)
    }
}

impl Setting for bool {
    type Raw = bool;

    fn overlaid(&self, raw: &bool) -> Self {
        *raw
    }

    fn shown(&self) -> Value {
        json!(self)
    }
}

impl Setting for u32 {
    type Raw = u32;

    fn overlaid(&self, raw: &u32) -> Self {
        *raw
    }

    fn shown(&self) -> Value {
        json!(self)
    }
}

/// Declares a group of settings: `settings! { /// Meaning. pub struct Name / RawName { /// Meaning. field: Type = DEFAULT, … } }`.
macro_rules! settings {
    ($($(#[$meta:meta])* pub struct $name:ident / $raw:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)+
    })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        $(#[$meta])*
        #[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $raw {
            $($(#[$field_meta])*
            pub(crate) $field: Option<$crate::config::raw::spanned::Spanned<<$type as $crate::config::settings::Setting>::Raw>>,)+
        }

        impl $crate::config::settings::Setting for $name {
            type Raw = $raw;

            fn overlaid(&self, raw: &$raw) -> Self {
                Self {
                    $($field: raw.$field.as_ref().map_or_else(|| self.$field.clone(), |raw| self.$field.overlaid(&raw.value)),)+
                }
            }

            fn shown(&self) -> serde_json::Value {
                let mut map = serde_json::Map::new();
                $(map.insert(stringify!($field).to_owned(), self.$field.shown());)+
                serde_json::Value::Object(map)
            }
        }
    )+};
}

pub(crate) use settings;
