//! The published view: everything that metrics, pages and the API show, taken from the state at one instant.
//!
//! - A **snapshot** is built by one pure function, [`Snapshot::build`], from what is watched (the fleet) and what is
//!   remembered (the state). It is complete: a reader never looks anything up elsewhere, so all that it shows belongs
//!   to one instant.
//! - A **view** is one integration, credential, incident or API in it. Views are shared: a view that shows the same as
//!   in the snapshot before *is* the same allocation, so ten thousand quiet Organizations cost nothing anew.
//! - **Telling** is what a snapshot needs to say who is told of an incident and why not: what decides it (`notify`) and
//!   how the receivers do (`deliver`). A single pass tells nobody, and has none.
//! - The **publisher** is the only writer; every **reader** gets the latest snapshot without waiting for anybody.
//!
//! Deliberately not here: verdicts (they come from `health`, this module repeats them), history, and secrets (a
//! credential is shown by name, kind and dates; neither the secret nor its keyed hash is part of a view).

mod credential;
mod incident;
mod integration;
mod publisher;
#[cfg(test)]
pub(crate) mod sample;
mod tally;
mod telling;
mod unseen;
mod upstream;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::fleet::Fleet;
use crate::domain::incident::IncidentKey;
use crate::domain::names::{CredentialName, IntegrationKey};
use crate::domain::state::State;

pub use credential::{CredentialUse, CredentialView, PermissionView, Requirement, RotationView, WriteAccess};
pub use incident::{IncidentView, Phase, SilencedBy};
pub use integration::{ConditionView, Identity, IntegrationView, ProgressView};
pub use publisher::{Published, SnapshotPublisher, SnapshotReader};
pub use tally::{Tally, WebhookTally};
pub use telling::{DeliveryMode, DeliveryView, FailureView, MaintenanceView, ReceiverView, SilenceView, Telling};
pub use unseen::UnseenView;
pub use upstream::ApiView;

/// What a snapshot says of the daemon that took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Own {
    /// The version of snykwatch.
    pub version: &'static str,
    /// When this process began, in domain time. Evidence older than this was restored, not observed by it.
    pub started_at: DateTime<Utc>,
}

/// The published view of everything at one instant.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// When it was taken, in domain time.
    pub taken_at: DateTime<Utc>,
    /// Who took it.
    pub own: Own,
    /// Every watched integration, by configuration key, the Group before its Organizations.
    pub integrations: Vec<Arc<IntegrationView>>,
    /// What the configuration asks for and could not be looked at; it counts as unknown.
    pub unseen: Vec<UnseenView>,
    /// Every credential, Snyk tokens included, by name.
    pub credentials: Vec<Arc<CredentialView>>,
    /// Pending and open incidents, worst first.
    pub incidents: Vec<Arc<IncidentView>>,
    /// Every upstream API that was asked at least once, by name.
    pub apis: Vec<ApiView>,
    /// How people are told; `None` where nobody is (one pass).
    pub delivery: Option<DeliveryView>,
    /// What is wrong with the store, or was and is mended; `None`: nothing.
    pub store_trouble: Option<String>,
    /// What is wrong with our own clock; `None`: nothing that lasts.
    pub clock_trouble: Option<String>,
}

impl Snapshot {
    /// Takes a snapshot. What `state` still remembers of integrations and credentials that `fleet` no longer has is
    /// left out; what `fleet` has and `state` does not know yet is there, as unknown.
    pub fn build(fleet: &Fleet, state: &State, now: DateTime<Utc>, own: Own) -> Self {
        Self::build_after(None, fleet, state, None, now, own)
    }

    /// The same with who is told of what, sharing with `previous` the views that show nothing new.
    pub fn build_after(
        previous: Option<&Self>,
        fleet: &Fleet,
        state: &State,
        telling: Option<&Telling<'_>>,
        now: DateTime<Utc>,
        own: Own,
    ) -> Self {
        let before = Before::of(previous);
        let integrations = integration::views(fleet, state, &before.integrations, &own);
        let credentials = credential::views(fleet, state, &before.credentials, now, &integrations);
        let delivery = telling.map(|telling| DeliveryView::new(state, telling));
        let incidents = incident::views(state, &before.incidents, telling.zip(delivery.as_ref()), now);
        let apis = upstream::views(state);
        let unseen = unseen::views(fleet, state, now);
        Self {
            taken_at: now,
            own,
            integrations,
            unseen,
            credentials,
            incidents,
            apis,
            delivery,
            store_trouble: None,
            clock_trouble: None,
        }
    }

    /// The view of one integration.
    pub fn integration(&self, key: &IntegrationKey) -> Option<&Arc<IntegrationView>> {
        let place = self.integrations.binary_search_by(|view| view.key().cmp(key)).ok()?;
        self.integrations.get(place)
    }
}

/// The views of the snapshot before, by what they are about.
#[derive(Default)]
struct Before<'a> {
    integrations: BTreeMap<IntegrationKey, &'a Arc<IntegrationView>>,
    credentials: BTreeMap<CredentialName, &'a Arc<CredentialView>>,
    incidents: BTreeMap<IncidentKey, &'a Arc<IncidentView>>,
}

impl<'a> Before<'a> {
    fn of(previous: Option<&'a Snapshot>) -> Self {
        let Some(previous) = previous else { return Self::default() };
        Self {
            integrations: previous.integrations.iter().map(|view| (view.key(), view)).collect(),
            credentials: previous.credentials.iter().map(|view| (view.credential.clone(), view)).collect(),
            incidents: previous.incidents.iter().map(|view| (view.key.clone(), view)).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
