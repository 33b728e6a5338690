//! What a notification is about, as the labels of an alert.

use std::collections::BTreeMap;

use super::text::{clean_line, unlinked};
use crate::domain::notification::{About, Notification};

/// The labels of an alert: together they are its identity, so nothing that changes while a problem lasts is among them.
/// Labels without a value are left out.
pub(super) fn labels(notification: &Notification) -> BTreeMap<&'static str, String> {
    let about = &notification.page.labels;
    let optional = [
        ("integration", about.integration.as_ref().map(ToString::to_string)),
        ("credential", about.credential.as_ref().map(ToString::to_string)),
        ("level", about.level.map(|level| level.to_string())),
        ("scm", about.scm.map(|scm| scm.to_string())),
        ("owner", about.owner.clone()),
    ];
    let own = [
        // As the shipped Prometheus rules name them, so that one route in Alertmanager serves both.
        ("alertname", format!("Snykwatch{}", notification.about.rule())),
        ("incident", notification.about.rule().to_owned()),
        ("severity", notification.severity.to_string()),
        ("subject", subject(&notification.about)),
    ];
    own.into_iter()
        .chain(optional.into_iter().filter_map(|(name, value)| Some((name, value?))))
        .map(|(name, value)| (name, unlinked(&clean_line(&value))))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// The cause, without its rule.
pub(super) fn subject(about: &About) -> String {
    match about {
        About::Incident(key) => key.subject.to_string(),
        About::Receiver(name) | About::Test(name) => format!("receiver/{name}"),
        About::Digest(route) => format!("route/{route}"),
    }
}
