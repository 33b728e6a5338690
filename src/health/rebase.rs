//! What a jump of the wall clock does to stored times.
//!
//! Ages and clocks must stay what they were, so every time that came from our own clock moves with it. Times that an API
//! or the operator gave (syncs, changes, expiries, declared dates) are right as they are.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::attention::Attention;
use crate::domain::evidence::{Evidence, EvidenceBook, Slot};
use crate::domain::incident::IncidentPhase;
use crate::domain::state::{CredentialState, IntegrationState, State, Vanishing};

/// Moves every time that our own clock gave by `delta`.
pub fn rebase(state: &mut State, delta: TimeDelta) {
    let shift = Shift(delta);
    shift.evidence(&mut state.evidence);
    for integration in state.integrations.values_mut() {
        shift.integration(integration);
    }
    for credential in state.credentials.values_mut() {
        shift.credential(credential);
    }
    for incident in state.incidents.values_mut() {
        shift.time(&mut incident.since);
        if let IncidentPhase::Open { opened_at } = &mut incident.phase {
            shift.time(opened_at);
        }
        incident.tracking.onsets.values_mut().for_each(|at| shift.time(at));
    }
    for resolved in state.resolved_causes.values_mut() {
        shift.time(&mut resolved.at);
    }
    for baseline in state.baselines.values_mut() {
        shift.maybe(&mut baseline.taken_at);
    }
    for vanishing in state.vanishing.values_mut() {
        shift.vanishing(vanishing);
    }
    for vanishing in state.mass_vanishing.values_mut() {
        shift.time(&mut vanishing.since);
    }
    shift.attention(&mut state.attention);
}

struct Shift(TimeDelta);

impl Shift {
    fn time(&self, at: &mut DateTime<Utc>) {
        *at += self.0;
    }

    fn maybe(&self, at: &mut Option<DateTime<Utc>>) {
        if let Some(at) = at {
            self.time(at);
        }
    }

    fn slot<T>(&self, slot: &mut Slot<T>) {
        if let Some(evidence) = slot {
            self.fact(evidence);
        }
    }

    fn fact<T>(&self, evidence: &mut Evidence<T>) {
        self.time(&mut evidence.observed_at);
    }

    fn evidence(&self, book: &mut EvidenceBook) {
        for token in book.snyk_tokens.values_mut() {
            self.slot(&mut token.authentication);
            self.slot(&mut token.expiry);
        }
        for credential in book.scm_credentials.values_mut() {
            self.slot(&mut credential.authentication);
            self.slot(&mut credential.expiry);
            self.slot(&mut credential.listed_token);
            credential.permissions.values_mut().for_each(|evidence| self.fact(evidence));
        }
        for group in book.groups.values_mut() {
            self.slot(&mut group.access);
            self.slot(&mut group.assets);
            self.slot(&mut group.catalog);
            self.slot(&mut group.organizations);
            for profile in group.profiles.values_mut() {
                self.slot(&mut profile.workspaces);
                self.slot(&mut profile.repositories);
            }
        }
        for organization in book.organizations.values_mut() {
            self.slot(&mut organization.access);
            self.slot(&mut organization.presence);
            self.slot(&mut organization.imports);
            self.slot(&mut organization.events);
            self.slot(&mut organization.webhooks);
        }
        for api in book.apis.values_mut() {
            self.maybe(&mut api.last_conclusive_at);
            self.maybe(&mut api.inconclusive_since);
            api.version_ending.iter_mut().for_each(|ending| self.time(&mut ending.seen_at));
        }
    }

    fn vanishing(&self, vanishing: &mut Vanishing) {
        let Vanishing { since, at, listings: _, listed_at } = vanishing;
        self.time(since);
        self.time(at);
        self.maybe(listed_at);
    }

    fn integration(&self, integration: &mut IntegrationState) {
        self.time(&mut integration.first_seen_at);
        self.maybe(&mut integration.asking_again_since);
        self.maybe(&mut integration.denied_at);
        for condition in integration.conditions.values_mut() {
            self.time(&mut condition.since);
            self.maybe(&mut condition.observed_at);
            self.maybe(&mut condition.valid_until);
        }
        if let Some(status) = &mut integration.status {
            self.time(&mut status.since);
            self.maybe(&mut status.last_connected_at);
            self.maybe(&mut status.valid_until);
            status.known.iter_mut().for_each(|known| self.time(&mut known.since));
        }
        let group = &mut integration.group;
        self.maybe(&mut group.first_fill_completed_at);
        self.maybe(&mut group.connected_since);
        self.maybe(&mut group.profile_deleted_at);
        self.maybe(&mut group.walked_before);
        self.maybe(&mut group.nothing_ended_at);
        group.profiles.values_mut().for_each(|profile| profile.shift(self.0));
        group.arrivals.iter_mut().for_each(|arrival| self.time(&mut arrival.at));
        group.deleted_profiles.values_mut().for_each(|deleted| self.time(&mut deleted.at));
        // The epoch stands for "before we looked".
        let ages = Arc::make_mut(&mut group.repository_ages);
        let seen = ages.values_mut().filter(|age| age.seen_at > DateTime::UNIX_EPOCH);
        seen.for_each(|age| self.time(&mut age.seen_at));
        integration.organization.shift(self.0);
    }

    /// Begin and end of a silence are what people said: they stay.
    fn attention(&self, attention: &mut Attention) {
        for announcement in attention.announcements.values_mut() {
            self.time(&mut announcement.opened_at);
            self.time(&mut announcement.since);
            self.time(&mut announcement.changed.at);
            for told in announcement.receivers.values_mut() {
                self.time(&mut told.at);
                self.maybe(&mut told.grown_at);
                self.maybe(&mut told.acknowledged_at);
            }
        }
        for acknowledgement in attention.acknowledgements.values_mut() {
            self.time(&mut acknowledgement.opened_at);
            self.time(&mut acknowledgement.at);
        }
        for gap in &mut attention.gaps {
            self.time(&mut gap.from);
            self.time(&mut gap.to);
        }
        for recurrence in attention.recurrences.values_mut() {
            for opening in &mut recurrence.openings {
                self.time(&mut opening.opened_at);
                self.time(&mut opening.since);
            }
            self.maybe(&mut recurrence.well_since);
        }
        for digest in attention.digests.values_mut() {
            self.time(&mut digest.at);
            for entry in digest.problems.values_mut() {
                self.time(&mut entry.opened_at);
                self.maybe(&mut entry.ended_at);
            }
        }
    }

    fn credential(&self, credential: &mut CredentialState) {
        self.maybe(&mut credential.first_used_at);
        self.maybe(&mut credential.previous_used_at);
        self.maybe(&mut credential.rejected_since);
        self.maybe(&mut credential.previous_first_used_at);
        self.maybe(&mut credential.previous_accepted_at);
        self.maybe(&mut credential.previous_rejected_since);
        self.maybe(&mut credential.previous_rejected_at);
        credential.doubted.values_mut().for_each(|at| self.time(at));
        if let Some(before) = &mut credential.listed_before {
            self.time(&mut before.listed_at);
            self.time(&mut before.replaced_at);
        }
        if let Some(rotation) = &mut credential.rotation {
            self.time(&mut rotation.seen_at);
            self.maybe(&mut rotation.done_at);
        }
        credential.in_snyk.iter_mut().for_each(|verdict| self.maybe(&mut verdict.since));
        self.maybe(&mut credential.valid.since);
        credential.rotated_from.iter_mut().for_each(|(_, at)| self.time(at));
        credential.confirming.iter_mut().for_each(|(at, _)| self.time(at));
    }
}
