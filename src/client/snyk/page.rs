//! The frames around REST answers: one document, a page of a list, a page of the audit log.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::answer::lenient;
use crate::client::exchange::{Next, Page, PageParts};

/// `{"data": {…}}`
#[derive(Deserialize)]
pub(super) struct Document<T> {
    pub(super) data: T,
}

/// `{"data": […], "links": {…}, "meta": {…}}`
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub(super) struct DataPage<T> {
    data: Vec<T>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    links: Links,
    #[serde(default, deserialize_with = "lenient::or_default")]
    meta: PageMeta,
}

/// `{"data": {"items": […]}, "links": {…}}`: the audit log alone is shaped so.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub(super) struct ItemsPage<T> {
    data: Items<T>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    links: Links,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Items<T> {
    items: Vec<T>,
}

/// An answer of which only the count matters.
#[derive(Deserialize)]
pub(super) struct Counted {
    pub(super) meta: PageMeta,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(default)]
    next: Option<Value>,
}

impl Links {
    /// The link is a string, or an object with `href`; the description allows both.
    fn into_next(self) -> Option<Next> {
        let link = match self.next? {
            Value::String(link) => link,
            Value::Object(link) => link.get("href")?.as_str()?.to_owned(),
            _ => return None,
        };
        (!link.is_empty()).then_some(Next::Link(link))
    }
}

#[derive(Default, Deserialize)]
pub(super) struct PageMeta {
    #[serde(default, alias = "total_count", deserialize_with = "lenient::count")]
    pub(super) count: Option<u64>,
}

impl<T: DeserializeOwned> Page for DataPage<T> {
    type Item = T;

    fn into_parts(self) -> PageParts<T> {
        PageParts { items: self.data, next: self.links.into_next(), total: self.meta.count }
    }
}

impl<T: DeserializeOwned> Page for ItemsPage<T> {
    type Item = T;

    fn into_parts(self) -> PageParts<T> {
        PageParts { items: self.data.items, next: self.links.into_next(), total: None }
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
