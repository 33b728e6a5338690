//! Recomputes every verdict: credentials first, then each integration at its level.

mod admission;
mod credentials;
mod describe;
mod rotations;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::decisions::Decisions;
use crate::domain::evidence::{EvidenceBook, GroupEvidence, Part};
use crate::domain::fleet::{Fleet, Thresholds, WatchedGroup, WatchedIntegration, WatchedOrganizations};
use crate::domain::kinds::Truth;
use crate::domain::loss::NamespaceVisibility;
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName, Revision};
use crate::domain::state::{CredentialState, GroupMemory, MassVanishing, State, Transition, Vanishing};

use super::access::{accessible, token_accepted};
use super::clocks::Recorder;
use super::credential::{Claims, Movement, Use};
use super::emptied;
use super::group::{GroupCase, GroupVerdicts, ProfileVerdicts};
use super::loss;
use super::organization::{self, Accepted, CredentialVerdicts, OrganizationCase, conclude};
use super::status::Ever;
use super::subjects;
use super::vanishing::{is_missing, settle};
use super::verdict::{Verdict, slot};
use super::words::moment;
use admission::admit;

/// Recomputes every condition, status and credential verdict at `now`, and returns what changed.
///
/// Idempotent: a second call at the same instant changes nothing and returns nothing.
pub fn evaluate(state: &mut State, fleet: &Fleet, now: DateTime<Utc>) -> Vec<Transition> {
    settle(state, fleet, now);
    admit(state, fleet, now);
    loss::settle_again(state, fleet, now);
    let State { evidence, integrations, credentials, vanishing, mass_vanishing, attention, decisions, .. } = state;
    credentials::refresh(evidence, credentials, fleet, &attention.gaps, decisions, now);
    let view = View { evidence, credentials, decisions, vanishing, mass_vanishing, fleet, now };
    let mut transitions = Vec::new();
    // What a profile's assets prove of its credential holds for Organizations with that credential too.
    let mut uses = Uses::of(fleet);
    for (key, integration) in integrations.iter_mut().filter(|(key, _)| key.organization.is_none()) {
        let Some(watched) = fleet.integrations.get(&key.integration) else { continue };
        let Some(group) = &watched.group else { continue };
        let recorder = Recorder { key, state: integration, transitions: &mut transitions, revision: None, now };
        for (credential, movement) in view.group(recorder, watched, group) {
            uses.add(credential, movement);
        }
    }
    let shared: BTreeMap<&IntegrationName, Shared<'_>> = fleet
        .integrations
        .iter()
        .filter_map(|(name, integration)| {
            let watched = integration.organizations.as_ref()?;
            Some((name, view.shared(name, integration, watched, &uses)))
        })
        .collect();
    for (key, integration) in integrations.iter_mut().filter(|(key, _)| key.organization.is_some()) {
        let Some(watched) = fleet.integrations.get(&key.integration) else { continue };
        let Some(shared) = shared.get(&key.integration) else { continue };
        let recorder = Recorder { key, state: integration, transitions: &mut transitions, revision: None, now };
        view.organization(recorder, watched, shared);
    }
    rotations::sort(credentials, integrations, fleet, now);
    transitions
}

/// What was done with each credential that a profile has.
struct Uses(BTreeMap<CredentialName, Option<Movement>>);

impl Uses {
    fn of(fleet: &Fleet) -> Self {
        let groups = fleet.integrations.values().filter_map(|watched| watched.group.as_ref());
        let profiles = groups.flat_map(|group| group.profiles.values());
        Self(profiles.map(|profile| (profile.credential.clone(), None)).collect())
    }

    /// The last movement proves most.
    fn add(&mut self, credential: &CredentialName, movement: Movement) {
        let known = self.0.entry(credential.clone()).or_default();
        if known.is_none_or(|known| known.at < movement.at) {
            *known = Some(movement);
        }
    }

    fn by(&self, credential: &CredentialName) -> Use {
        self.0.get(credential).map_or(Use::Nobody, |movement| Use::Profile(*movement))
    }
}

/// What the Organizations of one configuration key share.
struct Shared<'a> {
    token: Verdict,
    credentials: BTreeMap<&'a CredentialName, (CredentialVerdicts, Option<Revision>)>,
    watched: &'a WatchedOrganizations,
}

/// Everything that is read.
#[derive(Clone, Copy)]
struct View<'a> {
    evidence: &'a EvidenceBook,
    credentials: &'a BTreeMap<CredentialName, CredentialState>,
    decisions: &'a Decisions,
    vanishing: &'a BTreeMap<IntegrationKey, Vanishing>,
    mass_vanishing: &'a BTreeMap<IntegrationName, MassVanishing>,
    fleet: &'a Fleet,
    now: DateTime<Utc>,
}

impl<'a> View<'a> {
    fn token(&self, name: &CredentialName) -> Verdict {
        token_accepted(name, self.evidence.snyk_tokens.get(name), self.credentials.get(name), self.now)
    }

    fn claims(&self, name: &'a CredentialName, thresholds: &Thresholds) -> Option<Claims<'a>> {
        let watched = self.fleet.scm_credentials.get(name)?;
        Some(Claims {
            name,
            watched,
            evidence: self.evidence.scm_credentials.get(name),
            memory: self.credentials.get(name),
            skew: self.evidence.clock_off_at(&watched.api, thresholds.clock_skew, self.now),
            max_lag: thresholds.max_lag,
            now: self.now,
        })
    }

    fn shared(
        &self,
        key: &IntegrationName,
        integration: &'a WatchedIntegration,
        watched: &'a WatchedOrganizations,
        uses: &Uses,
    ) -> Shared<'a> {
        let names = std::iter::once(&watched.credential).chain(watched.overrides.values());
        let credentials = names
            .filter_map(|name| {
                let claims = self.claims(name, &integration.thresholds)?;
                let verdicts = credential_verdicts(&claims, integration, watched, uses.by(name));
                Some((name, (verdicts, subjects::of_organizations(self.fleet, key, name))))
            })
            .collect();
        Shared { token: self.token(&watched.snyk), credentials, watched }
    }

    /// Judges a Group integration, and returns the last movement of each profile's credential.
    fn group(
        &self,
        mut recorder: Recorder<'_>,
        watched: &'a WatchedIntegration,
        group: &'a WatchedGroup,
    ) -> Vec<(&'a CredentialName, Movement)> {
        let evidence = self.evidence.groups.get(&recorder.key.integration);
        let set_up_at = group.configured_at.unwrap_or(recorder.state.first_seen_at);
        let token = self.token(&group.snyk);
        let api = self.fleet.snyk_tokens.get(&group.snyk).map(|token| &token.api);
        recorder.revision = subjects::of_group(self.fleet, group);
        let memory = std::mem::take(&mut recorder.state.group);
        let mut accessible = self.group_accessible(&recorder.key.integration, &token, evidence, &memory);
        accessible.confirming |= recorder.state.denied_at.is_some();
        let claims: BTreeMap<_, _> = group
            .profiles
            .iter()
            .filter_map(|(name, profile)| Some((name, self.claims(&profile.credential, &watched.thresholds)?)))
            .collect();
        let judge = |memory: &GroupMemory| {
            GroupCase {
                integration: watched,
                group,
                evidence,
                memory,
                accessible: accessible.clone(),
                claims: claims.clone(),
                is_skewed: api.is_some_and(|api| {
                    self.evidence.clock_off_at(api, watched.thresholds.clock_skew, self.now).is_some()
                }),
                set_up_at,
                accepted: self.decisions.accepted_assets(&recorder.key.integration),
                now: self.now,
            }
            .judge()
        };
        let mut memory = memory;
        let mut verdicts = judge(&memory);
        // Once the first fill is complete, what came lately is excused: that shows at once.
        if memory.first_fill_completed_at != verdicts.remembered.first_fill_completed_at {
            memory.first_fill_completed_at = verdicts.remembered.first_fill_completed_at;
            memory.was_populated = verdicts.remembered.populated == Ever::Once;
            verdicts = judge(&memory);
        }
        recorder.state.group = memory;
        let remembered = verdicts.remembered;
        recorder.state.group.was_populated = remembered.populated == Ever::Once;
        recorder.state.group.first_fill_completed_at = remembered.first_fill_completed_at;
        remember_namespaces(&mut recorder.state.group, &verdicts, self.now);
        if verdicts.progress.is_some() {
            recorder.state.progress.clone_from(&verdicts.progress);
        }
        let described = describe::group(&verdicts, watched, recorder.state, set_up_at, self.now);
        recorder.conditions(verdicts.conditions);
        recorder.status(described, watched.thresholds.connected_for);
        let moved =
            |profile: &ProfileVerdicts| Some((&group.profiles.get(&profile.name)?.credential, profile.movement?));
        verdicts.profiles.iter().filter_map(moved).collect()
    }

    fn group_accessible(
        &self,
        name: &IntegrationName,
        token: &Verdict,
        evidence: Option<&GroupEvidence>,
        memory: &GroupMemory,
    ) -> Verdict {
        let access = slot(evidence, Part::Access, |book| &book.access);
        let verdict = accessible(token, &access, "the Group", self.now);
        let known = emptied::Known { evidence: self.evidence, vanishing: self.vanishing, memory };
        let emptied = || emptied::verdict(&known, name, self.now);
        if verdict.truth == Truth::True { emptied().unwrap_or(verdict) } else { verdict }
    }

    fn vanished(&self, key: &IntegrationKey, vanishing: &Vanishing) -> Verdict {
        let mass = self
            .mass_vanishing
            .get(&key.integration)
            .map(|mass| format!("; {} of {} Organizations are missing from it at once", mass.vanished, mass.watched));
        let listed = vanishing.listed_at.map_or_else(String::new, |at| format!(" (last listed {})", moment(at)));
        let message = format!(
            "the Group's complete listing of {} no longer has it{listed}{}",
            moment(vanishing.since),
            mass.unwrap_or_default()
        );
        Verdict::unknown(Reason::OrganizationsVanished, message)
    }

    fn organization(&self, mut recorder: Recorder<'_>, watched: &'a WatchedIntegration, shared: &Shared<'a>) {
        let Some(organization) = recorder.key.organization else { return };
        let credential = shared.watched.credential_of(organization);
        let Some((credential, revision)) = shared.credentials.get(credential) else { return };
        recorder.revision = *revision;
        let evidence = self.evidence.organizations.get(recorder.key);
        let group = watched.group.as_ref().map(|group| group.id);
        let mut accessible = match is_missing(self.vanishing, self.evidence, recorder.key, group, self.now) {
            Some(vanishing) => self.vanished(recorder.key, vanishing),
            None => accessible(
                &shared.token,
                &slot(evidence, Part::Access, |book| &book.access),
                "the Organization",
                self.now,
            ),
        };
        accessible.confirming |= recorder.state.denied_at.is_some();
        let api = self.fleet.snyk_tokens.get(&shared.watched.snyk).map(|token| &token.api);
        organization::settle(&mut recorder.state.organization, evidence, watched, self.now);
        let verdicts = OrganizationCase {
            accepted: Accepted { decisions: self.decisions, organization },
            scm: watched.scm,
            is_required: shared.watched.require.contains(&organization),
            is_skewed: api
                .is_some_and(|api| self.evidence.clock_off_at(api, watched.thresholds.clock_skew, self.now).is_some()),
            thresholds: &watched.thresholds,
            evidence,
            memory: &recorder.state.organization,
            accessible,
            credential,
            now: self.now,
        }
        .judge();
        let described = describe::organization(&verdicts, watched);
        conclude(&mut recorder.state.organization, evidence, &verdicts);
        recorder.conditions(verdicts.conditions);
        recorder.status(described, watched.thresholds.connected_for);
    }
}

/// Notes in the memory of each namespace what was judged of it. One that was never walked has none yet.
fn remember_namespaces(memory: &mut GroupMemory, verdicts: &GroupVerdicts, now: DateTime<Utc>) {
    for (profile, judged) in &verdicts.namespaces {
        let Some(memory) = memory.profiles.get_mut(profile) else { continue };
        for one in judged {
            let Some(known) = memory.namespaces.get_mut(&one.slug) else { continue };
            known.was_eligible = one.remembered.was_eligible;
            known.was_populated = one.remembered.was_populated;
            known.is_incomplete = one.remembered.is_incomplete;
            known.inventory_lost_at = one.remembered.inventory_lost_at;
            let (truth, reason) = (one.visible.truth, one.visible.reason);
            let before = known.visible.as_ref().filter(|before| (before.truth, before.reason) == (truth, reason));
            let since = before.map_or(now, |before| before.since);
            let message = one.visible.message.clone();
            known.visible = Some(NamespaceVisibility { truth, reason, message, since });
        }
    }
}

fn credential_verdicts(
    claims: &Claims<'_>,
    integration: &WatchedIntegration,
    watched: &WatchedOrganizations,
    used: Use,
) -> CredentialVerdicts {
    CredentialVerdicts {
        valid: claims.valid_by(used),
        fresh: claims.fresh(&integration.thresholds),
        permissions: claims.permissions(&watched.permissions.required),
        rotation: claims.memory.and_then(|memory| memory.rotation.clone()),
        scm: claims.watched.scm,
    }
}
