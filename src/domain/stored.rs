//! How values are stored that JSON has no form for: one module for each, to be named in `serde(with = …)`.

/// Maps with structured keys as lists of pairs, since JSON knows text keys only.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter())
    }

    pub(crate) fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// Spans as whole seconds.
pub(crate) mod seconds {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(span: &TimeDelta, serializer: S) -> Result<S::Ok, S::Error> {
        span.num_seconds().serialize(serializer)
    }

    /// About three hundred years: with a longer one, an instant has no sum.
    const LONGEST: i64 = 10_000_000_000;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        let span = TimeDelta::try_seconds(seconds).filter(|span| span.num_seconds().abs() <= LONGEST);
        span.ok_or_else(|| serde::de::Error::custom("span out of range"))
    }
}

/// Spans as whole seconds, where there is one.
pub(crate) mod optional_seconds {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
    pub(crate) fn serialize<S: Serializer>(span: &Option<TimeDelta>, serializer: S) -> Result<S::Ok, S::Error> {
        span.map(|span| span.num_seconds()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeDelta>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.and_then(TimeDelta::try_seconds))
    }
}
