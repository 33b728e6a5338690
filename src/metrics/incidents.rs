//! Families of incidents. Several incidents of one rule can share their labels (two workspaces of one integration):
//! they are one series, open when any of them is and as old as the oldest. It has a cause when each that is open has one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::families::{INCIDENT_CAUSE, INCIDENT_OPEN, INCIDENT_SINCE, INCIDENTS};
use super::text::{Labels, Sink, TextWriter};
use crate::domain::incident::{Rule, Severity};
use crate::domain::names::{CredentialName, IntegrationName};
use crate::snapshot::{IncidentView, Phase, Snapshot};

/// Rule, integration, credential.
type Series<'a> = (Rule, &'a str, &'a str);

fn series(incident: &IncidentView) -> Series<'_> {
    let integration = incident.integration.as_ref().map(IntegrationName::as_str).unwrap_or_default();
    let credential = incident.credential.as_ref().map(CredentialName::as_str).unwrap_or_default();
    (incident.rule, integration, credential)
}

pub(super) fn write<S: Sink>(writer: &mut TextWriter<S>, snapshot: &Snapshot) {
    let mut open: BTreeMap<(Series<'_>, Severity), bool> = BTreeMap::new();
    let mut since: BTreeMap<Series<'_>, DateTime<Utc>> = BTreeMap::new();
    let mut causes: BTreeMap<Series<'_>, Option<BTreeSet<&str>>> = BTreeMap::new();
    let mut counts: BTreeMap<(Severity, Phase), usize> = BTreeMap::new();
    for incident in &snapshot.incidents {
        let series = series(incident);
        *open.entry((series, incident.severity)).or_default() |= incident.phase == Phase::Open;
        let oldest = since.entry(series).or_insert(incident.since);
        *oldest = incident.since.min(*oldest);
        if incident.phase == Phase::Open {
            let known = causes.entry(series).or_insert_with(|| Some(BTreeSet::new()));
            match (known.as_mut(), &incident.cause) {
                (Some(known), Some(cause)) => drop(known.insert(cause)),
                _ => *known = None,
            }
        }
        *counts.entry((incident.severity, incident.phase)).or_default() += 1;
    }
    writer.family(&INCIDENT_OPEN);
    for (((rule, integration, credential), severity), open) in open {
        let labels = [
            ("incident", rule.as_str()),
            ("severity", severity.as_str()),
            ("integration", integration),
            ("credential", credential),
        ];
        writer.sample(&INCIDENT_OPEN, &Labels::default(), &labels, open);
    }
    writer.family(&INCIDENT_SINCE);
    for ((rule, integration, credential), since) in since {
        let labels = [("incident", rule.as_str()), ("integration", integration), ("credential", credential)];
        writer.sample(&INCIDENT_SINCE, &Labels::default(), &labels, since);
    }
    writer.family(&INCIDENT_CAUSE);
    for ((rule, integration, credential), known) in causes {
        for cause in known.into_iter().flatten() {
            let labels = [
                ("incident", rule.as_str()),
                ("integration", integration),
                ("credential", credential),
                ("cause", cause),
            ];
            writer.sample(&INCIDENT_CAUSE, &Labels::default(), &labels, true);
        }
    }
    writer.family(&INCIDENTS);
    for severity in Severity::ALL {
        for phase in Phase::ALL {
            let count = counts.get(&(*severity, *phase)).copied().unwrap_or_default();
            let labels = [("severity", severity.as_str()), ("state", phase.as_str())];
            writer.sample(&INCIDENTS, &Labels::default(), &labels, count);
        }
    }
}
