//! Families of upstream APIs that come from evidence, and the snapshot's own time.

use super::families::{API_VERSION_SUNSET, CLOCK_SKEW, SNAPSHOT_TIMESTAMP, UPSTREAM_UP};
use super::text::{Labels, Sink, TextWriter};
use crate::snapshot::Snapshot;

pub(super) fn write<S: Sink>(writer: &mut TextWriter<S>, snapshot: &Snapshot) {
    let apis: Vec<_> = snapshot.apis.iter().map(|view| (Labels::of(&[("api", view.api.as_str())]), view)).collect();
    writer.family(&UPSTREAM_UP);
    for (labels, view) in &apis {
        writer.sample_if(&UPSTREAM_UP, labels, view.up);
    }
    writer.family(&API_VERSION_SUNSET);
    for (labels, view) in &apis {
        let sunset = view.version_ending.as_ref().and_then(|ending| ending.sunset_at);
        writer.sample_if(&API_VERSION_SUNSET, labels, sunset);
    }
    writer.family(&CLOCK_SKEW);
    for (labels, view) in &apis {
        writer.sample_if(&CLOCK_SKEW, labels, view.clock_skew_seconds);
    }
    writer.family(&SNAPSHOT_TIMESTAMP);
    writer.sample(&SNAPSHOT_TIMESTAMP, &Labels::default(), &[], snapshot.taken_at);
}
