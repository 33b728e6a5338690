//! What a family of rules says of one possible incident.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::names::{IntegrationKey, OrganizationId};
use crate::domain::policy::{Case, RuleTiming};

/// A possible incident: what its rule says of it now.
pub(super) struct Candidate<'a> {
    pub(super) key: IncidentKey,
    /// Which row of the rule.
    pub(super) case: Case,
    pub(super) body: Body,
    /// The blast radius. A rule with members adds theirs.
    pub(super) affected: BTreeSet<IntegrationKey>,
    /// Organizations that an incident about one subject lists. A rule with members lists them by itself.
    pub(super) listed: Vec<OrganizationId>,
    /// The policy's row: the integration's own, or for a credential or an API the one that all integrations share.
    pub(super) timing: RuleTiming,
    /// How long after a cause of it is gone it needs to go by itself; `None`: its own delay.
    pub(super) repair_shows_after: Option<TimeDelta>,
    /// Closed-list words of what exactly is wrong.
    pub(super) details: Vec<String>,
    /// By when it gets worse.
    pub(super) deadline: Option<DateTime<Utc>>,
    /// Why it is resolved, once it is gone.
    pub(super) resolution: String,
    /// A second look agrees; until then it is pending whatever its delay.
    pub(super) is_confirmed: bool,
    /// The failure is the integration's own: a missing permission or workspace does not explain it.
    pub(super) unexplained: bool,
    /// Nothing but repositories that are seen no more is behind it.
    pub(super) is_loss: bool,
    /// Writes the text; asked only when there is something to tell.
    pub(super) describe: Box<dyn Fn(&Scene<'_>) -> Page + 'a>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(
        rule: Rule,
        subject: Subject,
        timing: RuleTiming,
        body: Body,
        describe: impl Fn(&Scene<'_>) -> Page + 'a,
    ) -> Self {
        Self {
            key: IncidentKey { rule, subject },
            case: Case::Default,
            body,
            affected: BTreeSet::new(),
            listed: Vec::new(),
            timing,
            repair_shows_after: None,
            details: Vec::new(),
            deadline: None,
            resolution: "the problem is gone".to_owned(),
            is_confirmed: true,
            unexplained: false,
            is_loss: false,
            describe: Box::new(describe),
        }
    }

    /// Whether the operator wants this rule at all.
    pub(super) fn is_enabled(&self) -> bool {
        self.timing.enabled
    }

    /// How long the problem must last.
    pub(super) fn delay(&self) -> TimeDelta {
        self.timing.opens_after
    }

    /// Whether it opens when a time has come, and not when something is seen.
    pub(super) fn waits_for_time(&self) -> bool {
        match self.body {
            Body::One(Verdict::Holds(Onset::Undated(_))) => false,
            Body::One(Verdict::Holds(Onset::Before { .. } | Onset::Progress { .. })) => true,
            _ => self.delay() > TimeDelta::zero(),
        }
    }

    /// How long before its date it opens.
    pub(super) fn lead(&self, at_most: Option<TimeDelta>) -> TimeDelta {
        at_most.map_or(self.timing.opens_after, |at_most| self.timing.opens_after.min(at_most))
    }

    /// The severity so long after the onset.
    pub(super) fn severity_after(&self, elapsed: TimeDelta) -> Severity {
        self.timing.severity_after(elapsed)
    }

    /// The ladder towards a date. Of a span that is shorter than the policy's lead, the second half is a warning and the
    /// last tenth critical, whatever days the policy names.
    pub(super) fn ladder(&self, at_most: Option<TimeDelta>) -> RuleTiming {
        let mut timing = self.timing.clone();
        let Some(span) = at_most.filter(|at_most| *at_most < timing.opens_after) else { return timing };
        for (place, (before, severity)) in timing.severities.iter_mut().enumerate() {
            *before = match severity {
                _ if place == 0 => span,
                Severity::Info => span,
                Severity::Warning => span / 2,
                Severity::Critical => span / 10,
            };
        }
        timing
    }

    /// How long before the date it opens whatever else it waits for.
    pub(super) fn widest_lead(&self) -> TimeDelta {
        self.timing.severities.iter().map(|(before, _)| *before).fold(TimeDelta::zero(), TimeDelta::max)
    }
}

/// Whom the verdict is about.
pub(super) enum Body {
    /// The subject as a whole.
    One(Verdict),
    /// Each Organization of the subject.
    Members(Vec<Part>),
}

/// What the rule's own condition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds.
    Holds(Onset),
    /// It conclusively does not.
    Gone,
    /// The evidence is missing.
    CannotTell,
}

/// When the trouble began, or will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Onset {
    /// Then. While the incident is remembered, an earlier onset stands: conditions begin anew after a blind spot.
    Since(DateTime<Utc>),
    /// Then, by a stored clock that may move forward (progress restarts it).
    Clock(DateTime<Utc>),
    /// The same, where a graver row of the rule held before: unless this one is due by its own clock, that is over.
    Eased(DateTime<Utc>),
    /// Then; it will get worse at a date that nobody gave.
    Undated(DateTime<Utc>),
    /// Since the last progress, by a clock that moves with it; near a date it is due whatever moves.
    Progress {
        /// The last progress.
        since: DateTime<Utc>,
        /// By when it must be done; what has passed is due at once.
        until: Option<DateTime<Utc>>,
    },
    /// At a known date; it opens some time ahead.
    Before {
        /// The date.
        date: DateTime<Utc>,
        /// However long the policy's lead is, not longer ahead than this.
        at_most: Option<TimeDelta>,
    },
}

/// The verdict on one Organization.
pub(super) struct Part {
    pub(super) organization: OrganizationId,
    pub(super) verdict: PartVerdict,
}

/// What the rule's condition says of one Organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartVerdict {
    /// It holds since then.
    Holds {
        since: DateTime<Utc>,
        /// Seen often enough to be told (rules that wait for a second evaluation).
        settled: bool,
    },
    /// It conclusively does not.
    Gone,
    /// The evidence is missing.
    CannotTell,
}

/// What a text may use.
pub(super) struct Scene<'s> {
    pub(super) now: DateTime<Utc>,
    /// Since when the cause holds.
    pub(super) since: DateTime<Utc>,
    /// The listed Organizations.
    pub(super) members: &'s [OrganizationId],
    /// The blast radius.
    pub(super) affected: &'s BTreeSet<IntegrationKey>,
}

/// The text for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// One or two sentences: what, since when, how bad.
    pub(super) summary: String,
    /// What to do next, and who has the right for it.
    pub(super) next_step: String,
}
