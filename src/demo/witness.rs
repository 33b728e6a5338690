//! The witness: what the daemon tells over HTTP is what its snapshot says.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;
use url::Url;

use crate::client::daemon::{DaemonClient, DaemonCredentials};
use crate::domain::names::IntegrationKey;
use crate::domain::status::Status;
use crate::snapshot::{IntegrationView, Phase, Snapshot};

/// Integrations in one answer at most; no scenario has as many.
const LIMIT: &str = "5000";

/// Asks the API and the metrics page; the inner `Err` says what does not agree with the snapshot.
pub(super) async fn told_alike(address: SocketAddr, snapshot: &Snapshot) -> anyhow::Result<Result<(), String>> {
    let daemon = DaemonClient::new(Url::parse(&format!("http://{address}/"))?, &DaemonCredentials::default())?;
    let integrations: Value = daemon.get(&["api", "v1", "integrations"], &[("limit", LIMIT)]).await?;
    let incidents: Value = daemon.get(&["api", "v1", "incidents"], &[]).await?;
    let metrics = daemon.get_text(&["metrics"]).await?;
    Ok(check_api(snapshot, &integrations, &incidents).and_then(|()| check_metrics(snapshot, &metrics)))
}

fn check_api(snapshot: &Snapshot, integrations: &Value, incidents: &Value) -> Result<(), String> {
    let told = listed(integrations, "integrations");
    let text = |view: &Value, pointer: &str| view.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let told: Vec<_> = told.iter().map(|view| (text(view, "/status/status"), text(view, "/status/reason"))).collect();
    let said = |view: &IntegrationView| (view.status.status.to_string(), view.status.reason.to_string());
    let known = snapshot.integrations.iter().map(|view| said(view));
    let known: Vec<_> = known.map(|(status, reason)| (Some(status), Some(reason))).collect();
    if told != known {
        return Err(format!("/api/v1/integrations says {told:?}, the snapshot {known:?}"));
    }
    let told = listed(incidents, "incidents");
    let mut told: Vec<&str> = told.iter().filter_map(|incident| incident.get("id")?.as_str()).collect();
    let mut known: Vec<&str> = snapshot.incidents.iter().map(|incident| incident.id.as_str()).collect();
    told.sort_unstable();
    known.sort_unstable();
    if told == known { Ok(()) } else { Err(format!("/api/v1/incidents says {told:?}, the snapshot {known:?}")) }
}

fn listed<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    answer.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
}

fn check_metrics(snapshot: &Snapshot, page: &str) -> Result<(), String> {
    let told = statuses(page);
    for view in &snapshot.integrations {
        let key = view.key();
        for status in Status::ALL {
            let series = (key.integration.to_string(), organization_of(&key), status.as_str().to_owned());
            let expected = if view.status.status == *status { "1" } else { "0" };
            if told.get(&series).map(String::as_str) != Some(expected) {
                return Err(format!(
                    "/metrics says {:?} of {series:?}, the snapshot {}",
                    told.get(&series),
                    shown(view)
                ));
            }
        }
    }
    let expected = snapshot.integrations.len() * Status::ALL.len();
    if told.len() != expected {
        return Err(format!("/metrics has {} statuses, the snapshot {expected}", told.len()));
    }
    for incident in snapshot.incidents.iter().filter(|incident| incident.phase == Phase::Open) {
        let rule = format!("incident=\"{}\"", incident.rule);
        let severity = format!("severity=\"{}\"", incident.severity);
        let is_told = samples(page, "snykwatch_incident_open")
            .any(|(labels, value)| labels.contains(&rule) && labels.contains(&severity) && value != "0");
        if !is_told {
            return Err(format!("/metrics does not tell of {} ({})", incident.id, incident.severity));
        }
    }
    Ok(())
}

fn shown(view: &IntegrationView) -> &'static str {
    view.status.status.as_str()
}

fn organization_of(key: &IntegrationKey) -> String {
    key.organization.map_or_else(String::new, |id| id.to_string())
}

/// The one-hot statuses of the page: integration, Organization and status to value.
fn statuses(page: &str) -> BTreeMap<(String, String, String), String> {
    let of = |labels: &str, name: &str| {
        let value = labels.split_once(&format!("{name}=\""));
        value.and_then(|(_, rest)| rest.split_once('"')).map_or_else(String::new, |(value, _)| value.to_owned())
    };
    let series = samples(page, "snykwatch_integration_status").map(|(labels, value)| {
        ((of(labels, "integration"), of(labels, "organization"), of(labels, "status")), value.to_owned())
    });
    series.collect()
}

/// Labels and value of each sample of a family.
fn samples<'a>(page: &'a str, family: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    page.lines().filter_map(move |line| line.strip_prefix(family)?.strip_prefix('{')?.split_once("} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_from_the_page() {
        let page = "# TYPE snykwatch_integration_status gauge\n\
                    snykwatch_integration_status{integration=\"a\",level=\"group\",organization=\"\",status=\"stalled\"} 1\n\
                    snykwatch_integration_status_since_timestamp_seconds{integration=\"a\"} 5\n";
        let expected = (("a".to_owned(), String::new(), "stalled".to_owned()), "1".to_owned());
        assert_eq!(statuses(page).into_iter().collect::<Vec<_>>(), [expected]);
    }
}
