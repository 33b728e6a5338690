//! What a step of the wall clock does to stored times.
//!
//! Ages and clocks must stay what they were, so every time that came from our own clock moves with it: the "now" from
//! which a silence or a plan holds, and the end of what was asked for as a span, too. Times that an API or a person gave
//! (syncs, changes, expiries, declared dates, the end of a silence or a plan that was named) are right as they are.
//!
//! Every structure is named field by field: a new time cannot be forgotten.

mod attention;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::ConditionState;
use crate::domain::decisions::{Answer, Decisions, Plan};
use crate::domain::evidence::{Evidence, EvidenceBook, FailedAttempt};
use crate::domain::facts::{ApiFacts, RepositorySet, Unread};
use crate::domain::incident::{IncidentPhase, IncidentState, IncidentTracking, ResolvedCause};
use crate::domain::rotation::Rotation;
use crate::domain::state::{
    Arrival, AssetMemory, Baseline, CredentialState, CredentialVerdict, DeletedProfile, GroupMemory, IntegrationState,
    ListedBefore, MassVanishing, RepositoryAge, State, Vanishing,
};
use crate::domain::status::{KnownStatus, StatusState};

use super::resume::SHORTEST_GAP;

/// Moves every time that our own clock gave by `step`.
pub fn rebase(state: &mut State, step: TimeDelta) {
    Shift { by: step, after: DateTime::<Utc>::MIN_UTC }.state(state);
}

/// Takes back that the clock was set forward at `set_at`, by moving what was noted since by `step`. What is left of a gap
/// that the step made is what it really was, if anything; what was noted before it is right as it is.
pub fn take_back(state: &mut State, set_at: DateTime<Utc>, step: TimeDelta) {
    Shift { by: step, after: set_at }.state(state);
    state.attention.gaps.retain(|gap| gap.to - gap.from > SHORTEST_GAP);
}

/// Brings back what a clock that ran ahead stored before this start, last at `from`: now that ours is known to be right,
/// nothing of ours lies ahead of it. Spans stay; how long nobody watched, nobody knows.
pub fn bring_back(state: &mut State, from: DateTime<Utc>, now: DateTime<Utc>) {
    take_back(state, now, now - from);
}

/// The same for how long the APIs were asked in vain, which is a span by whatever clock.
pub(super) fn bring_back_trying(state: &mut State, from: DateTime<Utc>, now: DateTime<Utc>) {
    let shift = Shift { by: now - from, after: now };
    state.evidence.apis.values_mut().for_each(|facts| shift.api(facts));
}

struct Shift {
    by: TimeDelta,
    /// Earlier times are right.
    after: DateTime<Utc>,
}

impl Shift {
    fn state(&self, state: &mut State) {
        let State {
            evidence,
            integrations,
            credentials,
            incidents,
            resolved_causes,
            vanishing,
            baselines,
            mass_vanishing,
            subjects: _,
            attention,
            decisions,
        } = state;
        self.evidence(evidence);
        for integration in integrations.values_mut() {
            self.integration(integration);
        }
        for credential in credentials.values_mut() {
            self.credential(credential);
        }
        for incident in incidents.values_mut() {
            self.incident(incident);
        }
        for ResolvedCause { at, case: _, affected: _ } in resolved_causes.values_mut() {
            self.time(at);
        }
        for Baseline { taken_at, problems: _ } in baselines.values_mut() {
            self.maybe(taken_at);
        }
        for vanishing in vanishing.values_mut() {
            self.vanishing(vanishing);
        }
        for MassVanishing { since, confirmed: _, vanished: _, watched: _ } in mass_vanishing.values_mut() {
            self.time(since);
        }
        self.attention(attention);
        let Decisions { answers, plans } = decisions;
        for Answer { incident: _, verdict: _, items: _, author: _, reason: _, at } in answers.values_mut() {
            self.time(at);
        }
        for plan in plans.values_mut() {
            // It holds from the moment on in which it was made; until when is what people said.
            let Plan {
                kind: _,
                pattern: _,
                repositories: _,
                organizations: _,
                credentials: _,
                revoked: _,
                from,
                until: _,
                author: _,
                reason: _,
            } = plan;
            self.time(from);
        }
    }

    fn time(&self, at: &mut DateTime<Utc>) {
        if *at > self.after {
            *at += self.by;
        }
    }

    fn times<'a>(&self, times: impl Iterator<Item = &'a mut DateTime<Utc>>) {
        for at in times {
            self.time(at);
        }
    }

    fn maybe(&self, at: &mut Option<DateTime<Utc>>) {
        if let Some(at) = at {
            self.time(at);
        }
    }

    fn evidence(&self, book: &mut EvidenceBook) {
        book.each(&mut |_, book| {
            book.retain(&mut |_, observed| {
                self.time(observed.observed_at);
                self.maybe(observed.restored_until);
                true
            });
            for FailedAttempt { since, at, reason: _, detail: _, end: _, revision: _ } in
                book.failures_mut().values_mut()
            {
                self.time(since);
                self.time(at);
            }
        });
        let profiles = book.groups.values_mut().flat_map(|group| group.profiles.values_mut());
        for Evidence { value, .. } in profiles.filter_map(|profile| profile.repositories.as_mut()) {
            let RepositorySet { repositories: _, walked_at, unread } = &**value;
            if walked_at.is_none() && unread.is_empty() {
                continue;
            }
            let set = Arc::make_mut(value);
            self.maybe(&mut set.walked_at);
            for Unread { read_at, since, reason: _, detail: _ } in set.unread.values_mut() {
                self.maybe(read_at);
                self.time(since);
            }
        }
        book.apis.values_mut().for_each(|facts| self.api(facts));
    }

    fn api(&self, facts: &mut ApiFacts) {
        let ApiFacts {
            last_conclusive_at,
            inconclusive_since,
            unreached_since,
            reached_since,
            last_failed_at,
            unasked_since,
            last_failure: _,
            version_ending,
            clock_skew,
            host: _,
        } = facts;
        self.maybe(last_conclusive_at);
        self.maybe(inconclusive_since);
        self.maybe(unreached_since);
        self.maybe(reached_since);
        self.maybe(last_failed_at);
        self.maybe(unasked_since);
        // Our clock minus the API's: ours has moved.
        *clock_skew = clock_skew.map(|skew| skew + self.by);
        for ending in version_ending.iter_mut() {
            self.time(&mut ending.seen_at);
        }
    }

    fn vanishing(&self, vanishing: &mut Vanishing) {
        let Vanishing { since, at, listings: _, listed_at } = vanishing;
        self.time(since);
        self.time(at);
        self.maybe(listed_at);
    }

    fn integration(&self, integration: &mut IntegrationState) {
        let IntegrationState {
            first_seen_at,
            snyk_name: _,
            conditions,
            status,
            // Made anew with the next evaluation.
            unanswered: _,
            progress: _,
            asking_again_since,
            denied_at,
            group,
            organization,
        } = integration;
        self.time(first_seen_at);
        self.maybe(asking_again_since);
        self.maybe(denied_at);
        for condition in conditions.values_mut() {
            self.condition(condition);
        }
        for status in status.iter_mut() {
            self.status(status);
        }
        self.group(group);
        organization.times().for_each(|at| self.time(at));
    }

    fn condition(&self, condition: &mut ConditionState) {
        let ConditionState {
            truth: _,
            reason: _,
            message: _,
            since,
            source: _,
            confidence: _,
            confirming: _,
            observed_at,
            valid_until,
            proof,
            observed_revision: _,
            restored: _,
        } = condition;
        self.time(since);
        self.maybe(observed_at);
        self.maybe(valid_until);
        for proof in proof.iter_mut() {
            proof.move_by(|at| self.time(at));
        }
    }

    fn status(&self, status: &mut StatusState) {
        let StatusState {
            status: _,
            reason: _,
            message: _,
            next_step: _,
            confidence: _,
            since,
            known,
            last_connected_at,
            // Snyk's own time of a sync or a test.
            last_proof_of_life_at: _,
            valid_until,
            restored: _,
        } = status;
        self.time(since);
        self.maybe(last_connected_at);
        self.maybe(valid_until);
        if let Some(KnownStatus { status: _, reason: _, since }) = known {
            self.time(since);
        }
    }

    fn group(&self, group: &mut GroupMemory) {
        let GroupMemory {
            was_populated: _,
            first_fill_completed_at,
            // When repositories changed and assets moved is the Git host's and Snyk's word.
            canaries: _,
            repository_ages,
            arrivals,
            last_asset_moved_at: _,
            connected_since,
            live_assets: _,
            profile_deleted_at,
            deleted_profiles,
            profiles,
            unexplained_organizations,
            ids_match: _,
            walked_before,
            no_assets_since,
            no_organizations_since,
            nothing_ended_at,
        } = group;
        self.maybe(walked_before);
        self.maybe(no_assets_since);
        self.maybe(no_organizations_since);
        self.maybe(nothing_ended_at);
        for profile in profiles.values_mut() {
            self.times(profile.times());
        }
        self.maybe(first_fill_completed_at);
        self.maybe(connected_since);
        self.maybe(profile_deleted_at);
        self.times(unexplained_organizations.values_mut());
        self.times(arrivals.iter_mut().map(|Arrival { at, found: _ }| at));
        self.times(deleted_profiles.values_mut().map(|DeletedProfile { at, gone: _, of: _ }| at));
        for age in Arc::make_mut(repository_ages).values_mut() {
            let RepositoryAge { seen_at, urls: _, was_eligible: _, asset, unseen_since } = age;
            self.maybe(unseen_since);
            if let AssetMemory::Gone { since } = asset {
                self.time(since);
            }
            // The epoch stands for "before we looked".
            if *seen_at > DateTime::UNIX_EPOCH {
                self.time(seen_at);
            }
        }
    }

    fn credential(&self, credential: &mut CredentialState) {
        let CredentialState {
            token_version: _,
            token_id: _,
            account: _,
            last_used_at,
            secret_version: _,
            declared_date: _,
            accepted_secret: _,
            previous_secret: _,
            rejected_since,
            first_used_at,
            rotated_from,
            previous_used_at,
            previous_first_used_at,
            previous_accepted_at,
            previous_rejected_since,
            previous_rejected_at,
            listed_before,
            rotation,
            declared_for: _,
            previous_expiry: _,
            confirming,
            doubted,
            valid,
            in_snyk,
            unlisted: _,
            expiry: _,
            expiry_source: _,
            declared: _,
            notes: _,
        } = credential;
        for at in [
            last_used_at,
            rejected_since,
            first_used_at,
            previous_used_at,
            previous_first_used_at,
            previous_accepted_at,
            previous_rejected_since,
            previous_rejected_at,
        ] {
            self.maybe(at);
        }
        self.times(rotated_from.iter_mut().map(|(_, at)| at));
        self.times(confirming.iter_mut().map(|(at, _)| at));
        self.times(doubted.values_mut());
        if let Some(before) = listed_before {
            // Its own dates are the administrators' word.
            let ListedBefore { created_at: _, expires_at: _, last_active_at: _, listed_at, replaced_at } = before;
            self.time(listed_at);
            self.time(replaced_at);
        }
        if let Some(rotation) = rotation {
            // When it was, and who saved it when, is worked out anew with each evaluation.
            let Rotation { at: _, source: _, seen_at, old: _, saved: _, outstanding: _, untold: _, unused: _, done_at } =
                rotation;
            self.time(seen_at);
            self.maybe(done_at);
        }
        for CredentialVerdict { truth: _, reason: _, message: _, since } in std::iter::once(valid).chain(in_snyk) {
            self.maybe(since);
        }
    }

    fn incident(&self, incident: &mut IncidentState) {
        let IncidentState {
            since,
            phase,
            severity: _,
            summary: _,
            next_step: _,
            affected: _,
            members: _,
            cause: _,
            deadline: _,
            tracking: IncidentTracking { revision: _, case: _, details: _, onsets, announced: _, step: _, unwatched },
        } = incident;
        self.time(since);
        if let IncidentPhase::Open { opened_at } = phase {
            if self.after > DateTime::<Utc>::MIN_UTC && *opened_at <= self.after {
                // The gap that the step made was shorter, or none.
                *unwatched = (*unwatched + self.by).max(TimeDelta::zero());
            }
            self.time(opened_at);
        }
        self.times(onsets.values_mut());
    }
}
