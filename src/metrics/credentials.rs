//! Families of credentials.

use super::families::{CREDENTIAL_EXPIRY, CREDENTIAL_INFO, CREDENTIAL_PERMISSION_GRANTED, CREDENTIAL_VALID};
use super::text::{Labels, Sink, TextWriter};
use crate::domain::kinds::{Role, Scm};
use crate::domain::state::ExpirySource;
use crate::snapshot::Snapshot;

pub(super) fn write<S: Sink>(writer: &mut TextWriter<S>, snapshot: &Snapshot) {
    let credentials = snapshot.credentials.iter();
    let credentials: Vec<_> =
        credentials.map(|view| (Labels::of(&[("credential", view.credential.as_str())]), view)).collect();
    writer.family(&CREDENTIAL_VALID);
    for (labels, view) in &credentials {
        if let Some(gauge) = view.valid.truth.gauge() {
            writer.sample(&CREDENTIAL_VALID, labels, &[], gauge);
        }
    }
    writer.family(&CREDENTIAL_PERMISSION_GRANTED);
    for (labels, view) in &credentials {
        for permission in &view.permissions {
            let label = [("permission", permission.permission.as_str())];
            if let Some(gauge) = permission.granted.gauge() {
                writer.sample(&CREDENTIAL_PERMISSION_GRANTED, labels, &label, gauge);
            }
        }
    }
    writer.family(&CREDENTIAL_EXPIRY);
    for (labels, view) in &credentials {
        writer.sample_if(&CREDENTIAL_EXPIRY, labels, view.expires_at);
    }
    writer.family(&CREDENTIAL_INFO);
    for (labels, view) in &credentials {
        let more = [
            ("scm", view.scm.map_or("snyk", Scm::as_str)),
            ("kind", &view.kind),
            ("role", view.role.map_or("", Role::as_str)),
            ("expiry_source", view.expiry_source.map_or("", ExpirySource::as_str)),
        ];
        writer.sample(&CREDENTIAL_INFO, labels, &more, true);
    }
}
