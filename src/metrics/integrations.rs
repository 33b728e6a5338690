//! Families of integrations, synchronisation and Organizations, straight from the snapshot.

use std::collections::BTreeMap;

use super::OrganizationDetail;
use super::families::{
    Family, INTEGRATION_CONDITION, INTEGRATION_EVIDENCE_VALID_UNTIL, INTEGRATION_INFO, INTEGRATION_LAST_CONNECTED,
    INTEGRATION_STATUS, INTEGRATION_STATUS_SINCE, INTEGRATIONS, ORGANIZATION_PROJECTS, ORGANIZATION_TARGETS,
    ORGANIZATION_WEBHOOKS, SYNC_COMPLETION_EXPECTED, SYNC_LAG, SYNC_LAG_P95, SYNC_LAST_SEEN, SYNC_NEXT_EXPECTED,
    SYNC_PROGRESS_RATIO, SYNC_REPOSITORIES,
};
use super::text::{Labels, Sink, TextWriter, Value};
use crate::domain::kinds::{Level, Scm};
use crate::domain::names::CredentialName;
use crate::domain::status::Status;
use crate::snapshot::{ConditionView, IntegrationView, ProgressView, Snapshot, Tally};

/// An integration with the labels that all its series share.
pub(super) struct Row<'a> {
    pub(super) view: &'a IntegrationView,
    /// `integration`, `level`, `organization`.
    labels: Labels,
    /// The Organization's id as text, empty at Group level.
    organization: String,
}

pub(super) fn rows(snapshot: &Snapshot) -> Vec<Row<'_>> {
    let rows = snapshot.integrations.iter().map(|view| {
        let identity = &view.identity;
        let organization = identity.organization.map(|id| id.to_string()).unwrap_or_default();
        let labels = Labels::of(&[
            ("integration", identity.integration.as_str()),
            ("level", identity.level.as_str()),
            ("organization", &organization),
        ]);
        Row { view, labels, organization }
    });
    rows.collect()
}

pub(super) fn write<S: Sink>(writer: &mut TextWriter<S>, rows: &[Row<'_>], detail: OrganizationDetail) {
    let is_group = |row: &&Row<'_>| row.view.identity.level == Level::Group;
    let full: Vec<_> = rows.iter().filter(|row| is_group(row) || detail == OrganizationDetail::Full).collect();
    let listed: Vec<_> = rows.iter().filter(|row| is_group(row) || detail != OrganizationDetail::Summary).collect();
    write_status(writer, &listed);
    write_times(writer, &full);
    write_conditions(writer, &full);
    write_info(writer, &listed);
    write_counts(writer, rows);
    write_synchronisation(writer, &full);
    write_organizations(writer, &full);
}

fn write_status<S: Sink>(writer: &mut TextWriter<S>, rows: &[&Row<'_>]) {
    writer.family(&INTEGRATION_STATUS);
    for row in rows {
        for status in Status::ALL {
            let labels = [("scm", row.view.identity.scm.as_str()), ("status", status.as_str())];
            writer.sample(&INTEGRATION_STATUS, &row.labels, &labels, *status == row.view.status.status);
        }
    }
}

fn write_times<S: Sink>(writer: &mut TextWriter<S>, rows: &[&Row<'_>]) {
    writer.family(&INTEGRATION_STATUS_SINCE);
    for row in rows {
        writer.sample(&INTEGRATION_STATUS_SINCE, &row.labels, &[], row.view.status.since);
    }
    writer.family(&INTEGRATION_LAST_CONNECTED);
    for row in rows {
        writer.sample_if(&INTEGRATION_LAST_CONNECTED, &row.labels, row.view.status.last_connected_at);
    }
    writer.family(&INTEGRATION_EVIDENCE_VALID_UNTIL);
    for row in rows {
        writer.sample_if(&INTEGRATION_EVIDENCE_VALID_UNTIL, &row.labels, row.view.status.valid_until);
    }
}

fn write_conditions<S: Sink>(writer: &mut TextWriter<S>, rows: &[&Row<'_>]) {
    writer.family(&INTEGRATION_CONDITION);
    for row in rows {
        let level = row.view.identity.level;
        let shown = |condition: &&ConditionView| level == Level::Group || !condition.condition.is_of_credential();
        for view in row.view.conditions.iter().filter(shown) {
            let condition = [("condition", view.condition.as_str())];
            if let Some(gauge) = view.state.truth.gauge() {
                writer.sample(&INTEGRATION_CONDITION, &row.labels, &condition, gauge);
            }
        }
    }
}

fn write_info<S: Sink>(writer: &mut TextWriter<S>, rows: &[&Row<'_>]) {
    writer.family(&INTEGRATION_INFO);
    for row in rows {
        let identity = &row.view.identity;
        let group = identity.group.map(|id| id.to_string()).unwrap_or_default();
        let credentials: Vec<_> = identity.credentials.iter().map(CredentialName::as_str).collect();
        let labels = [
            ("group_id", group.as_str()),
            ("group_name", identity.group_name.as_deref().unwrap_or_default()),
            ("organization_name", identity.organization_name.as_deref().unwrap_or_default()),
            ("credential", &credentials.join(",")),
            ("owner", identity.owner.as_deref().unwrap_or_default()),
        ];
        writer.sample(&INTEGRATION_INFO, &row.labels, &labels, true);
    }
}

fn write_counts<S: Sink>(writer: &mut TextWriter<S>, rows: &[Row<'_>]) {
    let mut counts: BTreeMap<(Level, Scm, Status), usize> = BTreeMap::new();
    for row in rows {
        let identity = &row.view.identity;
        *counts.entry((identity.level, identity.scm, row.view.status.status)).or_default() += 1;
    }
    writer.family(&INTEGRATIONS);
    for level in Level::ALL {
        for scm in Scm::ALL {
            for status in Status::ALL {
                let count = counts.get(&(*level, *scm, *status)).copied().unwrap_or_default();
                let labels = [("level", level.as_str()), ("scm", scm.as_str()), ("status", status.as_str())];
                writer.sample(&INTEGRATIONS, &Labels::default(), &labels, count);
            }
        }
    }
}

type OfProgress = fn(&ProgressView) -> Option<Value>;

/// Families with one series for each synchronised Group, absent when unknown.
const OF_PROGRESS: &[(&Family, OfProgress)] = &[
    (&SYNC_PROGRESS_RATIO, |progress| progress.ratio.map(Value::from)),
    (&SYNC_LAG, |progress| progress.lag_seconds.map(Value::from)),
    (&SYNC_LAG_P95, |progress| progress.lag_p95_seconds.map(Value::from)),
    (&SYNC_LAST_SEEN, |progress| progress.last_seen_at.map(Value::from)),
    (&SYNC_NEXT_EXPECTED, |progress| progress.next_expected_at.map(Value::from)),
    (&SYNC_COMPLETION_EXPECTED, |progress| progress.completion_expected_by.map(Value::from)),
];

fn write_synchronisation<S: Sink>(writer: &mut TextWriter<S>, rows: &[&Row<'_>]) {
    let synchronised = rows.iter().filter_map(|row| {
        let labels = Labels::of(&[("integration", row.view.identity.integration.as_str())]);
        row.view.progress.as_ref().map(|progress| (labels, progress))
    });
    let synchronised: Vec<_> = synchronised.collect();
    writer.family(&SYNC_REPOSITORIES);
    for (labels, progress) in &synchronised {
        let states = [
            ("found", progress.found),
            ("missing", progress.missing),
            ("removed", progress.removed),
            ("ignored", progress.ignored),
        ];
        for (state, count) in states {
            writer.sample(&SYNC_REPOSITORIES, labels, &[("state", state)], count);
        }
    }
    for (family, value) in OF_PROGRESS {
        writer.family(family);
        for (labels, progress) in &synchronised {
            writer.sample_if(family, labels, value(progress));
        }
    }
}

type OfTally = fn(&Tally) -> Vec<(&'static str, usize)>;

/// Families of counts by state for each Organization.
const OF_TALLY: &[(&Family, OfTally)] = &[
    (&ORGANIZATION_TARGETS, |tally| {
        vec![("with_projects", tally.targets_with_projects), ("empty", tally.targets_empty)]
    }),
    (&ORGANIZATION_PROJECTS, |tally| vec![("active", tally.projects_active), ("inactive", tally.projects_inactive)]),
    (&ORGANIZATION_WEBHOOKS, |tally| match tally.webhooks {
        None => Vec::new(),
        // Those that cannot be seen are in no state.
        Some(webhooks) => {
            vec![("installed", webhooks.installed), ("inactive", webhooks.inactive), ("missing", webhooks.missing)]
        }
    }),
];

fn write_organizations<S: Sink>(writer: &mut TextWriter<S>, rows: &[&Row<'_>]) {
    for (family, counts) in OF_TALLY {
        writer.family(family);
        for row in rows {
            let Some(tally) = &row.view.tally else { continue };
            for (state, count) in counts(tally) {
                let labels = [
                    ("integration", row.view.identity.integration.as_str()),
                    ("organization", row.organization.as_str()),
                    ("state", state),
                ];
                writer.sample(family, &Labels::default(), &labels, count);
            }
        }
    }
}
