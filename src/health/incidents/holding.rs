//! One cause, one page: which causes hold back the creation of which symptoms.
//!
//! A cause holds back from the moment its condition holds, open or still pending, so that a symptom with a shorter delay
//! does not overtake it; but our own network does not hold back one vendor's outage that is due by its own clock, since it
//! is the same trouble, seen to be wider by now. Once it opened, it holds back through blindness, and after its end for as long as the repair
//! needs to show. Only creation is held back: a symptom that is open stays so until its own condition is gone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::{Body, Candidate, Onset, PartVerdict, Verdict};
use super::inputs::Inputs;
use crate::domain::evidence::End;
use crate::domain::fleet::Fleet;
use crate::domain::incident::{IncidentKey, IncidentState, Rule, Subject};
use crate::domain::names::IntegrationKey;
use crate::domain::policy::Case;

/// A symptom that names no time of its own is not held back for longer after its cause is gone.
const LONGEST_REPAIR: TimeDelta = TimeDelta::hours(48);

/// How long a resolved cause is remembered: until a repair can show in any symptom.
pub(super) fn remembered(fleet: &Fleet) -> TimeDelta {
    let thresholds = fleet.integrations.values().map(|integration| &integration.thresholds);
    thresholds.map(|thresholds| thresholds.max_lag.max(thresholds.test_grace)).fold(LONGEST_REPAIR, TimeDelta::max)
}

/// Something that holds back symptoms.
struct Cause {
    key: IncidentKey,
    case: Case,
    reach: BTreeSet<IntegrationKey>,
    /// The end that it keeps from answering, where it is one.
    end: Option<End>,
    /// It is told, or will be with this evaluation; otherwise its time has not come.
    is_told: bool,
    /// The cause of this cause, where it has one.
    top: IncidentKey,
    /// `None` while it holds.
    resolved_at: Option<DateTime<Utc>>,
}

/// What might be held back.
pub(super) struct Symptom<'s> {
    pub(super) key: &'s IncidentKey,
    pub(super) case: Case,
    /// The integration it is about; `None` for a credential or an API.
    pub(super) integration: Option<&'s IntegrationKey>,
    /// Whose answer is missing, where one is.
    end: Option<End>,
    /// It has lasted as long as it must to be told.
    is_due: bool,
    /// How long after its cause is gone it needs to go.
    pub(super) repair_shows_after: TimeDelta,
    pub(super) unexplained: bool,
    pub(super) is_loss: bool,
}

/// The causes that hold, and those that were resolved a while ago.
pub(super) struct Causes {
    standing: Vec<Cause>,
    /// Places in `standing` by what they reach.
    by_integration: BTreeMap<IntegrationKey, Vec<usize>>,
    /// Places in `standing` by their subject.
    by_subject: BTreeMap<Subject, Vec<usize>>,
    /// Were open, and this evaluation finds them gone.
    ending: BTreeSet<IncidentKey>,
    now: DateTime<Utc>,
}

impl Causes {
    /// Finds the causes among the candidates, which are sorted: causes come first.
    pub(super) fn new(inputs: &Inputs<'_>, candidates: &[Candidate<'_>]) -> Self {
        let mut all = Self {
            standing: Vec::new(),
            by_integration: BTreeMap::new(),
            by_subject: BTreeMap::new(),
            ending: BTreeSet::new(),
            now: inputs.now,
        };
        for candidate in candidates.iter().filter(|candidate| candidate.is_enabled()) {
            let Some(reach) = reach(inputs, candidate) else { continue };
            let integration = integration_of(candidate);
            let symptom = Symptom::of(inputs, candidate, integration.as_ref());
            let is_told = symptom.is_due || inputs.incident(&candidate.key).is_some_and(IncidentState::is_open);
            let top = all.holding_back(&symptom).unwrap_or_else(|| candidate.key.clone());
            all.push(Cause {
                key: candidate.key.clone(),
                case: candidate.case,
                reach,
                end: end_of(inputs.fleet, &candidate.key.subject),
                is_told,
                top,
                resolved_at: None,
            });
        }
        all.add_open_ones(inputs, candidates);
        for (key, resolved) in &inputs.state.resolved_causes {
            all.push(Cause {
                key: key.clone(),
                case: resolved.case.unwrap_or(Case::Default),
                reach: resolved.affected.iter().cloned().collect(),
                end: end_of(inputs.fleet, &key.subject),
                is_told: true,
                top: key.clone(),
                resolved_at: Some(resolved.at),
            });
        }
        all
    }

    /// Those that were open and are no candidates that hold: either they end now, or nobody looked at them.
    fn add_open_ones(&mut self, inputs: &Inputs<'_>, candidates: &[Candidate<'_>]) {
        let open = inputs.state.incidents.iter().filter(|(key, before)| before.is_open() && is_cause(key.rule));
        for (key, before) in open {
            let place = candidates.binary_search_by(|candidate| candidate.key.cmp(key)).ok();
            let candidate = place.and_then(|place| candidates.get(place));
            let alike = self.by_subject.get(&key.subject).into_iter().flatten();
            let is_known = alike.filter_map(|place| self.standing.get(*place)).any(|cause| cause.key == *key);
            if is_known || candidate.is_some_and(|candidate| !candidate.is_enabled()) {
                continue;
            }
            let ends = candidate.is_some() || !inputs.is_watched(key);
            if ends {
                self.ending.insert(key.clone());
            }
            self.push(Cause {
                key: key.clone(),
                case: before.tracking.case.unwrap_or(Case::Default),
                reach: before.affected.iter().cloned().collect(),
                end: end_of(inputs.fleet, &key.subject),
                is_told: true,
                top: key.clone(),
                resolved_at: ends.then_some(inputs.now),
            });
        }
    }

    fn push(&mut self, cause: Cause) {
        let place = self.standing.len();
        for integration in &cause.reach {
            self.by_integration.entry(integration.clone()).or_default().push(place);
        }
        self.by_subject.entry(cause.key.subject.clone()).or_default().push(place);
        self.standing.push(cause);
    }

    /// Whether this cause, open until now, ends with this evaluation.
    pub(super) fn is_ending(&self, key: &IncidentKey) -> bool {
        self.ending.contains(key)
    }

    /// The highest cause that holds `symptom` back; of several alike the one that keeps away the answer which is missing, and
    /// before one that is pending one that people know of.
    pub(super) fn holding_back(&self, symptom: &Symptom<'_>) -> Option<IncidentKey> {
        let shows = |resolved_at: DateTime<Utc>| self.now - resolved_at < symptom.repair_shows_after;
        let by_reach = symptom.integration.and_then(|integration| self.by_integration.get(integration));
        let by_subject = self.by_subject.get(&symptom.key.subject);
        let on_the_way = matches!(symptom.key.subject, Subject::Api(_)).then(|| self.by_subject.get(&Subject::Network));
        let places = by_reach.into_iter().chain(by_subject).chain(on_the_way.flatten()).flatten();
        let holds = |place: &&usize| {
            let cause = self.standing.get(**place);
            cause.is_some_and(|cause| cause.resolved_at.is_none_or(shows) && covers(cause, symptom))
        };
        let order = |place: &&usize| {
            let cause = self.standing.get(**place);
            let rank = |cause: &Cause| {
                (cause.resolved_at.is_some(), cause.key.rule, cause.is_of_the_other_end(symptom), !cause.is_told)
            };
            (cause.map(rank), **place)
        };
        let highest = places.filter(holds).min_by_key(order);
        highest.and_then(|place| self.standing.get(*place)).map(|cause| cause.top.clone())
    }
}

impl Cause {
    fn is_of_the_other_end(&self, symptom: &Symptom<'_>) -> bool {
        matches!((self.end, symptom.end), (Some(ours), Some(missing)) if ours != missing)
    }
}

/// The end that a subject keeps from answering.
fn end_of(fleet: &Fleet, subject: &Subject) -> Option<End> {
    match subject {
        Subject::Api(api) => fleet.end_of(api),
        Subject::Credential(name) if fleet.snyk_tokens.contains_key(name) => Some(End::Snyk),
        Subject::Credential(_) => Some(End::GitHost),
        _ => None,
    }
}

/// Whose answer is missing. Of the Organizations that nobody lists, Snyk's.
fn missing(inputs: &Inputs<'_>, candidate: &Candidate<'_>, integration: Option<&IntegrationKey>) -> Option<End> {
    match (candidate.key.rule, &candidate.key.subject, &candidate.body) {
        (Rule::StatusUnknown, Subject::Organizations(_), Body::One(_)) => Some(End::Snyk),
        (Rule::StatusUnknown, ..) => inputs.integration(integration?)?.unanswered,
        _ => None,
    }
}

impl<'s> Symptom<'s> {
    pub(super) fn of(
        inputs: &Inputs<'_>,
        candidate: &'s Candidate<'_>,
        integration: Option<&'s IntegrationKey>,
    ) -> Self {
        let is_due = match candidate.body {
            Body::One(Verdict::Holds(Onset::Since(since) | Onset::Clock(since))) => {
                candidate.is_confirmed && inputs.age(since) >= candidate.delay()
            }
            _ => false,
        };
        Self {
            key: &candidate.key,
            case: candidate.case,
            integration,
            end: missing(inputs, candidate, integration),
            is_due,
            repair_shows_after: candidate.repair_shows_after.unwrap_or_else(|| candidate.delay().min(LONGEST_REPAIR)),
            unexplained: candidate.unexplained,
            is_loss: candidate.is_loss,
        }
    }
}

/// The integration that a candidate is about. That nobody lists the Organizations of a key is about its Group, which
/// lists them.
pub(super) fn integration_of(candidate: &Candidate<'_>) -> Option<IntegrationKey> {
    match (&candidate.key.subject, &candidate.body) {
        (Subject::Organizations(name), Body::One(_)) if candidate.key.rule == Rule::StatusUnknown => {
            Some(IntegrationKey::group(name.clone()))
        }
        (subject, _) => subject_integration(subject),
    }
}

/// The integration that a subject is about.
fn subject_integration(subject: &Subject) -> Option<IntegrationKey> {
    match subject {
        Subject::Integration(key) => Some(key.clone()),
        Subject::Workspace(name, _) => Some(IntegrationKey::group(name.clone())),
        Subject::Network | Subject::Credential(_) | Subject::Api(_) | Subject::Organizations(_) => None,
    }
}

/// Whether incidents of this rule hold back others.
pub(super) fn is_cause(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::SnykTokenInvalid
            | Rule::ObserverRejected
            | Rule::CredentialInvalid
            | Rule::UpstreamUnreachable
            | Rule::PermissionsMissing
            | Rule::RotationUnfinished
            | Rule::DeclaredDateOutdated
            | Rule::NamespaceNotFound
            | Rule::RepositoriesVanished
            | Rule::OrganizationsVanished
            | Rule::OrganizationNotFound
            | Rule::ConnectionFailed
            | Rule::SyncStalled
            | Rule::OrganizationIntegrationMissing
            | Rule::CredentialOutOfStep
            | Rule::StatusUnknown
    )
}

/// What a candidate reaches as a cause; `None` when it is none, or not now.
fn reach(inputs: &Inputs<'_>, candidate: &Candidate<'_>) -> Option<BTreeSet<IntegrationKey>> {
    if !is_cause(candidate.key.rule) {
        return None;
    }
    let before = inputs.incident(&candidate.key).filter(|incident| incident.is_open());
    match &candidate.body {
        Body::One(Verdict::Holds(Onset::Since(_) | Onset::Clock(_) | Onset::Progress { .. })) => {
            Some(candidate.affected.clone())
        }
        Body::One(Verdict::CannotTell) => {
            let mut reach = candidate.affected.clone();
            reach.extend(before?.affected.iter().cloned());
            Some(reach)
        }
        Body::One(_) => None,
        Body::Members(parts) => {
            let Subject::Organizations(name) = &candidate.key.subject else { return None };
            let holding = parts.iter().filter(|part| match part.verdict {
                PartVerdict::Holds { .. } => true,
                PartVerdict::CannotTell => before.is_some_and(|before| before.members.contains(&part.organization)),
                PartVerdict::Gone => false,
            });
            let key = |organization| IntegrationKey::organization(name.clone(), organization);
            let reach: BTreeSet<_> = holding.map(|part| key(part.organization)).collect();
            (!reach.is_empty()).then_some(reach)
        }
    }
}

/// The table of `docs/incidents.md`, column "holds back".
fn covers(cause: &Cause, symptom: &Symptom<'_>) -> bool {
    use Rule::{
        CatalogNotLinked, ConnectionFailed, CredentialExpiring, CredentialInvalid, CredentialOutOfStep,
        DeclaredDateOutdated, ImportsIncomplete, NamespaceNotFound, NothingImported, ObserverRejected,
        OrganizationIntegrationMissing, OrganizationNotFound, OrganizationsVanished, OrphanedProjects,
        PartiallyConnected, PermissionsMissing, ProjectsInactive, RepositoriesVanished, RotationUnfinished,
        SnykTokenExpiring, SnykTokenInvalid, StatusUnknown, SyncStalled, TestsStale, TestsUnscheduled,
        UpstreamUnreachable, WebhooksMissing,
    };
    if cause.key == *symptom.key {
        return false;
    }
    let same_subject = cause.key.subject == symptom.key.subject;
    let reaches = symptom.integration.is_some_and(|integration| cause.reach.contains(integration));
    let profiles_failed = symptom.key.rule == PartiallyConnected && symptom.case == Case::ProfilesFailed;
    match (cause.key.rule, symptom.key.rule) {
        (SnykTokenInvalid, SnykTokenExpiring)
        | (
            CredentialInvalid,
            PermissionsMissing | CredentialExpiring | DeclaredDateOutdated,
        ) => same_subject,
        (UpstreamUnreachable, UpstreamUnreachable) => {
            cause.key.subject == Subject::Network && (cause.is_told || !symptom.is_due)
        }
        // A group's incident reaches the Organizations that are unknown for the same reason.
        (
            SnykTokenInvalid | ObserverRejected | UpstreamUnreachable | StatusUnknown | NamespaceNotFound,
            StatusUnknown,
        )
        | (OrganizationsVanished, OrganizationNotFound | OrganizationIntegrationMissing | StatusUnknown)
        | (OrganizationNotFound, OrganizationIntegrationMissing | StatusUnknown)
        | (CredentialInvalid, _)
        | (
            ConnectionFailed,
            PartiallyConnected
            | SyncStalled
            | OrganizationIntegrationMissing
            | CredentialOutOfStep
            | TestsStale
            | TestsUnscheduled
            | NothingImported
            | ImportsIncomplete
            | ProjectsInactive
            | OrphanedProjects
            | WebhooksMissing
            | CatalogNotLinked
            | StatusUnknown,
        )
        // Without an integration, or with its credential gone stale, tests and webhooks follow.
        | (
            OrganizationIntegrationMissing,
            CredentialOutOfStep
            | TestsStale
            | TestsUnscheduled
            | NothingImported
            | ImportsIncomplete
            | ProjectsInactive
            | OrphanedProjects
            | WebhooksMissing,
        )
        | (RotationUnfinished, CredentialOutOfStep)
        | (CredentialOutOfStep, TestsStale) => reaches,
        // Without the permission nothing can be told of the workspace.
        (PermissionsMissing, ConnectionFailed | NamespaceNotFound | PartiallyConnected) => {
            let by_permission = cause.case == Case::GroupPermission && !symptom.unexplained;
            by_permission && reaches && (symptom.key.rule != PartiallyConnected || profiles_failed)
        }
        (RepositoriesVanished, ConnectionFailed | PartiallyConnected | StatusUnknown) => reaches && symptom.is_loss,
        (NamespaceNotFound, ConnectionFailed) => reaches && !symptom.unexplained,
        (NamespaceNotFound, PartiallyConnected) => reaches && profiles_failed,
        (SyncStalled, PartiallyConnected) => reaches && symptom.case == Case::InventoryIncomplete,
        _ => false,
    }
}
