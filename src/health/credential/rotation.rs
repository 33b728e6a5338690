//! When a credential was last rotated, and what became of the token before.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::decisions::{Decisions, PlanKind};
use crate::domain::fleet::Thresholds;
use crate::domain::kinds::Scm;
use crate::domain::rotation::{EndedBy, OldToken, RotationSource, TokenEnd};

use super::Claims;

/// The admin API tells the last use to the day; twice that without a use is disuse.
const DISUSE: TimeDelta = TimeDelta::hours(48);

/// The longest life that the host gives a token.
const fn longest_life(scm: Scm) -> TimeDelta {
    match scm {
        Scm::BitbucketCloud => TimeDelta::days(365),
    }
}

/// The last known rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::health) struct Sign {
    /// The earliest instant at which the new token can have been saved.
    pub(in crate::health) at: DateTime<Utc>,
    pub(in crate::health) source: RotationSource,
    /// When there was something to see of it first: what was read earlier says nothing about it.
    pub(in crate::health) seen_at: DateTime<Utc>,
    pub(in crate::health) old: OldToken,
}

impl Claims<'_> {
    /// The last rotation of the PAT: the admin API's word, then the declared time, then the first use of the new one.
    pub(in crate::health) fn rotation(&self, thresholds: &Thresholds, decisions: &Decisions) -> Option<Sign> {
        let (at, source, seen_at) =
            self.by_admin().or_else(|| self.by_declaration()).or_else(|| self.by_first_use(thresholds))?;
        let old = self.old_token(at, seen_at, decisions);
        Some(Sign { at, source, seen_at, old })
    }

    /// When our copy was seen to change. An observer's says nothing of the token in Snyk.
    fn noticed_at(&self) -> Option<DateTime<Utc>> {
        let rotated_from = self.memory.filter(|_| !self.is_observer())?.rotated_from.as_ref();
        rotated_from.map(|(_, noticed_at)| *noticed_at)
    }

    /// A token's creation is a rotation only where an older one was seen before it. It does not age as other evidence
    /// does.
    fn by_admin(&self) -> Option<(DateTime<Utc>, RotationSource, DateTime<Utc>)> {
        let evidence = self.evidence?.listed_token.as_ref().filter(|evidence| evidence.value.found)?;
        let created_at = evidence.value.created_at.filter(|at| *at <= self.now)?;
        if !self.is_observer() && self.is_before_rotation(evidence.observed_at) {
            return None;
        }
        let memory = self.memory?;
        let before = memory.listed_before.as_ref().filter(|before| before.created_at < created_at);
        let was_ours_older = !self.is_observer() && memory.first_used_at.is_some_and(|at| at < created_at);
        let noticed_at = self.noticed_at();
        if before.is_none() && !was_ours_older && noticed_at.is_none() {
            return None;
        }
        let listed_at = before.map(|before| before.replaced_at);
        let seen_at = noticed_at.filter(|at| *at >= created_at).or(listed_at).unwrap_or(created_at);
        Some((created_at, RotationSource::AdminApi, seen_at.max(created_at)))
    }

    /// A declared time from before the token that was replaced was in use speaks of an earlier rotation.
    fn by_declaration(&self) -> Option<(DateTime<Utc>, RotationSource, DateTime<Utc>)> {
        let declared_at = self.watched.rotated_at.filter(|at| *at <= self.now)?;
        let Some(noticed_at) = self.noticed_at() else {
            return Some((declared_at, RotationSource::Declared, declared_at));
        };
        let previous = self.memory.and_then(|memory| memory.previous_first_used_at);
        if declared_at > noticed_at {
            Some((declared_at, RotationSource::Declared, declared_at))
        } else if previous.is_some_and(|previous| declared_at > previous) {
            // Seen here too: declared is only its time.
            Some((declared_at, RotationSource::FirstUse, noticed_at))
        } else {
            None
        }
    }

    fn by_first_use(&self, thresholds: &Thresholds) -> Option<(DateTime<Utc>, RotationSource, DateTime<Utc>)> {
        self.noticed_at()?;
        let memory = self.memory?;
        let seen_at = memory.first_used_at?;
        let by_first_use = seen_at - thresholds.rotation_uncertainty;
        // While we were not watching, it can have been as early as the last use of the token before.
        let at = memory.previous_used_at.map_or(by_first_use, |used_at| used_at.min(by_first_use));
        Some((at, RotationSource::FirstUse, seen_at))
    }

    fn old_token(&self, at: DateTime<Utc>, seen_at: DateTime<Utc>, decisions: &Decisions) -> OldToken {
        let memory = self.memory.filter(|_| self.noticed_at().is_some());
        let listed =
            self.memory.and_then(|memory| memory.listed_before.as_ref()).filter(|listed| listed.created_at < at);
        let last_accepted_at = memory.and_then(|memory| memory.previous_accepted_at.max(memory.previous_used_at));
        let expires_at =
            memory.and_then(|memory| memory.previous_expiry).or(listed.and_then(|listed| listed.expires_at));
        let dead_by = last_accepted_at.or(listed.map(|listed| listed.listed_at)).unwrap_or(seen_at)
            + longest_life(self.watched.scm);
        let revoked = decisions.plans.values().filter(|plan| {
            plan.kind == PlanKind::Rotate && plan.revoked && plan.credentials.contains(self.name) && plan.from >= at
        });
        let revoked_at = revoked.map(|plan| plan.from).min().filter(|at| *at <= self.now);
        // Only where we ask with another token does its last use speak of Snyk.
        let unused_at = listed.filter(|_| self.is_observer()).and_then(|listed| {
            let disused_at = listed.last_active_at? + DISUSE;
            (disused_at <= listed.listed_at).then_some(disused_at)
        });
        // A date that passed while the token was still accepted was wrong; and a wrong clock of ours proves no date.
        let has_passed = |date: &DateTime<Utc>| {
            *date <= self.now && self.skew.is_none() && last_accepted_at.is_none_or(|accepted_at| accepted_at < *date)
        };
        let ends = [
            (memory.and_then(|memory| memory.previous_rejected_at), EndedBy::Rejected),
            (revoked_at, EndedBy::Revoked),
            (unused_at, EndedBy::Unused),
            (expires_at.filter(has_passed), EndedBy::Expired),
            (Some(dead_by).filter(has_passed), EndedBy::LongestLife),
        ];
        let ends = ends.into_iter().filter_map(|(at, by)| at.map(|at| TokenEnd { at, by }));
        OldToken {
            last_accepted_at,
            expires_at,
            ended: ends.min_by_key(|end| end.at),
            dead_by: expires_at.is_none().then_some(dead_by),
        }
    }
}
