//! The `alerts` section as a file writes it, its receivers apart.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::Named;
use super::integration::RawScm;
use super::receivers::{RawHeartbeat, RawReceiver};
use super::spanned::Spanned;
use super::value::{HumanDuration, RawEscalation, RawInstant, RawSeverity, RawTimeOfDay, RawZone};
use crate::config::alerts::RawAlertRules;
use crate::config::suggest;
use crate::domain::incident::Rule;

/// Incidents: when they open, and who is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAlerts {
    /// Who tells people: snykwatch itself, Prometheus by the shipped rules, or both. Default `builtin`.
    pub(crate) deliver: Option<Spanned<RawDeliverBy>>,
    /// When each incident opens, and how bad it is. Integrations may override any of it.
    pub(crate) rules: Option<Spanned<RawAlertRules>>,
    /// Where notifications go, by name.
    pub(crate) receivers: Named<RawReceiver>,
    /// Who is told of what, from the top: the first route that takes an incident ends it, unless it says `continue`.
    /// Left out: every receiver is told of everything.
    pub(crate) routes: Option<Spanned<Vec<Spanned<RawRoute>>>>,
    /// Hours of the week, by name, for routes and maintenance windows.
    pub(crate) times: Named<RawTimeWindow>,
    /// Planned times in which nobody wants to hear of something. What outlasts one is told at its end.
    pub(crate) maintenance: Vec<Spanned<RawMaintenance>>,
    /// The sign of life that a dead man's switch waits for.
    pub(crate) heartbeat: Option<Spanned<RawHeartbeat>>,
    /// How often each route has a digest, if there is anything new, ended or standing. Default 7d.
    pub(crate) digest_every: Option<Spanned<HumanDuration>>,
}

/// Who tells people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawDeliverBy {
    /// snykwatch's own receivers.
    Builtin,
    /// Prometheus and its Alertmanager.
    Prometheus,
    /// Both.
    Both,
}

/// Some words or patterns of a list that may be left out.
pub(crate) type Words<T> = Option<Spanned<Vec<Spanned<T>>>>;

/// Which incidents something takes, as it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawMatcher<'a> {
    pub(crate) severity: &'a Words<RawSeverity>,
    pub(crate) level: &'a Words<RawLevel>,
    pub(crate) integrations: &'a Words<String>,
    pub(crate) scm: &'a Words<RawScm>,
    pub(crate) owner: &'a Words<String>,
    pub(crate) credential: &'a Words<String>,
    pub(crate) rules: &'a Words<RawRule>,
}

/// A mapping with keys of its own and those that say which incidents it takes.
macro_rules! matching {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name {
            $($(#[$field_meta])* pub(crate) $field: $type,)*
            /// Only incidents of these severities. Left out: of any.
            pub(crate) severity: Words<RawSeverity>,
            /// Only incidents whose highest level is one of these.
            pub(crate) level: Words<RawLevel>,
            /// Only incidents that affect one of these integrations: names, with `*` and `?`.
            pub(crate) integrations: Words<String>,
            /// Only incidents at one of these Git hosts.
            pub(crate) scm: Words<RawScm>,
            /// Only incidents that affect an integration of one of these owners, with `*` and `?`.
            pub(crate) owner: Words<String>,
            /// Only incidents about one of these credentials or Snyk tokens: names, with `*` and `?`.
            pub(crate) credential: Words<String>,
            /// Only incidents of these rules, in the words of `alerts.rules`.
            pub(crate) rules: Words<RawRule>,
        }

        impl $name {
            pub(crate) const fn matcher(&self) -> RawMatcher<'_> {
                RawMatcher {
                    severity: &self.severity,
                    level: &self.level,
                    integrations: &self.integrations,
                    scm: &self.scm,
                    owner: &self.owner,
                    credential: &self.credential,
                    rules: &self.rules,
                }
            }
        }
    )+};
}

matching! {
    /// One way to receivers.
    RawRoute {
        /// Names of `alerts.receivers`.
        #[schemars(required)]
        receivers: Option<Spanned<Vec<Spanned<String>>>>,
        /// Names of `alerts.times`: only then. What comes at another time waits for the next of them.
        active_times: Vec<Spanned<String>>,
        /// Names of `alerts.times`: not then.
        mute_times: Vec<Spanned<String>>,
        /// What lasts is told again after this, or `never`. Default never.
        remind_every: Option<Spanned<RawEscalation>>,
        /// `true`: the routes below are looked at too. Default false.
        r#continue: Option<bool>,
    }

    /// A planned time in which nobody wants to hear of something: `from` and `to`, or `weekly`.
    RawMaintenance {
        /// What it is for.
        #[schemars(required)]
        name: Option<Spanned<String>>,
        /// Its begin.
        from: Option<Spanned<RawInstant>>,
        /// Its end.
        to: Option<Spanned<RawInstant>>,
        /// Every week: a name of `alerts.times`.
        weekly: Option<Spanned<String>>,
    }
}

/// Hours of some days of the week.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTimeWindow {
    /// The zone in which they are meant. Default: `timezone`.
    pub(crate) zone: Option<RawZone>,
    /// Days on which it begins: a day, a range, or a list of them. Default: every day.
    pub(crate) days: Option<Spanned<RawDays>>,
    /// From then on. Default 00:00.
    pub(crate) from: Option<RawTimeOfDay>,
    /// Until then. A time that is not later than `from` is one of the next day. Default 24:00.
    pub(crate) to: Option<RawTimeOfDay>,
}

/// The end to which an incident belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawLevel {
    /// A Group.
    Group,
    /// Organizations.
    Organization,
}

/// A rule, by its key under `alerts.rules`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawRule(pub(crate) Rule);

impl RawRule {
    /// The key of a rule: its name in the way of this file.
    pub(crate) fn key(rule: Rule) -> String {
        let mut key = String::new();
        for (index, character) in rule.as_str().chars().enumerate() {
            if index > 0 && character.is_ascii_uppercase() {
                key.push('_');
            }
            key.push(character.to_ascii_lowercase());
        }
        key
    }
}

impl<'de> Deserialize<'de> for RawRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let keys: Vec<String> = Rule::ALL.iter().map(|rule| Self::key(*rule)).collect();
        let found = Rule::ALL.iter().zip(&keys).find(|(_, key)| **key == text).map(|(rule, _)| Self(*rule));
        found.ok_or_else(|| {
            let nearest = suggest::nearest(&text, keys.iter().map(String::as_str));
            let hint = nearest.map_or_else(String::new, |key| format!("; did you mean `{key}`?"));
            serde::de::Error::custom(format!("there is no rule `{}`{hint}", text.escape_debug()))
        })
    }
}

impl JsonSchema for RawRule {
    fn schema_name() -> Cow<'static, str> {
        "RuleName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let keys: Vec<_> = Rule::ALL.iter().map(|rule| Self::key(*rule)).collect();
        json_schema!({ "type": "string", "enum": keys })
    }
}

pub(crate) use days::RawDays;

mod days {
    //! Days of the week: `mon`, `mon-fri`, `[mon, wed-fri]`.

    use std::borrow::Cow;
    use std::collections::BTreeSet;
    use std::fmt;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

    /// The days, Monday first.
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// Days of the week; Monday is 0.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct RawDays(pub(crate) BTreeSet<u8>);

    fn read(text: &str, days: &mut BTreeSet<u8>) -> Result<(), String> {
        let number = |word: &str| {
            let found = DAYS.iter().zip(0u8..).find(|(day, _)| **day == word).map(|(_, number)| number);
            found.ok_or_else(|| {
                format!("`{}` is no day of the week; write for example mon or mon-fri", word.escape_debug())
            })
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (mut day, last) = (number(first.trim())?, number(last.trim())?);
        days.insert(day);
        while day != last {
            day = (day + 1) % 7;
            days.insert(day);
        }
        Ok(())
    }

    impl<'de> Deserialize<'de> for RawDays {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct DayOrList;

            impl<'de> Visitor<'de> for DayOrList {
                type Value = RawDays;

                fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str("days such as mon-fri, or a list of them")
                }

                fn visit_str<E: de::Error>(self, text: &str) -> Result<RawDays, E> {
                    let mut days = BTreeSet::new();
                    read(text, &mut days).map_err(E::custom)?;
                    Ok(RawDays(days))
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<RawDays, A::Error> {
                    let mut days = BTreeSet::new();
                    while let Some(text) = sequence.next_element::<String>()? {
                        read(&text, &mut days).map_err(de::Error::custom)?;
                    }
                    Ok(RawDays(days))
                }
            }

            deserializer.deserialize_any(DayOrList)
        }
    }

    impl JsonSchema for RawDays {
        fn schema_name() -> Cow<'static, str> {
            "Days".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            let day = format!("({})", DAYS.join("|"));
            let days = json_schema!({ "type": "string", "pattern": format!("^{day}(-{day})?$") });
            json_schema!({ "oneOf": [days, { "type": "array", "items": days, "minItems": 1 }] })
        }
    }
}
