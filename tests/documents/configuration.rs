//! `docs/configuration.md`, made from the JSON Schema and from the full example.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use serde_json::{Map, Value};

const HEAD: &str = "# Configuration

<!-- Made from the JSON Schema and config/snykwatch.example.yaml by tests/documents.rs: run the tests with
SNYKWATCH_UPDATE_GENERATED=1 after a change; do not edit. -->

One YAML file, `snykwatch.yaml` unless `--config` names another, and `conf.d/*.yaml` beside it, which may define further
integrations and nothing else. [config/minimal.example.yaml](../config/minimal.example.yaml) has the least that is
needed, [config/snykwatch.example.yaml](../config/snykwatch.example.yaml) has every key. For an editor:
`snykwatch config schema`.

It is read strictly: an unknown key, a reference to nothing, a variable that is not set or a schedule that never fires is
an error with its file, line and column, and all of them are reported at once. `snykwatch config validate` does that;
`snykwatch config show` prints what is in effect, defaults included and secrets hidden.

- A **duration** is a number with `ms`, `s`, `m`, `h` or `d`, or several: `90s`, `1d12h`.
- An **instant** carries its offset from UTC (`2026-11-20T09:00:00Z`); a bare date is 00:00 UTC.
- A **share** is a number from 0 to 1.
- A **secret** never stands in the file: `{ file: … }` or `{ env: … }` says where it is.
- `<name>` is a name of your choice. Snyk tokens and credentials share one set of names.
- `[]` is each entry of a list. A **pattern** knows `*` (anything) and `?` (one character); letter case does not count.

The example of a key under `conditions` and `alerts.rules` is its default. How the numbers were chosen stands in
[conditions](conditions.md) and [incidents](incidents.md).

It is loaded anew on SIGHUP, on `POST /-/reload` and when a file changes. What is wrong then changes nothing: the
configuration before stays in force, and `snykwatch_config_last_reload_successful` becomes 0. What is right is in force at
once, but for the ports under `server` and for `storage`, which take a restart: each reload says so until there was one. All
files together may have 2 MiB.
";

/// The sections in the order in which a person writes them.
const SECTIONS: [&str; 12] = [
    "snyk",
    "credentials",
    "permission_sets",
    "integrations",
    "schedule",
    "http",
    "conditions",
    "alerts",
    "storage",
    "metrics",
    "server",
    "timezone",
];

/// What a name of the operator's choice is called in a path.
const NAME: &str = "<name>";

/// What each entry of a list is called in a path.
const ITEM: &str = "[]";

/// The page.
pub(crate) fn page(schema: &Value, example: &Value) -> String {
    let mut pages = Pages { definitions: &schema["$defs"], example, homes: BTreeMap::new(), page: HEAD.to_owned() };
    pages.find_homes(schema);
    let properties = schema["properties"].as_object().unwrap();
    assert!(properties.keys().all(|key| SECTIONS.contains(&key.as_str())), "a section is not in the page's order");
    pages.page.push_str("\n## The sections\n");
    let sections: Map<String, Value> =
        SECTIONS.iter().map(|key| ((*key).to_owned(), properties[*key].clone())).collect();
    pages.table(&[], &sections, &SECTIONS, &Value::Null);
    for section in SECTIONS {
        pages.section(&[section.to_owned()], &properties[section]);
    }
    pages.page
}

struct Home {
    path: Vec<String>,
    /// Whether as short a path leads to it from elsewhere: then it is called by what it is.
    is_shared: bool,
}

struct Pages<'a> {
    definitions: &'a Value,
    example: &'a Value,
    /// Where each definition is described: at the shortest path that leads to it.
    homes: BTreeMap<String, Home>,
    page: String,
}

impl<'a> Pages<'a> {
    fn find_homes(&mut self, schema: &'a Value) {
        let mut waiting = VecDeque::from([(Vec::new(), schema)]);
        while let Some((path, node)) = waiting.pop_front() {
            if let Some(name) = reference(node) {
                if let Some(home) = self.homes.get_mut(name) {
                    home.is_shared |= home.path.len() == path.len();
                    continue;
                }
                self.homes.insert(name.to_owned(), Home { path: path.clone(), is_shared: false });
            }
            for (key, child) in self.children(self.resolved(node)) {
                waiting.push_back((joined(&path, key), child));
            }
        }
    }

    fn resolved(&self, node: &'a Value) -> &'a Value {
        reference(node).map_or(node, |name| &self.definitions[name])
    }

    /// What lies below a node. Of lists, those of objects have something below them.
    fn children<'b>(&self, node: &'b Value) -> Vec<(&'b str, &'b Value)> {
        let properties = node["properties"].as_object().into_iter().flatten().map(|(key, child)| (key.as_str(), child));
        let named = Some(&node["additionalProperties"]).filter(|child| child.is_object()).map(|child| (NAME, child));
        let is_object = |child: &&Value| self.resolved_here(child)["properties"].is_object();
        let items = Some(&node["items"]).filter(is_object).map(|child| (ITEM, child));
        properties.chain(named).chain(items).collect()
    }

    /// The tables of an object and of what is below it, as far as this is their home.
    fn section(&mut self, path: &[String], node: &Value) {
        let home = reference(node).and_then(|name| self.homes.get(name));
        let is_home = home.is_none_or(|home| home.path == path);
        let is_shared = home.is_some_and(|home| home.is_shared);
        let resolved = self.resolved_here(node).clone();
        if !is_home || is_secret(&resolved) {
            return;
        }
        if let Some(properties) = resolved["properties"].as_object() {
            let description = text(&resolved["description"]);
            if is_shared {
                writeln!(self.page, "\n## {}", description.trim_end_matches('.')).unwrap();
            } else {
                writeln!(self.page, "\n## `{}`\n\n{description}", written(path)).unwrap();
            }
            let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
            let examples = if is_shared { &Value::Null } else { self.example };
            self.table(path, properties, &keys, examples);
        }
        for (key, child) in self.children(&resolved) {
            self.section(&joined(path, key), child);
        }
    }

    fn table(&mut self, path: &[String], properties: &Map<String, Value>, keys: &[&str], examples: &Value) {
        self.page.push_str("\n| key | value | meaning | example |\n|---|---|---|---|\n");
        for key in keys {
            let node = &properties[*key];
            let own = joined(path, key);
            let mut meaning = text(&node["description"]);
            if let Some(choices) = choices(self.resolved_here(node)) {
                write!(meaning, " One of {choices}.").unwrap();
            }
            let example = match example_of(examples, &own) {
                Some(example) if is_short(example) => format!("`{}`", flow(example)),
                _ => String::new(),
            };
            writeln!(self.page, "| `{key}` | {} | {} | {example} |", self.value(&own, node), meaning.trim()).unwrap();
        }
    }

    fn resolved_here<'b>(&'b self, node: &'b Value) -> &'b Value {
        reference(node).map_or(node, |name| &self.definitions[name])
    }

    /// What may be written there, in words.
    fn value(&self, path: &[String], node: &Value) -> String {
        let resolved = self.resolved_here(node);
        let home = reference(node).and_then(|name| self.homes.get(name));
        match reference(node) {
            Some("HumanDuration") => return "duration".to_owned(),
            Some("Escalation") => return "duration, or `never`".to_owned(),
            Some("Share") => return "share".to_owned(),
            Some("Instant") => return "instant".to_owned(),
            Some("TimeOfDay") => return "time of the day".to_owned(),
            Some("Days") => return "day, range of days, or a list of them".to_owned(),
            Some("Zone") => return "time zone".to_owned(),
            Some("Listen") => return "address and port".to_owned(),
            Some("Discover") => return "`all`, or a list of UUIDs".to_owned(),
            _ => {}
        }
        if is_address(resolved) {
            return "URL, or secret".to_owned();
        }
        if is_secret(resolved) {
            return "secret".to_owned();
        }
        if resolved["properties"].is_object() {
            let shared = home.filter(|home| home.is_shared).map(|_| text(&resolved["description"]));
            let title = shared.map(|description| description.trim_end_matches('.').to_owned());
            let path = home.map_or(path, |home| &home.path);
            return link(&title.unwrap_or_else(|| format!("`{}`", written(path))));
        }
        if resolved["additionalProperties"].is_object() {
            return format!("{} for each", link(&format!("`{}`", written(&joined(path, NAME)))));
        }
        if resolved["oneOf"].is_array() || resolved["enum"].is_array() {
            return "a word".to_owned();
        }
        match (type_of(resolved), resolved["format"].as_str()) {
            ("string", Some("uuid")) => "UUID".to_owned(),
            ("string", Some("uri")) => "URL".to_owned(),
            ("string", _) => "text".to_owned(),
            ("integer", _) => "whole number".to_owned(),
            ("number", _) => "share".to_owned(),
            ("boolean", _) => "`true`, `false`".to_owned(),
            ("array", _) if self.resolved_here(&resolved["items"])["properties"].is_object() => {
                format!("list of {}", link(&format!("`{}`", written(&joined(path, ITEM)))))
            }
            ("array", _) => match choices(self.resolved_here(&resolved["items"])) {
                Some(words) => format!("list of: {words}"),
                None => "list".to_owned(),
            },
            (other, _) => panic!("no words for {other} at {}", written(path)),
        }
    }
}

/// The definition that a node refers to.
fn reference(node: &Value) -> Option<&str> {
    let direct = node["$ref"].as_str();
    let wrapped = || node["anyOf"].as_array().and_then(|any| any.first()).and_then(|first| first["$ref"].as_str());
    direct.or_else(wrapped).map(|path| path.trim_start_matches("#/$defs/"))
}

fn is_secret(node: &Value) -> bool {
    node["oneOf"].as_array().is_some_and(|any| any.iter().any(|choice| choice["properties"]["env"].is_object()))
}

/// An address that may be a secret.
fn is_address(node: &Value) -> bool {
    node["oneOf"].as_array().is_some_and(|any| any.iter().any(|choice| choice["format"] == "uri"))
}

/// The words of a closed list.
fn choices(node: &Value) -> Option<String> {
    let words: Vec<String> = match (&node["oneOf"], &node["enum"]) {
        (Value::Array(any), _) => any.iter().filter_map(|one| one["const"].as_str()).map(quoted).collect(),
        (_, Value::Array(words)) => words.iter().filter_map(Value::as_str).map(quoted).collect(),
        _ => return None,
    };
    let is_closed = node["oneOf"].as_array().is_none_or(|any| any.iter().all(|one| one["const"].is_string()));
    (is_closed && !words.is_empty()).then(|| words.join(", "))
}

fn quoted(word: &str) -> String {
    format!("`{word}`")
}

fn type_of(node: &Value) -> &str {
    node["type"].as_array().map_or(&node["type"], |types| &types[0]).as_str().unwrap_or("nothing")
}

fn joined(path: &[String], key: &str) -> Vec<String> {
    path.iter().cloned().chain([key.to_owned()]).collect()
}

/// A path as a person reads it.
fn written(path: &[String]) -> String {
    path.join(".").replace(&format!(".{ITEM}"), ITEM)
}

/// A link to the section of this title.
fn link(title: &str) -> String {
    format!("[{title}](#{})", super::anchor(title))
}

fn text(description: &Value) -> String {
    description.as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

/// What the full example has at a path; where it has several entries, the first that has the key.
fn example_of<'a>(example: &'a Value, path: &[String]) -> Option<&'a Value> {
    let Some((key, rest)) = path.split_first() else { return Some(example) };
    if key == NAME {
        return example.as_object()?.values().find_map(|entry| example_of(entry, rest));
    }
    if key == ITEM {
        return example.as_array()?.iter().find_map(|entry| example_of(entry, rest));
    }
    example_of(example.get(key)?, rest)
}

/// Whether it fits a cell: a value of one line, or a flat list or object of such.
fn is_short(value: &Value) -> bool {
    let has_lines = |value: &Value| value.as_str().is_some_and(|text| text.contains('\n'));
    let is_flat = |value: &Value| !value.is_object() && !value.is_array() && !has_lines(value);
    match value {
        Value::Object(map) => map.values().all(is_flat),
        Value::Array(items) => items.iter().all(is_flat),
        _ => is_flat(value),
    }
}

/// In YAML's flow style.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) if text.contains(['*', ' ', '{', '[', '#']) => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
