//! A value and the place where it stands.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use crate::config::problem::Place;

/// The name by which a deserializer of a document knows that the place is asked for.
pub(crate) const SPANNED: &str = "$snykwatch::Spanned";

/// A value and the place where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WithPlace<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for WithPlace<T> {
            type Value = Spanned<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Spanned<T>, A::Error> {
                let incomplete = || de::Error::custom("a place has three parts");
                let file = sequence.next_element()?.ok_or_else(incomplete)?;
                let start = sequence.next_element()?.ok_or_else(incomplete)?;
                let end = sequence.next_element()?.ok_or_else(incomplete)?;
                let value = sequence.next_element()?.ok_or_else(incomplete)?;
                Ok(Spanned { value, place: Place { file, start, end } })
            }
        }

        deserializer.deserialize_tuple_struct(SPANNED, 4, WithPlace(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: PartialOrd> PartialOrd for Spanned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for Spanned<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}
