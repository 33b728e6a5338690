//! `q=` and `sort=` over JSON objects: comparisons joined by `AND`, as much of Bitbucket's filter language as reading
//! repositories needs.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

/// The objects for which `q` holds; `None` when it cannot be understood, which Bitbucket answers with 400.
pub(super) fn filter(items: Vec<Value>, q: Option<&str>) -> Option<Vec<Value>> {
    let Some(q) = q else { return Some(items) };
    let terms: Vec<Term> =
        q.split(" AND ").flat_map(|part| part.split(" and ")).map(Term::parse).collect::<Option<_>>()?;
    Some(items.into_iter().filter(|item| terms.iter().all(|term| term.holds(item))).collect())
}

/// Sorted by a field, `-` for descending.
pub(super) fn sort(mut items: Vec<Value>, by: Option<&str>) -> Vec<Value> {
    if let Some(by) = by {
        let (field, descending) = by.strip_prefix('-').map_or((by, false), |field| (field, true));
        items.sort_by(|left, right| {
            let order = compare(field_of(left, field), field_of(right, field)).unwrap_or(Ordering::Equal);
            if descending { order.reverse() } else { order }
        });
    }
    items
}

struct Term {
    field: String,
    operator: &'static str,
    value: Value,
}

const OPERATORS: [&str; 8] = [">=", "<=", "!=", "!~", ">", "<", "=", "~"];

impl Term {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('(').trim_end_matches(')');
        let at = text.find(['>', '<', '!', '=', '~'])?;
        let (field, rest) = text.split_at_checked(at)?;
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator))?;
        let raw = rest.strip_prefix(operator)?.trim();
        let known = [
            "updated_on",
            "created_on",
            "name",
            "slug",
            "full_name",
            "uuid",
            "is_private",
            "permission",
            "size",
            "project.key",
            "repository.full_name",
            "repository.name",
            "repository.uuid",
            "state",
            "active",
        ];
        let field = field.trim().to_owned();
        if raw.is_empty() || !known.contains(&field.as_str()) {
            return None;
        }
        let value = match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
            Some(text) => Value::from(text),
            None => match raw {
                "true" => Value::from(true),
                "false" => Value::from(false),
                "null" => Value::Null,
                _ => raw.parse::<i64>().map_or_else(|_| Value::from(raw), Value::from),
            },
        };
        if field.ends_with("_on") && instant(&value).is_none() {
            return None;
        }
        Some(Self { field, operator, value })
    }

    fn holds(&self, item: &Value) -> bool {
        let actual = field_of(item, &self.field);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
        match self.operator {
            "~" => text(actual).contains(&text(&self.value)),
            "!~" => !text(actual).contains(&text(&self.value)),
            operator => {
                let order = compare(actual, &self.value);
                match operator {
                    "=" => order == Some(Ordering::Equal),
                    "!=" => order != Some(Ordering::Equal),
                    ">" => order == Some(Ordering::Greater),
                    "<" => order == Some(Ordering::Less),
                    ">=" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                    _ => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                }
            }
        }
    }
}

fn field_of<'a>(item: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(item, |value, key| value.get(key).unwrap_or(&Value::Null))
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?;
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc())
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (instant(left), instant(right)) {
        return Some(left.cmp(&right));
    }
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.as_i64().zip(right.as_i64()).map(|(l, r)| l.cmp(&r)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_repositories() {
        let items = || {
            vec![
                json!({ "slug": "a", "updated_on": "2026-11-23T08:00:00+00:00", "project": { "key": "PAY" }, "is_private": true }),
                json!({ "slug": "b", "updated_on": "2026-11-23T10:00:00+00:00", "project": { "key": "WEB" }, "is_private": false }),
            ]
        };
        let check = |q, expected: Option<&[&str]>| {
            let found = filter(items(), Some(q));
            let slugs = found
                .map(|found| found.iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
            assert_eq!(slugs, expected.map(|names| names.iter().map(|&name| name.to_owned()).collect()), "{q}");
        };
        check("updated_on>2026-11-23T09:00:00Z", Some(&["b"]));
        check(r#"updated_on >= "2026-11-23T08:00:00+00:00""#, Some(&["a", "b"]));
        check("updated_on<2026-11-23", Some(&[]));
        check(r#"project.key="PAY""#, Some(&["a"]));
        check(r#"project.key="PAY" AND is_private=false"#, Some(&[]));
        check(r#"slug~"B""#, Some(&["b"]));
        check("updated_on>yesterday", None);
        check("nonsense", None);
        check("colour=blue", None);
    }
}
