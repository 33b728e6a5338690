//! The audit logs of a Group and of an Organization: `data.items`, cursor and size, a default `from` that surprises.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::desk::{AUDIT, Desk, document, ok};
use super::errors;
use crate::sandbox::answer::Answer;
use crate::sandbox::world::{AuditEvent, Group, Organization, Permission};

pub(super) fn of_organization(desk: &Desk<'_>, organization: &Organization) -> Result<Answer, Answer> {
    desk.need(Permission::OrganizationAuditRead)?;
    search(desk, |event| event.organization == Some(organization.id))
}

/// Events of the Group itself; there are none about its integrations.
pub(super) fn of_group(desk: &Desk<'_>, group: &Group) -> Result<Answer, Answer> {
    desk.need(Permission::GroupAuditRead)?;
    search(desk, |event| event.group == group.id && event.organization.is_none())
}

fn search(desk: &Desk<'_>, concerns: impl Fn(&AuditEvent) -> bool) -> Result<Answer, Answer> {
    let call = desk.call;
    let instant = |name: &str| -> Result<Option<DateTime<Utc>>, Answer> {
        let Some(text) = call.parameter(name) else { return Ok(None) };
        let parsed = DateTime::parse_from_rfc3339(text).map(|at| Some(at.to_utc()));
        parsed.map_err(|_| errors::bad_parameter(name, "must be an RFC3339 date-time"))
    };
    let yesterday = (desk.world.now - TimeDelta::days(1)).date_naive().and_time(NaiveTime::MIN).and_utc();
    let from = instant("from")?.unwrap_or(yesterday);
    let to = instant("to")?;
    let (only, not) = (call.list("events"), call.list("exclude_events"));
    if !only.is_empty() && !not.is_empty() {
        return Err(errors::bad_parameter("exclude_events", "events and exclude_events are mutually exclusive"));
    }
    let mut events: Vec<&AuditEvent> = desk
        .snyk
        .audit_log
        .iter()
        .filter(|event| concerns(event) && event.created >= from && to.is_none_or(|to| event.created < to))
        .filter(|event| only.is_empty() || only.contains(&event.event))
        .filter(|event| !not.contains(&event.event) && (event.event != "api.access" || only.contains(&event.event)))
        .collect();
    events.sort_by_key(|event| event.created);
    match call.parameter("sort_order") {
        None | Some("DESC") => events.reverse(),
        Some("ASC") => {}
        Some(_) => return Err(errors::bad_parameter("sort_order", "must be ASC or DESC")),
    }
    let cut = desk.cut(events, AUDIT)?;
    let items: Vec<Value> = cut.items.into_iter().map(item).collect();
    Ok(ok(document(json!({ "type": "audit_logs", "items": items }), cut.links)))
}

fn item(event: &AuditEvent) -> Value {
    let mut item = json!({
        "created": event.created,
        "event": event.event,
        "group_id": event.group,
        "content": event.content
    });
    if let Some(object) = item.as_object_mut() {
        if let Some(organization) = event.organization {
            object.insert("org_id".to_owned(), json!(organization));
        }
        if let Some(project) = event.project {
            object.insert("project_id".to_owned(), json!(project));
        }
    }
    item
}
