//! `fields=`: Bitbucket's partial answers.
//!
//! `size,values.uuid` keeps only those; `-values.links` takes one away; `+…` adds to the usual answer, which here is
//! already everything.

use serde_json::{Map, Value};

/// The answer as `fields` wants it.
pub(super) fn select(answer: Value, fields: Option<&str>) -> Value {
    let Some(fields) = fields else { return answer };
    let (mut keep, mut drop) = (Vec::new(), Vec::new());
    for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
        match field.strip_prefix('-') {
            Some(field) => drop.push(field.split('.').collect::<Vec<_>>()),
            None if field.starts_with('+') => {}
            None => keep.push(field.split('.').collect::<Vec<_>>()),
        }
    }
    let mut answer = if keep.is_empty() { answer } else { kept(answer, &keep) };
    for path in drop {
        remove(&mut answer, &path);
    }
    answer
}

fn kept(value: Value, paths: &[Vec<&str>]) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| kept(item, paths)).collect()),
        Value::Object(object) => {
            let mut result = Map::new();
            for (key, inner) in object {
                let below: Vec<Vec<&str>> = paths
                    .iter()
                    .filter_map(|path| path.split_first())
                    .filter(|(first, _)| **first == key || **first == "*")
                    .map(|(_, rest)| rest.to_vec())
                    .collect();
                if below.iter().any(Vec::is_empty) {
                    result.insert(key, inner);
                } else if !below.is_empty() {
                    result.insert(key, kept(inner, &below));
                }
            }
            Value::Object(result)
        }
        other => other,
    }
}

fn remove(value: &mut Value, path: &[&str]) {
    match (value, path) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| remove(item, path)),
        (Value::Object(object), [last]) => {
            object.remove(*last);
        }
        (Value::Object(object), [first, rest @ ..]) => {
            if let Some(inner) = object.get_mut(*first) {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_select_and_drop() {
        let answer = json!({ "size": 2, "next": "n", "values": [{ "slug": "a", "links": {}, "project": { "key": "P", "x": 1 } }] });
        let check = |fields, expected: Value| assert_eq!(select(answer.clone(), Some(fields)), expected, "{fields}");
        check("size", json!({ "size": 2 }));
        check("size,values.slug", json!({ "size": 2, "values": [{ "slug": "a" }] }));
        check("values.project.key", json!({ "values": [{ "project": { "key": "P" } }] }));
        check("values", json!({ "values": answer["values"] }));
        check(
            "-values.links,-size",
            json!({ "next": "n", "values": [{ "slug": "a", "project": { "key": "P", "x": 1 } }] }),
        );
        check("+values.links", answer.clone());
        assert_eq!(select(answer.clone(), None), answer);
    }
}
