//! The audit logs: who changed what, and when. Organizations log their integrations; Groups do not.
//!
//! Snyk keeps 90 days, and pages by time: a page may be empty while more follow. So a log is read for a bounded number of
//! pages and time, and can be read on from where it stopped.

use std::hash::Hash;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::page::next_of;
use super::{IntegrationSettings, SnykClient};
use crate::client::answer::{Failure, FailureClass, Walk, lenient};
use crate::client::exchange::{Listed, Page, PageParts, Part, ReadingLimits};

/// Pages of a log that are read at once; most of them may be empty.
const MOST_PAGES: usize = 200;
/// No page is asked for after this, in real time.
const LONGEST_READING: Duration = Duration::from_mins(1);

/// One entry of an audit log. Only its time and its name are required.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Entry")]
pub struct AuditEvent {
    /// When it happened.
    pub created: DateTime<Utc>,
    /// What happened: `org.integration.edit`, `group.service_account.create`, …
    pub event: String,
    /// In which Organization.
    pub org_id: Option<String>,
    /// In which Group.
    pub group_id: Option<String>,
    /// About which project.
    pub project_id: Option<String>,
    /// Who did it, by id; Snyk's own machinery has none.
    pub user_id: Option<String>,
    /// The integration it is about (`content.integrationPublicId`).
    pub integration_id: Option<String>,
    /// The kind of integration it is about (`content.sourceType`): `github`, `bitbucket-cloud`.
    pub source_type: Option<String>,
    /// The Organization it is about, by name: after a deletion the name is here only. Hostile text.
    pub org_name: Option<String>,
    /// The pull request switches of an integration, where the event changed its settings and tells them.
    pub settings: Option<SettingsChange>,
}

/// Pull request switches before and after a change. What an event does not tell is not off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// Before.
    pub before: IntegrationSettings,
    /// After.
    pub after: IntegrationSettings,
}

impl AuditEvent {
    /// The integration that the event is about, when it says so.
    pub fn integration_id(&self) -> Option<&str> {
        self.integration_id.as_deref()
    }
}

/// Where a log is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogStart {
    /// From this time on.
    At(DateTime<Utc>),
    /// From where an earlier reading stopped.
    Cursor(LogCursor),
}

/// Where a reading stopped. It carries the events and the time that were asked for, and no secret; it may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCursor(String);

impl LogCursor {
    /// A cursor that was stored.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A log as far as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPart {
    /// What was read, oldest first. Entries without a time or a name are counted in [`Walk::unreadable`].
    pub walk: Walk<AuditEvent>,
    /// Where to read on; none when the log was read to its end.
    pub rest: Option<LogCursor>,
}

/// An audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditLog {
    /// That of a Group; it has some events of its Organizations too.
    Group(Uuid),
    /// That of an Organization.
    Organization(Uuid),
}

#[derive(Deserialize)]
struct Entry {
    #[serde(deserialize_with = "lenient::required_time")]
    created: DateTime<Utc>,
    event: String,
    #[serde(default, deserialize_with = "lenient::text")]
    org_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    group_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    project_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    user_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    content: Content,
}

/// What was changed. Its keys are documented nowhere; these were recorded, some by V1's names.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Content {
    #[serde(deserialize_with = "lenient::text")]
    integration_public_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    source_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    integration_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    org_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    org_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    group_id: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    before: Settings,
    #[serde(deserialize_with = "lenient::or_default")]
    after: Settings,
}

/// The settings themselves, or an object that holds them: both were recorded.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Settings {
    #[serde(deserialize_with = "lenient::or_default")]
    integration_settings: Option<IntegrationSettings>,
    #[serde(flatten)]
    direct: IntegrationSettings,
}

impl From<Settings> for IntegrationSettings {
    fn from(settings: Settings) -> Self {
        settings.integration_settings.unwrap_or(settings.direct)
    }
}

impl From<Entry> for AuditEvent {
    fn from(entry: Entry) -> Self {
        let content = entry.content;
        let change = SettingsChange { before: content.before.into(), after: content.after.into() };
        Self {
            created: entry.created,
            event: entry.event,
            org_id: entry.org_id.or(content.org_id),
            group_id: entry.group_id.or(content.group_id),
            project_id: entry.project_id,
            user_id: entry.user_id,
            integration_id: content.integration_public_id,
            source_type: content.source_type.or(content.integration_type),
            org_name: content.org_name,
            settings: (change != SettingsChange::default()).then_some(change),
        }
    }
}

/// `{"data": {"items": […]}, "links": {…}}`: the audit log alone is shaped so. `items` is optional in the description, and
/// `data` may be an empty list or `null` instead: an empty page in each case. `links` is optional too.
#[derive(Deserialize)]
#[serde(try_from = "AnyLogPage")]
struct LogPage {
    items: Vec<Value>,
    links: Option<Value>,
}

#[derive(Deserialize)]
struct AnyLogPage {
    data: Value,
    #[serde(default, deserialize_with = "lenient::given")]
    links: Option<Value>,
}

impl TryFrom<AnyLogPage> for LogPage {
    type Error = &'static str;

    fn try_from(AnyLogPage { data, links }: AnyLogPage) -> Result<Self, Self::Error> {
        let items = match data {
            Value::Object(mut data) => data.remove("items").unwrap_or_default(),
            Value::Array(items) if items.is_empty() => Value::Null,
            Value::Null => Value::Null,
            _ => return Err("`data` is no object"),
        };
        match items {
            Value::Array(items) => Ok(Self { items, links }),
            Value::Null => Ok(Self { items: Vec::new(), links }),
            _ => Err("`data.items` is no list"),
        }
    }
}

impl Listed for AuditEvent {
    /// Events have no id, and two of them may be alike.
    fn identity(&self) -> Option<impl Hash> {
        None::<()>
    }
}

impl Page for LogPage {
    type Item = AuditEvent;

    fn into_parts(self) -> PageParts<AuditEvent> {
        let (items, unreadable) = readable(self.items);
        PageParts { items, next: next_of(self.links, false), total: None, unreadable }
    }
}

/// The items that can be read, and how many cannot.
fn readable<T: DeserializeOwned>(values: Vec<Value>) -> (Vec<T>, usize) {
    let all = values.len();
    let items: Vec<T> = values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect();
    let unreadable = all - items.len();
    (items, unreadable)
}

impl SnykClient {
    /// The Group's audit log from `from` on, oldest first; only these events, or all but `api.access` when none is named.
    pub async fn group_audit_log(
        &self,
        group: Uuid,
        from: DateTime<Utc>,
        events: &[&str],
    ) -> Result<Walk<AuditEvent>, Failure> {
        self.whole_audit_log(AuditLog::Group(group), from, events).await
    }

    /// The Organization's audit log from `from` on, oldest first; only these events, or all but `api.access` when none
    /// is named.
    pub async fn organization_audit_log(
        &self,
        organization: Uuid,
        from: DateTime<Utc>,
        events: &[&str],
    ) -> Result<Walk<AuditEvent>, Failure> {
        self.whole_audit_log(AuditLog::Organization(organization), from, events).await
    }

    /// An audit log from `start` on, oldest first, as far as it is read at once. `events` does not matter to a cursor,
    /// which goes on with those it began with.
    pub async fn audit_log_part(&self, log: AuditLog, start: &LogStart, events: &[&str]) -> Result<LogPart, Failure> {
        let (level, id) = match log {
            AuditLog::Group(id) => ("groups", id),
            AuditLog::Organization(id) => ("orgs", id),
        };
        let path = [level, &id.to_string(), "audit_logs", "search"];
        let call = match start {
            LogStart::Cursor(cursor) => {
                let mut call = self.get(&path, &[]);
                call.url.set_query(Some(cursor.as_str()));
                call
            }
            LogStart::At(from) => {
                let from = from.to_rfc3339_opts(SecondsFormat::Secs, true);
                // `from` is always sent: left out, it would be the start of yesterday.
                let mut parameters = vec![("from", from.as_str()), ("size", super::PAGE_SIZE), ("sort_order", "ASC")];
                parameters.extend(events.iter().map(|event| ("events", *event)));
                self.get(&path, &parameters)
            }
        };
        let limits = ReadingLimits { pages: MOST_PAGES, time: LONGEST_READING };
        let Part { walk, rest } = self.rest.walk_part::<LogPage>(call, &self.authentication, limits).await?;
        let rest = rest.map(|url| LogCursor::new(url.query().unwrap_or_default()));
        Ok(LogPart { walk, rest })
    }

    async fn whole_audit_log(
        &self,
        log: AuditLog,
        from: DateTime<Utc>,
        events: &[&str],
    ) -> Result<Walk<AuditEvent>, Failure> {
        let LogPart { walk, rest } = self.audit_log_part(log, &LogStart::At(from), events).await?;
        if rest.is_none() {
            return Ok(walk);
        }
        let detail = format!("the audit log did not end within {} pages", walk.pages);
        let mut failure = Failure::without_answer(FailureClass::Unfinished { pages: walk.pages }, detail);
        (failure.context.pages_before, failure.context.items_before) = (walk.pages, walk.items.len());
        Err(failure)
    }
}
