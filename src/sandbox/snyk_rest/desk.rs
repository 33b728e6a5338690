//! What every REST reading shares: the caller, limits, pages, links.

use serde_json::{Map, Value, json};

use super::{JSON_API, errors};
use crate::sandbox::answer::Answer;
use crate::sandbox::call::Call;
use crate::sandbox::paging;
use crate::sandbox::snyk_auth::Caller;
use crate::sandbox::world::{NextShape, Permission, Snyk, World};

/// One call at the desk.
pub(super) struct Desk<'a> {
    pub(super) world: &'a World,
    pub(super) snyk: &'a Snyk,
    pub(super) caller: Caller<'a>,
    pub(super) call: &'a Call,
}

/// How many items a page may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) parameter: &'static str,
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) multiple_of: usize,
    pub(super) default: usize,
    pub(super) cursor: &'static str,
}

/// Most lists: 10 to 100 in steps of 10.
pub(super) const LISTS: Limits =
    Limits { parameter: "limit", least: 10, most: 100, multiple_of: 10, default: 10, cursor: "starting_after" };

/// Targets: any number to 100.
pub(super) const TARGETS: Limits = Limits { least: 1, multiple_of: 1, ..LISTS };

/// The new inventory: from 10 to 100.
pub(super) const INVENTORY: Limits = Limits { multiple_of: 1, ..LISTS };

/// The audit log: `size` and `cursor`.
pub(super) const AUDIT: Limits =
    Limits { parameter: "size", least: 1, most: 100, multiple_of: 1, default: 100, cursor: "cursor" };

/// One page, ready to be put into a document.
pub(super) struct Cut<T> {
    pub(super) items: Vec<T>,
    pub(super) total: usize,
    pub(super) links: Value,
}

impl Desk<'_> {
    /// Refuses with 403 unless the caller has the permission.
    pub(super) fn need(&self, permission: Permission) -> Result<(), Answer> {
        if self.caller.may(permission) { Ok(()) } else { Err(errors::forbidden(permission.as_str())) }
    }

    /// How many items the call wants on a page.
    pub(super) fn length(&self, limits: Limits) -> Result<usize, Answer> {
        let Some(text) = self.call.parameter(limits.parameter) else { return Ok(limits.default) };
        let length = text.parse::<usize>().ok().filter(|length| (limits.least..=limits.most).contains(length));
        length.filter(|length| length.is_multiple_of(limits.multiple_of)).ok_or_else(|| {
            let detail = format!(
                "{} must be between {} and {} and a multiple of {}",
                limits.parameter, limits.least, limits.most, limits.multiple_of
            );
            errors::bad_parameter(limits.parameter, &detail)
        })
    }

    /// Where the page begins that the call asks for.
    pub(super) fn offset(&self, limits: Limits) -> Result<usize, Answer> {
        let Some(cursor) = self.call.parameter(limits.cursor) else { return Ok(0) };
        paging::offset(cursor).ok_or_else(|| errors::bad_parameter(limits.cursor, "Invalid cursor"))
    }

    /// The page that the call asks for.
    pub(super) fn cut<T>(&self, items: Vec<T>, limits: Limits) -> Result<Cut<T>, Answer> {
        let (length, offset) = (self.length(limits)?, self.offset(limits)?);
        let page = paging::page(items, offset, length);
        Ok(Cut { items: page.items, total: page.total, links: self.links(limits, page.next) })
    }

    /// The links of a page, with the next one where there is one.
    pub(super) fn links(&self, limits: Limits, next: Option<usize>) -> Value {
        if self.snyk.next_shape == NextShape::NullLinks {
            return Value::Null;
        }
        let mut links = Map::new();
        if let Some(next) = next {
            links.insert("next".to_owned(), self.link(limits.cursor, next));
        }
        Value::Object(links)
    }

    fn link(&self, parameter: &str, offset: usize) -> Value {
        let query = self.call.query_with(parameter, &paging::cursor(offset));
        let path = &self.call.path;
        let bare = path.strip_prefix("/rest").unwrap_or(path);
        match self.snyk.next_shape {
            NextShape::RelativeWithoutRest => Value::from(format!("{bare}?{query}")),
            NextShape::RelativeWithRest => Value::from(format!("{path}?{query}")),
            NextShape::Absolute => Value::from(format!("{}{path}?{query}", self.call.origin)),
            NextShape::Object => json!({ "href": format!("{path}?{query}") }),
            NextShape::Unknown => json!({ "url": format!("{path}?{query}") }),
            NextShape::NullLinks => Value::Null,
        }
    }
}

/// A document with `data`, and `links`.
pub(super) fn document(data: Value, links: Value) -> Value {
    let mut document = json!({ "jsonapi": { "version": "1.0" } });
    insert(&mut document, "data", data);
    insert(&mut document, "links", links);
    document
}

/// 200 with a document.
pub(super) fn ok(body: Value) -> Answer {
    Answer::json(200, JSON_API, body)
}

/// Adds a member to an object.
pub(super) fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}
