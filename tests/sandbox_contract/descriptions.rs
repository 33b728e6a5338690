//! `OpenAPI` 3.0 descriptions as JSON schemas, and where they are known to be wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::deviations::Deviation;
use super::walk::Recorded;

/// Where the descriptions are, if anywhere.
pub(crate) fn folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch, no configuration of the daemon")]
    let named = std::env::var("SNYKWATCH_SPECS").ok().map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs"));
    folder.join("snyk-rest.json").exists().then_some(folder)
}

/// The descriptions by file name without its ending.
pub(crate) struct Descriptions {
    documents: BTreeMap<&'static str, Value>,
    validators: BTreeMap<String, Validator>,
}

impl Descriptions {
    pub(crate) fn read(folder: &Path) -> Self {
        let read = |name: &'static str| {
            let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        };
        let documents = ["snyk-rest", "snyk-v1", "bitbucket-cloud"].map(read).into_iter().collect();
        Self { documents, validators: BTreeMap::new() }
    }

    /// Replaces the value at a JSON pointer, which must exist; the text is JSON.
    pub(crate) fn replace(&mut self, description: &str, pointer: &str, with: &str) {
        let document = self.documents.get_mut(description).unwrap();
        let place = document.pointer_mut(pointer).unwrap_or_else(|| panic!("{description} has no {pointer}"));
        *place = serde_json::from_str(with).unwrap();
    }

    /// What the description has against an answer.
    pub(crate) fn problem(&mut self, answer: &Recorded, deviations: &[&Deviation]) -> Option<String> {
        let here = |what: &str| Some(format!("{} {} -> {}: {what}", answer.operation, answer.path, answer.status));
        let document = &self.documents[answer.description];
        let (method, template) = answer.operation.split_once(' ').unwrap();
        let Some(operation) = document["paths"][template].get(method) else { return here("not described") };
        let status = answer.status.to_string();
        let Some(response) = operation["responses"].get(&status) else {
            let known = deviations.iter().any(|deviation| deviation.allows_status(answer));
            return if known { None } else { here("this status is not described") };
        };
        let response = resolve(document, response);
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = resolve(document, header);
            let Some(sent) = answer.headers.get(name) else { continue };
            let validator = validator(document, &header["schema"]);
            if let Err(error) = validator.validate(&json!(sent)) {
                return here(&format!("header {name}: {error}"));
            }
        }
        let content = response["content"].as_object().filter(|content| !content.is_empty())?;
        let media_type = answer.headers.get("content-type").map(|sent| sent.split(';').next().unwrap_or_default());
        let Some(described) = media_type.and_then(|media_type| content.get(media_type)) else {
            let known = deviations.iter().any(|deviation| deviation.allows_content(answer));
            return if known { None } else { here(&format!("content type {media_type:?} is not described")) };
        };
        let body: Value = match serde_json::from_str(&answer.text) {
            Ok(body) => body,
            Err(error) => return here(&format!("no JSON: {error}")),
        };
        let key = format!("{} {} {status}", answer.description, answer.operation);
        let schema = &described["schema"];
        let validator = self.validators.entry(key).or_insert_with(|| validator(document, schema));
        let errors: Vec<String> = validator
            .iter_errors(&body)
            .map(|error| format!("{} at {} (by {})", error, error.instance_path(), error.schema_path()))
            .take(2)
            .collect();
        if errors.is_empty() { None } else { here(&errors.join("; ")) }
    }
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolve(document, document.pointer(reference.trim_start_matches('#')).unwrap()),
        None => value,
    }
}

fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = match converted(schema) {
        Value::Object(object) => object,
        other => Map::from_iter([("const".to_owned(), other)]),
    };
    root.insert("components".to_owned(), json!({ "schemas": schemas(document) }));
    jsonschema::draft202012::options().should_validate_formats(true).build(&Value::Object(root)).unwrap()
}

fn schemas(document: &Value) -> Value {
    let all = document["components"]["schemas"].as_object().into_iter().flatten();
    Value::Object(all.map(|(name, schema)| (name.clone(), converted(schema))).collect())
}

/// An `OpenAPI` 3.0 schema in the words of JSON schema: `nullable` is a type, `exclusiveMinimum` a number, what stands
/// beside a `$ref` is nothing.
fn converted(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => Value::Array(items.iter().map(converted).collect()),
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").filter(|reference| reference.is_string()) {
                return json!({ "$ref": reference });
            }
            let mut result = Map::new();
            for (key, value) in object {
                match key.as_str() {
                    "nullable" | "example" | "examples" | "discriminator" | "xml" | "externalDocs" | "deprecated"
                    | "readOnly" | "writeOnly" | "description" | "title" | "default" => {}
                    "exclusiveMinimum" | "exclusiveMaximum" if value.is_boolean() => {}
                    "enum" | "required" | "pattern" | "format" | "type" if !value.is_object() => {
                        result.insert(key.clone(), value.clone());
                    }
                    "properties" => {
                        let inner = value.as_object().into_iter().flatten();
                        let inner = inner.map(|(name, schema)| (name.clone(), converted(schema))).collect();
                        result.insert(key.clone(), Value::Object(inner));
                    }
                    _ => {
                        result.insert(key.clone(), converted(value));
                    }
                }
            }
            for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
                if object.get(exclusive) == Some(&Value::Bool(true))
                    && let Some(limit) = result.remove(bound)
                {
                    result.insert(exclusive.to_owned(), limit);
                }
            }
            if object.get("nullable") == Some(&Value::Bool(true)) {
                return json!({ "anyOf": [Value::Object(result), { "type": "null" }] });
            }
            Value::Object(result)
        }
        other => other.clone(),
    }
}

#[test]
fn openapi_words_become_schema_words() {
    let schema = json!({ "type": "object", "required": ["a"], "properties": {
        "a": { "type": "string", "nullable": true, "enum": ["x"] },
        "nullable": { "type": "integer", "minimum": 0, "exclusiveMinimum": true }
    }});
    let validator = jsonschema::draft202012::options().build(&converted(&schema)).unwrap();
    let check = |body: Value, valid: bool| assert_eq!(validator.is_valid(&body), valid, "{body}");
    check(json!({ "a": "x" }), true);
    check(json!({ "a": null, "nullable": 1 }), true);
    check(json!({ "a": "y" }), false);
    check(json!({ "a": "x", "nullable": 0 }), false);
    check(json!({}), false);
}
