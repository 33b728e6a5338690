//! The frames around Bitbucket Cloud's lists.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::answer::lenient::{self, kind_of};
use crate::client::exchange::{Listed, Next, OddField, Page, PageParts};

/// `{"values": […], "next", "size"}`; only a list that states that it is empty may come without values.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned", try_from = "AnyPage<T>")]
pub(super) struct ValuesPage<T> {
    values: Vec<T>,
    next: Option<Value>,
    size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct AnyPage<T> {
    values: Option<Vec<T>>,
    #[serde(default)]
    next: Option<Value>,
    #[serde(default, deserialize_with = "lenient::count")]
    size: Option<u64>,
}

impl<T> TryFrom<AnyPage<T>> for ValuesPage<T> {
    type Error = &'static str;

    fn try_from(AnyPage { values, next, size }: AnyPage<T>) -> Result<Self, Self::Error> {
        let values = values.or_else(|| (size == Some(0)).then(Vec::new)).ok_or("missing field `values`")?;
        Ok(Self { values, next, size })
    }
}

/// The same where `fields=` may have left the values of an empty list out: then at least the size is there.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned", try_from = "AnyPage<T>")]
pub(super) struct SizedPage<T> {
    pub(super) values: Vec<T>,
    next: Option<Value>,
    pub(super) size: Option<u64>,
}

impl<T> TryFrom<AnyPage<T>> for SizedPage<T> {
    type Error = &'static str;

    fn try_from(AnyPage { values, next, size }: AnyPage<T>) -> Result<Self, Self::Error> {
        let values = values.or_else(|| size.map(|_| Vec::new())).ok_or("neither `values` nor `size`")?;
        Ok(Self { values, next, size })
    }
}

impl<T> SizedPage<T> {
    /// Whether more pages follow.
    pub(super) fn has_more(&self) -> Result<bool, OddField> {
        Ok(next_link(self.next.as_ref())?.is_some())
    }
}

impl<T: DeserializeOwned + Listed> Page for ValuesPage<T> {
    type Item = T;

    fn into_parts(self) -> PageParts<T> {
        let next = next_link(self.next.as_ref());
        PageParts { items: self.values, next, total: self.size, unreadable: 0 }
    }
}

/// `next` is a text. The last page has none, in some recordings an empty one. Any other shape does not say.
fn next_link(next: Option<&Value>) -> Result<Option<Next>, OddField> {
    match next {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(link)) => Ok((!link.is_empty()).then(|| Next::Link(link.clone()))),
        Some(other) => Err(OddField { name: "next", found: kind_of(other) }),
    }
}
