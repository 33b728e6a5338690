//! The frames around REST answers: one document, a page of a list.

use std::hash::Hash;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PAGE_ITEMS;
use crate::client::answer::lenient::{self, kind_of};
use crate::client::exchange::{Listed, Next, OddField, Page, PageParts};

/// `{"data": {…}}`
#[derive(Deserialize)]
pub(super) struct Document<T> {
    pub(super) data: T,
}

/// A list whose description requires `links`: a page without them is no page of it.
pub(super) type LinkedPage<T> = DataPage<T, true>;

/// A list whose description leaves `links` out at will: a page without them is its last, unless it is a full one.
pub(super) type UnlinkedPage<T> = DataPage<T, false>;

/// `{"data": […], "links": {…}, "meta": {…}}`.
///
/// Some descriptions make `data` optional. Only a list that states that it is empty may come without it: an answer that
/// calls its items by another name must not look like an empty list.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned", try_from = "AnyPage<T>")]
pub(super) struct DataPage<T, const LINKS_REQUIRED: bool> {
    data: Vec<T>,
    links: Option<Value>,
    meta: PageMeta,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct AnyPage<T> {
    data: Option<Vec<T>>,
    #[serde(default, deserialize_with = "lenient::given")]
    links: Option<Value>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    meta: PageMeta,
}

impl<T, const LINKS_REQUIRED: bool> TryFrom<AnyPage<T>> for DataPage<T, LINKS_REQUIRED> {
    type Error = &'static str;

    fn try_from(AnyPage { data, links, meta }: AnyPage<T>) -> Result<Self, Self::Error> {
        let data = data.or_else(|| (meta.count == Some(0)).then(Vec::new)).ok_or("missing field `data`")?;
        Ok(Self { data, links, meta })
    }
}

/// An answer of which only the count matters.
#[derive(Deserialize)]
pub(super) struct Counted {
    pub(super) meta: PageMeta,
}

#[derive(Default, Deserialize)]
pub(super) struct PageMeta {
    #[serde(default, alias = "total_count", deserialize_with = "lenient::count")]
    pub(super) count: Option<u64>,
}

/// Where `links` leads: `next` is a string, or an object with `href`; the description allows both. Without `next`, or
/// with `null` or nothing in it, the page is the last one. Any other shape does not say.
pub(super) fn next_of(links: Option<Value>, is_required: bool) -> Result<Option<Next>, OddField> {
    let mut links = match links {
        Some(Value::Object(links)) => links,
        None if is_required => return Err(OddField { name: "links", found: "missing" }),
        None => return Ok(None),
        Some(other) => return Err(OddField { name: "links", found: kind_of(&other) }),
    };
    let link = match links.remove("next") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(link)) => link,
        Some(Value::Object(next)) => match next.get("href") {
            Some(Value::String(link)) if !link.is_empty() => link.clone(),
            _ => return Err(OddField { name: "links.next", found: "an object without a link" }),
        },
        Some(other) => return Err(OddField { name: "links.next", found: kind_of(&other) }),
    };
    Ok((!link.is_empty()).then_some(Next::Link(link)))
}

impl<T: DeserializeOwned + Listed, const LINKS_REQUIRED: bool> Page for DataPage<T, LINKS_REQUIRED> {
    type Item = T;

    fn into_parts(self) -> PageParts<T> {
        // A stated total tells whether a full page was the last one; nothing else does.
        let may_go_on = self.data.len() >= PAGE_ITEMS && self.meta.count.is_none();
        let next = next_of(self.links, LINKS_REQUIRED || may_go_on);
        PageParts { items: self.data, next, total: self.meta.count, unreadable: 0 }
    }
}

/// `{"id", "attributes"}`: what most resources are.
#[derive(Deserialize)]
#[serde(bound = "A: DeserializeOwned + Default")]
pub(super) struct Resource<A> {
    #[serde(deserialize_with = "lenient::required_text")]
    pub(super) id: String,
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(super) attributes: A,
}

impl<A: DeserializeOwned + Default> Listed for Resource<A> {
    fn identity(&self) -> Option<impl Hash> {
        Some(&self.id)
    }
}
