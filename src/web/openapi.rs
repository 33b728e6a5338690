//! `/api/v1/openapi.json`: what the API answers, as an `OpenAPI` 3.1 description.
//!
//! Written by hand beside the views; a test holds every answer of a rich sample to it, unknown and missing fields
//! included.

mod operations;

use serde_json::{Map, Value, json};

use super::api::{DEFAULT_LIMIT, MAXIMUM_LIMIT};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::{Rule, Severity};
use crate::domain::kinds::{Confidence, Level, Role, Scm, Source};
use crate::domain::permission::Permission;
use crate::domain::state::{DeclaredDate, ExpirySource};
use crate::domain::status::Status;
use crate::snapshot::{DeliveryMode, Phase, Requirement};

/// The description of the whole API.
pub fn description() -> Value {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": MAXIMUM_LIMIT, "default": DEFAULT_LIMIT });
    let list_parameters = [
        query("integration", "Configuration key.", &text()),
        query("level", "Level.", &words(Level::ALL)),
        query("status", "Status as it stands.", &words(Status::ALL)),
        query("limit", "Integrations in the answer at most.", &limit),
        query("offset", "How many to leave out.", &count()),
    ];
    let name = json!({
        "name": "name", "in": "path", "required": true, "schema": text(),
        "description": "Configuration key.",
    });
    let organization = query(
        "organization",
        "The Organization; without it the Group level is meant.",
        &json!({ "type": "string", "format": "uuid" }),
    );
    let mut description = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "snykwatch",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Whether Snyk and the Git host are really connected, and why not.",
            "description": "What is watched is shown from one snapshot, with the time it was taken. Names set in Snyk or \
                the Git host are passed on as they are: escape them.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": {
            "/api/v1/integrations": get("Integrations, without their lists of repositories.", &list_parameters, "Integrations"),
            "/api/v1/integrations/{name}": get("One integration with everything about it.", &[name, organization], "One"),
            "/api/v1/credentials": get("Credentials, Snyk tokens included; never a secret.", &[], "Credentials"),
            "/api/v1/incidents": get("Pending and open incidents, worst first.", &[], "Incidents"),
        },
        "components": { "schemas": schemas() },
    });
    add(&mut description, "/paths", operations::paths());
    add(&mut description, "/components/schemas", operations::schemas());
    description
}

fn add(description: &mut Value, place: &str, entries: impl IntoIterator<Item = (&'static str, Value)>) {
    if let Some(known) = description.pointer_mut(place).and_then(Value::as_object_mut) {
        known.extend(entries.into_iter().map(|(name, entry)| (name.to_owned(), entry)));
    }
}

fn get(summary: &str, parameters: &[Value], schema: &str) -> Value {
    let problem = json!({
        "description": "What is wrong.",
        "content": { "application/problem+json": { "schema": reference("Problem") } },
    });
    json!({ "get": {
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The latest snapshot's answer.",
                "headers": { "ETag": tag() },
                "content": { "application/json": { "schema": reference(schema) } },
            },
            "304": not_modified(),
            "default": problem,
        },
    } })
}

/// The header by which a client asks again for what it has.
fn tag() -> Value {
    json!({ "description": "Weak; of the whole answer. Sent back in `If-None-Match`.", "schema": text() })
}

fn not_modified() -> Value {
    json!({ "description": "The client has this answer already (`If-None-Match`).", "headers": { "ETag": tag() } })
}

fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn schemas() -> Value {
    json!({
        "Problem": object(&[("type", text()), ("title", text()), ("status", count()), ("detail", text())]),
        "Integrations": object(&[
            ("taken_at", instant()), ("total", count()), ("offset", count()), ("integrations", list(&reference("Integration"))),
        ]),
        "One": object(&[("taken_at", instant()), ("integration", reference("Integration"))]),
        "Credentials": object(&[("taken_at", instant()), ("credentials", list(&reference("Credential")))]),
        "Incidents": object(&[
            ("taken_at", instant()),
            ("delivery", described(nullable(&words(DeliveryMode::ALL)), "Who tells people; observing: nobody.")),
            ("incidents", list(&reference("Incident"))),
        ]),
        "Integration": integration(),
        "Status": status(),
        "Condition": condition(),
        "Progress": progress(),
        "Repository": object(&[
            ("id", text()), ("full_name", text()), ("since", nullable(&instant())), ("why", nullable(&text())),
        ]),
        "Tally": tally(),
        "Credential": credential(),
        "Permission": permission(),
        "Incident": incident(),
        "Hearing": hearing(),
        "IntegrationKey": object(&[("integration", text()), ("organization", nullable(&uuid()))]),
    })
}

fn integration() -> Value {
    object(&[
        ("integration", described(text(), "Configuration key.")),
        ("level", words(Level::ALL)),
        ("organization", nullable(&uuid())),
        ("organization_name", described(nullable(&text()), "As Snyk names it.")),
        ("group", nullable(&uuid())),
        ("group_name", described(nullable(&text()), "As Snyk names it.")),
        ("scm", words(Scm::ALL)),
        ("owner", nullable(&text())),
        ("snyk", described(text(), "The Snyk token it is watched with.")),
        ("credentials", list(&text())),
        ("status", reference("Status")),
        ("restored", described(boolean(), "All it rests on was observed before this process began.")),
        ("conditions", list(&reference("Condition"))),
        ("progress", nullable(&reference("Progress"))),
        ("tally", nullable(&reference("Tally"))),
    ])
}

fn status() -> Value {
    let known = object(&[("status", words(Status::ALL)), ("reason", words(Reason::ALL)), ("since", instant())]);
    object(&[
        ("status", words(Status::ALL)),
        ("reason", words(Reason::ALL)),
        ("message", text()),
        ("next_step", nullable(&text())),
        ("confidence", words(Confidence::ALL)),
        ("since", instant()),
        ("known", described(nullable(&known), "The last known status, kept below unknown.")),
        ("last_connected_at", nullable(&instant())),
        ("last_proof_of_life_at", nullable(&instant())),
        ("valid_until", described(nullable(&instant()), "Earliest expiry of the evidence it rests on.")),
        ("restored", described(boolean(), RESTORED)),
    ])
}

fn condition() -> Value {
    object(&[
        ("condition", words(Condition::ALL)),
        ("truth", truth()),
        ("reason", words(Reason::ALL)),
        ("message", text()),
        ("since", instant()),
        ("source", words(Source::ALL)),
        ("confidence", words(Confidence::ALL)),
        ("confirming", described(boolean(), "A first bad answer waits to be confirmed.")),
        ("observed_at", nullable(&instant())),
        ("valid_until", nullable(&instant())),
        ("proof", proof()),
        (
            "observed_revision",
            described(nullable(&text()), "Version of configuration and credentials that it speaks of."),
        ),
        ("restored", described(boolean(), RESTORED)),
    ])
}

fn proof() -> Value {
    let seen = object(&[("seen", count()), ("of", count()), ("last_at", nullable(&instant()))]);
    described(nullable(&seen), "How much a true rests on: what was seen, of how much that was looked at, and when.")
}

const RESTORED: &str =
    "It rests on evidence from before a time in which snykwatch did not run, which would be stale but for that.";

fn progress() -> Value {
    let mut schema = object(&[
        ("found", count()),
        ("missing", count()),
        ("removed", count()),
        ("ignored", count()),
        ("ratio", nullable(&number())),
        ("arrivals_per_hour", nullable(&number())),
        ("completion_expected_from", nullable(&instant())),
        ("completion_expected_by", nullable(&instant())),
        ("lag_seconds", nullable(&count())),
        ("lag_p95_seconds", nullable(&count())),
        ("last_seen_at", nullable(&instant())),
        ("next_expected_at", nullable(&instant())),
    ]);
    let lists = ["missing_repositories", "laggards"];
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for name in lists {
            let only = described(list(&reference("Repository")), "Only in the answer about one integration.");
            properties.insert(name.to_owned(), only);
        }
    }
    schema
}

fn tally() -> Value {
    let webhooks = object(&[("installed", count()), ("inactive", count()), ("missing", count()), ("unknown", count())]);
    object(&[
        ("targets_with_projects", count()),
        ("targets_empty", count()),
        ("projects_active", count()),
        ("projects_inactive", count()),
        ("webhooks", nullable(&webhooks)),
    ])
}

fn credential() -> Value {
    let valid = object(&[
        ("truth", truth()),
        ("reason", words(Reason::ALL)),
        ("message", text()),
        ("since", nullable(&instant())),
    ]);
    let unlisted = object(&[("reason", words(Reason::ALL)), ("message", text()), ("next_step", text())]);
    let write_access = object(&[("granted", list(&text())), ("read_only_scopes", list(&text()))]);
    let used_by = object(&[("integration", text()), ("level", words(Level::ALL)), ("count", count())]);
    let rotation = object(&[
        ("begun_at", instant()),
        ("saved", count()),
        ("of", count()),
        ("outstanding", count()),
        ("old_ends_at", nullable(&instant())),
        ("done_at", nullable(&instant())),
    ]);
    object(&[
        ("credential", described(text(), "Configuration key.")),
        ("scm", described(nullable(&words(Scm::ALL)), "Null for a Snyk token.")),
        ("api", text()),
        ("kind", text()),
        ("role", nullable(&words(Role::ALL))),
        ("valid", valid),
        ("confirming", boolean()),
        ("expires_at", nullable(&instant())),
        ("expiry_source", nullable(&words(ExpirySource::ALL))),
        ("unlisted", described(nullable(&unlisted), "What the admin API answered in place of its listing.")),
        ("declared", words(DeclaredDate::ALL)),
        ("first_used_at", nullable(&instant())),
        ("rotated_at", nullable(&instant())),
        ("previous_expires_at", nullable(&instant())),
        ("rotation", described(nullable(&rotation), "How far its last rotation is.")),
        ("permissions", list(&reference("Permission"))),
        ("write_access", described(nullable(&write_access), "What it may change, which watching never needs.")),
        ("notes", list(&words(Reason::ALL))),
        ("used_by", list(&used_by)),
    ])
}

fn permission() -> Value {
    object(&[
        ("permission", words(Permission::ALL)),
        ("label", text()),
        ("granted", truth()),
        ("requirement", words(Requirement::ALL)),
        ("missing_scope", nullable(&text())),
        ("granted_on", nullable(&count())),
        ("granted_of", nullable(&count())),
        ("observed_at", nullable(&instant())),
    ])
}

fn incident() -> Value {
    let gap = object(&[("from", instant()), ("to", instant())]);
    let silenced = object(&[("id", text()), ("until", instant()), ("author", text()), ("reason", text())]);
    object(&[
        ("id", text()),
        ("rule", words(Rule::ALL)),
        ("subject", text()),
        ("integration", nullable(&text())),
        ("credential", nullable(&text())),
        ("severity", words(Severity::ALL)),
        ("phase", words(Phase::ALL)),
        ("since", instant()),
        ("opened_at", nullable(&instant())),
        ("summary", text()),
        ("next_step", text()),
        ("affected", list(&reference("IntegrationKey"))),
        ("members", list(&uuid())),
        ("cause", described(nullable(&text()), "The incident that turned out to be its cause.")),
        ("deadline", nullable(&instant())),
        ("gap", described(nullable(&gap), "When snykwatch did not run, where that bears on it.")),
        ("acknowledgement", described(nullable(&acknowledged()), "Who takes care of it.")),
        ("silences", described(list(&silenced), "The silences in force that cover it.")),
        ("hearings", described(list(&reference("Hearing")), "What each receiver hears of it, and why not more.")),
    ])
}

fn acknowledged() -> Value {
    object(&[("author", text()), ("comment", text()), ("at", instant())])
}

fn hearing() -> Value {
    let told = object(&[("severity", words(Severity::ALL)), ("at", instant()), ("dispatch", text())]);
    let by = [
        "pending",
        "info",
        "first_pass",
        "standing",
        "prometheus",
        "no_route",
        "cause",
        "silence",
        "maintenance",
        "mute_time",
        "outside_active_times",
        "observing",
    ];
    let keeping = json!({
        "type": "object", "required": ["by"],
        "properties": { "by": { "type": "string", "enum": by } },
        "description": "What keeps the incident from the receiver, with details by its kind.",
    });
    object(&[
        ("receiver", described(text(), "Configuration key.")),
        ("route", described(nullable(&count()), "The route that leads there, counted from 1 from the top.")),
        ("told", described(nullable(&told), "What it was told last; dispatch `withhold`: only noted.")),
        ("kept_by", list(&keeping)),
        ("acknowledged", nullable(&acknowledged())),
        ("next_reminder_at", nullable(&instant())),
    ])
}

/// An object that has all of these fields and no other.
fn object(fields: &[(&str, Value)]) -> Value {
    let required: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<_, _> = fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn words(all: &[impl serde::Serialize]) -> Value {
    json!({ "type": "string", "enum": all })
}

fn truth() -> Value {
    json!({ "type": "string", "enum": ["true", "false", "unknown", "not_applicable"] })
}

fn nullable(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn described(mut schema: Value, description: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), description.into());
    }
    schema
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn number() -> Value {
    json!({ "type": "number" })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}
