//! Follows a paged list to its last page, or fails: only who asks for a part gets one.
//!
//! A page without a link to the next one is the last only when it has the shape of a page. A field of another shape, or a
//! total that was not reached, leaves open what is missing. An item that is told twice is one item: it fills no total, and a
//! page of nothing else is no page of a list that goes on.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::totals::{Completeness, ListEnd};
use super::{Authentication, Call, Connection};
use crate::client::allowed;
use crate::client::answer::{Failure, FailureClass, Walk};
use crate::client::budget::LONGEST_WALK_PACING;

/// More pages than any real list has: 200,000 items at 100 a page.
const MOST_PAGES: usize = 2_000;

/// Parameters that say how many items a page may have, on any of the APIs.
const PAGE_SIZES: [&str; 4] = ["limit", "pagelen", "pageSize", "size"];

/// Parameters whose values differ between two walks of the same list.
const MOVING: [&str; 2] = ["from", "q"];

/// An item of a list.
pub(crate) trait Listed {
    /// What tells it from every other item; none where nothing does.
    fn identity(&self) -> Option<impl Hash>;
}

/// A page of a list.
pub(crate) trait Page: DeserializeOwned {
    /// What the list holds.
    type Item: Listed;

    /// Takes the page apart.
    fn into_parts(self) -> PageParts<Self::Item>;
}

/// The parts of a page.
pub(crate) struct PageParts<I> {
    pub(crate) items: Vec<I>,
    /// The next page, or none when this is the last one; an error when the page does not say.
    pub(crate) next: Result<Option<Next>, OddField>,
    pub(crate) total: Option<u64>,
    /// Items of the page that could not be read and are not in `items`.
    pub(crate) unreadable: usize,
}

/// Where the next page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// A link: absolute, or relative to the host, the base URL or the page.
    Link(String),
    /// A value for this query parameter; the other parameters stay.
    Cursor(&'static str, String),
}

/// A field of another shape than described, so that the page does not say whether it is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OddField {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is: `null`, `a number`, `missing`.
    pub(crate) found: &'static str,
}

/// How much of a list is read at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadingLimits {
    pub(crate) pages: usize,
    /// No page is asked for after this, in real time.
    pub(crate) time: Duration,
}

/// A list as far as it was read.
pub(crate) struct Part<I> {
    pub(crate) walk: Walk<I>,
    /// Where it goes on; none when it was read to its end.
    pub(crate) rest: Option<Url>,
}

impl Connection {
    /// Walks the list that begins with `first` to its last page.
    pub(crate) async fn walk<P: Page>(
        &self,
        first: Call,
        authentication: &Authentication,
    ) -> Result<Walk<P::Item>, Failure> {
        let limits = ReadingLimits { pages: MOST_PAGES, time: Duration::MAX };
        let question = first.question();
        let Part { walk, rest } = self.walk_part::<P>(first, authentication, limits).await?;
        if rest.is_none() {
            return Ok(walk);
        }
        let detail = format!("the list did not end after {} pages", walk.pages);
        let mut failure = Failure::without_answer(FailureClass::EndlessPaging, detail);
        failure.context.asked = Some(self.redactor.clean(&question));
        failure.context.pages_before = walk.pages;
        failure.context.items_before = walk.items.len();
        Err(failure)
    }

    /// Walks the list that begins with `first` until its last page or these limits.
    pub(crate) async fn walk_part<P: Page>(
        &self,
        first: Call,
        authentication: &Authentication,
        limits: ReadingLimits,
    ) -> Result<Part<P::Item>, Failure> {
        let begin = Instant::now();
        let started_at = self.context.clock.now();
        let (mut items, mut total, mut pages, mut unreadable) = (Vec::new(), None, 0, 0);
        let mut longest_page = 0;
        // Hashes are enough to notice a circle, and small.
        let (hasher, mut seen) = (RandomState::new(), HashSet::from([]));
        let (mut told, mut repeats) = (HashSet::new(), 0);
        let mut call = first.clone();
        loop {
            seen.insert(hasher.hash_one(call.url.as_str()));
            let failed = |mut failure: Failure, items: usize| {
                failure.context.asked.get_or_insert_with(|| self.redactor.clean(&first.question()));
                failure.context.pages_before = pages;
                failure.context.items_before = items;
                failure
            };
            let answer = match authentication.call::<P>(self, call.clone()).await {
                Ok(answer) => answer,
                Err(failure) => return Err(failed(failure, items.len())),
            };
            let parts = answer.value.into_parts();
            let on_this_page = parts.items.len() + parts.unreadable;
            let before = items.len();
            items.extend(parts.items.into_iter().filter(|item: &P::Item| {
                let identity = item.identity();
                identity.is_none_or(|identity| told.insert(hasher.hash_one(identity)))
            }));
            let repeated = on_this_page - parts.unreadable - (items.len() - before);
            if repeated > 0 && repeated == on_this_page && pages > 0 {
                let detail = format!("page {} tells only what earlier pages told", pages + 1);
                return Err(failed(Failure::without_answer(FailureClass::EndlessPaging, detail), items.len()));
            }
            repeats += repeated;
            unreadable += parts.unreadable;
            total = parts.total.or(total);
            let next = match parts.next {
                Ok(next) => next,
                Err(odd) => return Err(failed(Failure::of_an_odd_page(odd.name, odd.found, answer.meta), items.len())),
            };
            let end = |items, total_is_wrong| Walk {
                items,
                pages: pages + 1,
                started_at,
                complete_at: self.context.clock.now(),
                total,
                total_is_wrong,
                unreadable,
                meta: answer.meta.clone(),
            };
            let Some(next) = next else {
                let asked = page_size(&first.url).unwrap_or(usize::MAX);
                let most = if longest_page > 0 { asked.min(longest_page) } else { asked };
                let listed = count(items.len() + unreadable);
                let end_of_list = ListEnd { listed, total, ends_full: on_this_page >= most, repeats: repeats > 0 };
                let total_is_wrong = match self.totals.check(&list_name(&first), end_of_list) {
                    Completeness::Complete => false,
                    Completeness::TotalIsWrong => true,
                    Completeness::Incomplete { total } => {
                        let failure = Failure::of_a_short_list(listed, total, answer.meta);
                        return Err(failed(failure, items.len()));
                    }
                };
                return Ok(Part { walk: end(items, total_is_wrong), rest: None });
            };
            let url = match self.next_url(&first, &call.url, &next) {
                Ok(url) => url,
                Err(failure) => return Err(failed(failure, items.len())),
            };
            if seen.contains(&hasher.hash_one(url.as_str())) {
                let detail = format!("the list leads back to a page already read, after {} pages", pages + 1);
                return Err(failed(Failure::without_answer(FailureClass::EndlessPaging, detail), items.len()));
            }
            if pages + 1 >= limits.pages || begin.elapsed() >= limits.time {
                return Ok(Part { walk: end(items, false), rest: Some(url) });
            }
            pages += 1;
            longest_page = longest_page.max(on_this_page);
            call.url = url;
            call.patience = call.patience.max(LONGEST_WALK_PACING);
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
                let host = url.as_ref().and_then(Url::host_str).map(str::to_owned);
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

/// The most items that a page may have, as far as the request says.
fn page_size(url: &Url) -> Option<usize> {
    let (_, size) = url.query_pairs().find(|(name, _)| PAGE_SIZES.contains(&&**name))?;
    size.parse().ok()
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// Names a list: the same for every walk of it.
fn list_name(first: &Call) -> String {
    let mut name = first.url.path().to_owned();
    for (key, value) in first.url.query_pairs() {
        let value = if MOVING.contains(&&*key) { "" } else { &*value };
        name.extend(["&", &*key, "=", value]);
    }
    let body = first.body.as_ref().map(|body| String::from_utf8_lossy(&body.bytes));
    name.extend(body);
    name
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
