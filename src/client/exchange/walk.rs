//! Follows a paged list to its last page, or fails: there is no partial walk.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use serde::de::DeserializeOwned;
use url::Url;

use super::{Authentication, Call, Connection};
use crate::client::allowed;
use crate::client::answer::{Failure, FailureClass, Walk, safe_text};
use crate::client::budget::LONGEST_WALK_PACING;

/// More pages than any real list has: 200,000 items at 100 a page.
const MOST_PAGES: usize = 2_000;

/// A page of a list.
pub(crate) trait Page: DeserializeOwned {
    /// What the list holds.
    type Item;

    /// Takes the page apart.
    fn into_parts(self) -> PageParts<Self::Item>;
}

/// The parts of a page.
pub(crate) struct PageParts<I> {
    pub(crate) items: Vec<I>,
    pub(crate) next: Option<Next>,
    pub(crate) total: Option<u64>,
}

/// Where the next page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// A link: absolute, or relative to the host, the base URL or the page.
    Link(String),
    /// A value for this query parameter; the other parameters stay.
    Cursor(&'static str, String),
}

/// Whether a list stated more than it gave. A few more are left to the changes of a living list, and to items that are
/// counted and not shown; more would hide what is missing.
fn ends_too_early(listed: usize, total: u64) -> bool {
    let missing = usize::try_from(total).unwrap_or(usize::MAX).saturating_sub(listed);
    missing >= 2 && missing > listed / 20
}

impl Connection {
    /// Walks the list that begins with `first`.
    pub(crate) async fn walk<P: Page>(
        &self,
        first: Call,
        authentication: &Authentication,
    ) -> Result<Walk<P::Item>, Failure> {
        let started_at = self.context.clock.now();
        let (mut items, mut total, mut pages) = (Vec::new(), None, 0);
        // Hashes are enough to notice a circle, and small.
        let (hasher, mut seen) = (RandomState::new(), HashSet::from([]));
        let mut call = first.clone();
        loop {
            seen.insert(hasher.hash_one(call.url.as_str()));
            let failed = |mut failure: Failure, items: usize| {
                failure.pages_before = pages;
                failure.items_before = items;
                failure
            };
            let answer = match authentication.call::<P>(self, call.clone()).await {
                Ok(answer) => answer,
                Err(failure) => return Err(failed(failure, items.len())),
            };
            let parts = answer.value.into_parts();
            items.extend(parts.items);
            total = parts.total.or(total);
            let Some(next) = parts.next else {
                if let Some(total) = total.filter(|total| ends_too_early(items.len(), *total)) {
                    let what = format!("a list that ends after {} of its {total} items", items.len());
                    return Err(failed(Failure::of_another_shape(&what, answer.meta), items.len()));
                }
                let complete_at = self.context.clock.now();
                return Ok(Walk { items, pages: pages + 1, started_at, complete_at, total, meta: answer.meta });
            };
            let url = match self.next_url(&first, &call.url, &next) {
                Ok(url) => url,
                Err(failure) => return Err(failed(failure, items.len())),
            };
            if pages + 1 >= MOST_PAGES || seen.contains(&hasher.hash_one(url.as_str())) {
                let detail = format!("the list did not end after {} pages", pages + 1);
                return Err(failed(Failure::without_answer(FailureClass::EndlessPaging, detail), items.len()));
            }
            pages += 1;
            call.url = url;
            call.patience = LONGEST_WALK_PACING;
        }
    }

    /// The URL of the next page, when it is one to which our secret may go: same scheme, host, port and kind of request.
    fn next_url(&self, first: &Call, current: &Url, next: &Next) -> Result<Url, Failure> {
        let url = match next {
            Next::Cursor(name, value) => Some(with_parameter(&first.url, name, value)),
            Next::Link(link) => self.resolve(current, link).map(|url| keep_version(url, &first.url)),
        };
        let kind = |url: &Url| {
            let path = self.target.path_below(url)?;
            allowed::find(first.verb, self.target.role(), path)
        };
        match url {
            Some(url) if kind(&url).is_some() && kind(&url) == kind(&first.url) => Ok(url),
            url => {
                let host = url.as_ref().and_then(Url::host_str).map(safe_text);
                let detail = match &host {
                    Some(host) => format!("the link to the next page leads elsewhere: {host}"),
                    None => "the link to the next page is not a link".to_owned(),
                };
                Err(Failure::without_answer(FailureClass::ForeignNextLink { host }, detail).clean(&self.redactor))
            }
        }
    }

    /// `/groups/…` without the base path, `/rest/groups/…` with it, `?…`, or absolute: all four occur.
    fn resolve(&self, current: &Url, link: &str) -> Option<Url> {
        let base_path = self.target.base_path();
        let is_rooted = link.starts_with('/') && !link.starts_with("//");
        let has_base = link.strip_prefix(base_path).is_some_and(|rest| rest.starts_with('/'));
        if is_rooted && !has_base {
            self.target.base().join(&format!("{base_path}{link}")).ok()
        } else {
            current.join(link).ok()
        }
    }
}

fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let kept: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair(name, value);
    url
}

/// A link that forgot the API version would be answered by another one.
fn keep_version(url: Url, first: &Url) -> Url {
    let version = |url: &Url| url.query_pairs().find(|(key, _)| key == "version").map(|(_, value)| value.into_owned());
    match (version(&url), version(first)) {
        (None, Some(version)) => with_parameter(&url, "version", &version),
        _ => url,
    }
}
