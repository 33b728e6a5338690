//! The audit logs of a Group and of an Organization: `data.items`, cursor and size, a default `from` that surprises,
//! 90 days of memory, and pages that may be empty although more follow.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::desk::{AUDIT, Desk, document, ok};
use super::errors;
use crate::sandbox::answer::Answer;
use crate::sandbox::world::{
    AUDIT_RETENTION, AuditEvent, Availability, BeforeRetention, EmptyPage, Group, Organization, Permission,
};

/// Events of the Group, which an Organization's log does not have.
fn is_of_group(event: &AuditEvent) -> bool {
    event.organization.is_none() || event.event.starts_with("group.")
}

pub(super) fn of_organization(desk: &Desk<'_>, organization: &Organization) -> Result<Answer, Answer> {
    desk.need(Permission::OrganizationAuditRead)?;
    let is_filtered = desk.snyk.audit.filter == Availability::Present;
    let concerns = |event: &AuditEvent| event.organization == Some(organization.id) || !is_filtered;
    search(desk, |event| event.group == organization.group && concerns(event) && !is_of_group(event))
}

/// Events of the Group itself and some of its Organizations; there are none about its integrations.
pub(super) fn of_group(desk: &Desk<'_>, group: &Group) -> Result<Answer, Answer> {
    desk.need(Permission::GroupAuditRead)?;
    let some = &desk.snyk.audit.of_organizations;
    search(desk, |event| event.group == group.id && (is_of_group(event) || some.contains(&event.event)))
}

/// From when to when, and which way round.
struct Window {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    newest_first: bool,
}

fn search(desk: &Desk<'_>, concerns: impl Fn(&AuditEvent) -> bool) -> Result<Answer, Answer> {
    let (call, log) = (desk.call, &desk.snyk.audit);
    let window = window(desk)?;
    let kept_from = desk.world.now - AUDIT_RETENTION;
    let begins_too_early = window.from < kept_from;
    if begins_too_early && log.before_retention == BeforeRetention::Refused {
        return Err(errors::bad_parameter("from", "must not be more than 90 days ago"));
    }
    let nothing = begins_too_early && log.before_retention == BeforeRetention::Empty;
    let (only, not) = (call.list("events"), call.list("exclude_events"));
    if !only.is_empty() && !not.is_empty() {
        return Err(errors::bad_parameter("exclude_events", "events and exclude_events are mutually exclusive"));
    }
    let mut events: Vec<&AuditEvent> = log
        .events
        .iter()
        .filter(|event| !nothing && concerns(event) && event.created >= window.from.max(kept_from))
        .filter(|event| event.created < window.to)
        .filter(|event| only.is_empty() || only.contains(&event.event))
        .filter(|event| !not.contains(&event.event) && (event.event != "api.access" || only.contains(&event.event)))
        .collect();
    events.sort_by_key(|event| event.created);
    if window.newest_first {
        events.reverse();
    }
    match log.bucket.filter(|bucket| *bucket > TimeDelta::zero()) {
        None => {
            let cut = desk.cut(events, AUDIT)?;
            Ok(ok(document(data(desk, &cut.items), cut.links)))
        }
        Some(bucket) => {
            let pages = in_buckets(&window, events, bucket, desk.length(AUDIT)?);
            let number = desk.offset(AUDIT)?;
            let page = pages.get(number).map_or(&[][..], Vec::as_slice);
            let next = (number + 1 < pages.len()).then_some(number + 1);
            Ok(ok(document(data(desk, page), desk.links(AUDIT, next))))
        }
    }
}

fn window(desk: &Desk<'_>) -> Result<Window, Answer> {
    let instant = |name: &str| -> Result<Option<DateTime<Utc>>, Answer> {
        let Some(text) = desk.call.parameter(name) else { return Ok(None) };
        let parsed = DateTime::parse_from_rfc3339(text).map(|at| Some(at.to_utc()));
        parsed.map_err(|_| errors::bad_parameter(name, "must be an RFC3339 date-time"))
    };
    let yesterday = (desk.world.now - TimeDelta::days(1)).date_naive().and_time(NaiveTime::MIN).and_utc();
    let newest_first = match desk.call.parameter("sort_order") {
        None | Some("DESC") => true,
        Some("ASC") => false,
        Some(_) => return Err(errors::bad_parameter("sort_order", "must be ASC or DESC")),
    };
    // What happened in this very millisecond belongs to a window without an end.
    let to = instant("to")?.unwrap_or(desk.world.now + TimeDelta::milliseconds(1));
    Ok(Window { from: instant("from")?.unwrap_or(yesterday), to, newest_first })
}

/// The events in pages of one span each, as long as the window lasts; a span with nothing in it is a page too.
fn in_buckets<'a>(
    window: &Window,
    events: Vec<&'a AuditEvent>,
    bucket: TimeDelta,
    size: usize,
) -> Vec<Vec<&'a AuditEvent>> {
    let (mut pages, mut left) = (Vec::new(), events.into_iter().peekable());
    let mut end = TimeDelta::zero();
    while end < window.to - window.from {
        end += bucket;
        let mut page = Vec::new();
        let is_inside = |event: &&AuditEvent| {
            if window.newest_first { window.to - event.created <= end } else { event.created - window.from < end }
        };
        while let Some(event) = left.next_if(is_inside) {
            if page.len() == size {
                pages.push(std::mem::take(&mut page));
            }
            page.push(event);
        }
        pages.push(page);
    }
    pages
}

fn data(desk: &Desk<'_>, events: &[&AuditEvent]) -> Value {
    let is_named = desk.snyk.audit.organization_named == Availability::Present;
    let items: Vec<Value> = events.iter().map(|event| item(event, is_named)).collect();
    match desk.snyk.audit.empty_page {
        EmptyPage::WithoutItems if items.is_empty() => json!({ "type": "audit_logs" }),
        EmptyPage::NullItems if items.is_empty() => json!({ "type": "audit_logs", "items": null }),
        EmptyPage::EmptyList if items.is_empty() => json!([]),
        _ => json!({ "type": "audit_logs", "items": items }),
    }
}

fn item(event: &AuditEvent, names_organization: bool) -> Value {
    let mut item = json!({
        "created": event.created,
        "event": event.event,
        "group_id": event.group,
        "content": event.content
    });
    if let Some(object) = item.as_object_mut() {
        let organization = event.organization.filter(|_| names_organization);
        let more = [("org_id", organization), ("project_id", event.project), ("user_id", event.user)];
        let more = more.into_iter().filter_map(|(key, id)| Some((key.to_owned(), json!(id?))));
        object.extend(more);
    }
    item
}
