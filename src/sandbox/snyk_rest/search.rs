//! `POST /groups/{group}/assets/search`: the one reading that is a POST, with its query language.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::desk::{Desk, LISTS, document, ok};
use super::{assets, errors};
use crate::sandbox::answer::Answer;
use crate::sandbox::world::{Asset, AssetSearch, Group, GroupSight, Permission};

/// Attributes that can be asked for; `tags.<key>` beside them.
const ATTRIBUTES: [&str; 20] = [
    "id",
    "type",
    "removed",
    "name",
    "repository_url",
    "file_path",
    "sources",
    "risk_factors",
    "repository_freshness",
    "browse_url",
    "image_id",
    "image_digests",
    "image_tags",
    "image_repositories",
    "image_registries",
    "labels",
    "class",
    "organizations",
    "created_at",
    "updated_at",
];

const COMPARISONS: [&str; 12] = [
    "equal",
    "not_equal",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "in",
    "not_in",
    "greater_than",
    "lower_than",
    "equal_or_greater_than",
    "equal_or_lower_than",
];

pub(super) fn search(desk: &Desk<'_>, group: &Group) -> Result<Answer, Answer> {
    if desk.snyk.asset_search == AssetSearch::Absent {
        return Err(errors::not_found());
    }
    desk.need(Permission::GroupRead)?;
    // Every other endpoint wants JSON:API's media type; this one refuses it.
    if desk.call.content_type() != Some("application/json") {
        let detail = format!("unsupported media type {}", desk.call.content_type().unwrap_or("none"));
        return Err(errors::bad_parameter("content-type", &detail));
    }
    let body: Value =
        serde_json::from_slice(&desk.call.body).map_err(|_| errors::bad_body("/", "the body must be a JSON object"))?;
    let members = body.as_object().ok_or_else(|| errors::bad_body("/", "the body must be a JSON object"))?;
    let query = match members.iter().next() {
        None => None,
        Some((key, query)) if key == "query" && members.len() == 1 => {
            let attributes = query.get("attributes");
            let attributes =
                attributes.ok_or_else(|| errors::bad_body("/query", "must have required property 'attributes'"))?;
            Some(Query::parse(attributes, "/query/attributes")?)
        }
        Some((key, _)) => return Err(errors::bad_body(&format!("/{key}"), "unknown property")),
    };
    let importers = assets::Importers::new(desk.snyk);
    let seen = group.assets.iter().filter(|_| desk.caller.token.sight == GroupSight::Whole);
    let found: Vec<&Asset> =
        seen.filter(|asset| query.as_ref().is_none_or(|query| query.holds(&importers, asset))).collect();
    let cut = desk.cut(found, LISTS)?;
    let items = cut.items.into_iter().map(|asset| assets::searched(desk, group, &importers, asset)).collect();
    Ok(ok(document(Value::Array(items), cut.links)))
}

enum Query {
    All(Vec<Query>),
    Any(Vec<Query>),
    Compare { attribute: String, operator: String, values: Vec<Value> },
}

impl Query {
    fn parse(node: &Value, pointer: &str) -> Result<Self, Answer> {
        let refuse = |detail: &str| Err(errors::bad_body(pointer, detail));
        let (Some(operator), Some(values)) =
            (node.get("operator").and_then(Value::as_str), node.get("values").and_then(Value::as_array))
        else {
            return refuse("must have required properties 'operator' and 'values'");
        };
        if operator == "and" || operator == "or" {
            if values.len() < 2 {
                return refuse("value must contain more then one element");
            }
            let below = values.iter().enumerate();
            let parts = below.map(|(index, value)| Self::parse(value, &format!("{pointer}/values/{index}")));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            return Ok(if operator == "and" { Self::All(parts) } else { Self::Any(parts) });
        }
        if !COMPARISONS.contains(&operator) {
            return refuse("operator must be equal to one of the allowed values");
        }
        let attribute = node.get("attribute").and_then(Value::as_str).unwrap_or_default();
        let tag = attribute.strip_prefix("tags.").is_some_and(|key| !key.is_empty() && key.len() <= 30);
        if !tag && !ATTRIBUTES.contains(&attribute) {
            return refuse("attribute must be equal to one of the allowed values");
        }
        if values.is_empty() || values.iter().any(|value| value.is_object() || value.is_array()) {
            return refuse("values must be strings, dates, integers or booleans");
        }
        Ok(Self::Compare { attribute: attribute.to_owned(), operator: operator.to_owned(), values: values.clone() })
    }

    fn holds(&self, importers: &assets::Importers<'_>, asset: &Asset) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(importers, asset)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(importers, asset)),
            Self::Compare { attribute, operator, values } => {
                compare(&actual(importers, asset, attribute), operator, values)
            }
        }
    }
}

fn actual(importers: &assets::Importers<'_>, asset: &Asset, attribute: &str) -> Vec<Value> {
    match attribute {
        "id" => vec![json!(asset.id)],
        "type" => vec![json!("repository")],
        "removed" => vec![json!(asset.removal.is_some())],
        "name" => vec![json!(asset.name)],
        "repository_url" | "browse_url" => vec![json!(asset.address())],
        "sources" => asset.sources.iter().map(|source| json!(source)).collect(),
        "class" => vec![json!("C")],
        "repository_freshness" => vec![json!("Active")],
        "created_at" => vec![json!(asset.created_at)],
        "updated_at" => vec![json!(asset.updated_at)],
        "organizations" => importers.of(asset).map(|known| json!(known.id)).collect(),
        _ => Vec::new(),
    }
}

fn compare(actual: &[Value], operator: &str, values: &[Value]) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let any = |holds: &dyn Fn(&str, &str) -> bool| {
        actual.iter().any(|have| values.iter().any(|want| holds(&text(have), &text(want))))
    };
    let ordered = |accepted: &[Ordering]| {
        actual.iter().any(|have| {
            values.iter().any(|want| order(&text(have), &text(want)).is_some_and(|found| accepted.contains(&found)))
        })
    };
    let equal = |have: &str, want: &str| have == want;
    match operator {
        // A list equals when it has every value asked for.
        "equal" => values.iter().all(|want| actual.iter().any(|have| text(have) == text(want))),
        "not_equal" => !values.iter().all(|want| actual.iter().any(|have| text(have) == text(want))),
        "in" => any(&equal),
        "not_in" => !any(&equal),
        "contains" => any(&|have, want| have.contains(want)),
        "not_contains" => !any(&|have, want| have.contains(want)),
        "starts_with" => any(&|have, want| have.starts_with(want)),
        "ends_with" => any(&|have, want| have.ends_with(want)),
        "greater_than" => ordered(&[Ordering::Greater]),
        "lower_than" => ordered(&[Ordering::Less]),
        "equal_or_greater_than" => ordered(&[Ordering::Greater, Ordering::Equal]),
        _ => ordered(&[Ordering::Less, Ordering::Equal]),
    }
}

/// Instants and dates by time, other text by letters.
pub(super) fn order(left: &str, right: &str) -> Option<Ordering> {
    match (instant(left), instant(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (None, None) => Some(left.cmp(right)),
        _ => None,
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    text.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc())
}
