//! The court: judges expectations by what the daemon publishes.

use super::pager::{rule_of, text};
use super::scenario::{Expectation, Who, organization_id};
use super::stage::{INTEGRATION, Stage};
use crate::domain::condition::Condition;
use crate::domain::incident::{Rule, Severity};
use crate::domain::kinds::Confidence;
use crate::domain::names::{IntegrationKey, OrganizationId};
use crate::domain::state::{Change, Transition};
use crate::domain::status::Status;
use crate::sandbox::Api;
use crate::snapshot::{IntegrationView, Phase, Snapshot};

/// Judges expectations by what the daemon publishes.
pub(super) struct Court<'a> {
    /// Where it happened.
    pub(super) stage: &'a Stage,
    /// What is published.
    pub(super) snapshot: &'a Snapshot,
    /// Everything that changed since the start.
    pub(super) past: &'a [Transition],
}

impl Court<'_> {
    /// `Err` says what the daemon said instead.
    pub(super) fn judge(&self, expectation: &Expectation) -> Result<(), String> {
        match expectation {
            Expectation::Status(who, status, reason) => self.each(*who, |view| {
                let shown = (view.status.status, view.status.reason);
                (shown == (*status, *reason)).then_some(()).ok_or_else(|| describe(view))
            }),
            Expectation::Condition(who, condition, truth, reason) => self.each(*who, |view| {
                let state = view.conditions.iter().find(|shown| shown.condition == *condition);
                let shown = state.map(|shown| (shown.state.truth, shown.state.reason));
                let found = || describe_condition(view, *condition);
                (shown == Some((*truth, *reason))).then_some(()).ok_or_else(found)
            }),
            Expectation::Open(expected) => self.judge_open(expected),
            Expectation::NothingEverOpened => self.judge_never_opened(None),
            Expectation::Says(who, text) => self.each(*who, |view| {
                let said = everything_said(view);
                said.contains(text).then_some(()).ok_or(said)
            }),
            Expectation::IncidentSays(rule, text) => {
                let incidents = self.snapshot.incidents.iter().filter(|incident| incident.key.rule == *rule);
                let said: Vec<String> =
                    incidents.map(|incident| format!("{} {}", incident.summary, incident.next_step)).collect();
                said.iter().any(|said| said.contains(text)).then_some(()).ok_or_else(|| said.join(" | "))
            }
            Expectation::Affects(rule, count) => {
                let open = self.snapshot.incidents.iter().find(|incident| incident.key.rule == *rule);
                let affected = open.map(|incident| incident.affected.len());
                (affected == Some(*count)).then_some(()).ok_or_else(|| format!("{affected:?}"))
            }
            Expectation::Progress { found, missing } => self.each(Who::Group, |view| {
                let shown = view.progress.as_ref().map(|progress| (progress.found, progress.missing));
                (shown == Some((*found, *missing))).then_some(()).ok_or_else(|| format!("(found, missing) = {shown:?}"))
            }),
            Expectation::FoundBetween(least, most) => self.each(Who::Group, |view| {
                let found = view.progress.as_ref().map(|progress| progress.found);
                let is_between = found.is_some_and(|found| (*least..=*most).contains(&found));
                is_between.then_some(()).ok_or_else(|| format!("found = {found:?}"))
            }),
            Expectation::Rotation { credential, saved, of, outstanding } => {
                let view = self.snapshot.credentials.iter().find(|view| view.credential.as_str() == *credential);
                let rotation = view.and_then(|view| view.rotation.as_ref());
                let shown = rotation.map(|rotation| (rotation.saved, rotation.of, rotation.outstanding));
                let found = || format!("(saved, of, outstanding) = {shown:?}");
                (shown == Some((*saved, *of, *outstanding))).then_some(()).ok_or_else(found)
            }
            Expectation::CompletionExpected => self.each(Who::Group, |view| {
                let expected = view.progress.as_ref().and_then(|progress| progress.completion_expected_by);
                expected.map(|_| ()).ok_or_else(|| "no expected completion".to_owned())
            }),
            Expectation::KnownBelowUnknown(who, known) => self.each(*who, |view| {
                let status = &view.status;
                let kept = status.known.as_ref().map(|known| known.status);
                let unknown = status.status == Status::Unknown;
                (unknown && kept == Some(*known)).then_some(()).ok_or_else(|| format!("{} {kept:?}", describe(view)))
            }),
            Expectation::WeakConfidence(who) => self.each(*who, |view| {
                let weak = view.status.confidence == Confidence::Weak;
                weak.then_some(()).ok_or_else(|| describe(view))
            }),
            Expectation::Resolved(rule, text) => {
                let said: Vec<&str> = self.past.iter().filter_map(|change| resolution(change, *rule)).collect();
                said.iter().any(|said| said.contains(text)).then_some(()).ok_or_else(|| said.join(" | "))
            }
            Expectation::NeverOpened(rule) => self.judge_never_opened(Some(*rule)),
            Expectation::Permission(credential, permission, truth) => {
                let view = self.snapshot.credentials.iter().find(|view| view.credential.as_str() == *credential);
                let shown = view.and_then(|view| view.permissions.iter().find(|shown| shown.permission == *permission));
                let granted = shown.map(|shown| shown.granted);
                (granted == Some(*truth)).then_some(()).ok_or_else(|| format!("{granted:?}"))
            }
            Expectation::Organizations(count) => {
                let watched =
                    self.snapshot.integrations.iter().filter(|view| view.key().organization.is_some()).count();
                (watched == *count).then_some(()).ok_or_else(|| format!("{watched} Organizations"))
            }
            Expectation::NothingSentElsewhere => {
                let strays = self.stage.sandbox.requests();
                let strays: Vec<_> = strays.iter().filter(|request| request.api == Api::Elsewhere).collect();
                strays.is_empty().then_some(()).ok_or_else(|| format!("{strays:?}"))
            }
            Expectation::Paged { rule, times } => self.judge_pages(Some(*rule), *times),
            Expectation::PagesSoFar(times) => self.judge_pages(None, *times),
            Expectation::PagerQuiet => {
                let open: Vec<String> = self.stage.pager.open().into_iter().map(|page| page.summary).collect();
                open.is_empty().then_some(()).ok_or_else(|| format!("open on the pager: {}", open.join(", ")))
            }
            Expectation::ResolvedAtPager(rule) => {
                let pages = self.stage.pager.pages(Some(*rule));
                let is_over = !pages.is_empty() && pages.iter().all(|page| page.resolved_at.is_some());
                is_over.then_some(()).ok_or_else(|| format!("on the pager: {pages:?}"))
            }
            Expectation::PageSays(rule, wanted) => {
                let pages = self.stage.pager.pages(Some(*rule));
                let said: Vec<String> = pages.iter().map(|page| text(page).join(" ")).collect();
                said.iter().any(|said| said.contains(wanted)).then_some(()).ok_or_else(|| said.join(" | "))
            }
        }
    }

    fn judge_pages(&self, rule: Option<Rule>, times: usize) -> Result<(), String> {
        let pages = self.stage.pager.pages(rule);
        let found = || pages.iter().map(|page| format!("{} ({})", page.summary, page.severity)).collect::<Vec<_>>();
        (pages.len() == times).then_some(()).ok_or_else(|| format!("{} pages: {}", pages.len(), found().join(", ")))
    }

    /// What is open on the pager is what is open, and nothing it was sent was malformed.
    pub(super) fn judge_pager(&self) -> Result<(), String> {
        let complaints = self.stage.pager.complaints();
        if !complaints.is_empty() {
            return Err(complaints.join("; "));
        }
        let open = self.snapshot.incidents.iter().filter(|incident| matches!(incident.phase, Phase::Open));
        let open = open.filter(|incident| incident.severity >= Severity::Warning);
        let mut open: Vec<(Option<Rule>, String)> =
            open.map(|incident| (Some(incident.key.rule), incident.severity.to_string())).collect();
        let shown = self.stage.pager.open();
        let mut shown: Vec<_> = shown.into_iter().map(|page| (rule_of(&page), page.severity)).collect();
        open.sort();
        shown.sort();
        (open == shown).then_some(()).ok_or_else(|| format!("open: {open:?}, on the pager: {shown:?}"))
    }

    /// The pager rang for these, in this order, and for nothing else.
    pub(super) fn judge_all_pages(&self, expected: &[(Rule, Severity)]) -> Result<(), String> {
        let pages = self.stage.pager.pages(None);
        let heard: Vec<(Option<Rule>, String)> =
            pages.into_iter().map(|page| (rule_of(&page), page.severity)).collect();
        let expected: Vec<_> = expected.iter().map(|(rule, severity)| (Some(*rule), severity.to_string())).collect();
        (heard == expected).then_some(()).ok_or_else(|| format!("{heard:?}"))
    }

    fn judge_open(&self, expected: &[(Rule, &str, Severity)]) -> Result<(), String> {
        let open = self.snapshot.incidents.iter().filter(|incident| matches!(incident.phase, Phase::Open));
        let mut open: Vec<_> = open
            .map(|incident| (incident.key.rule, self.subject(&incident.key.subject.to_string()), incident.severity))
            .collect();
        let mut expected: Vec<_> =
            expected.iter().map(|(rule, subject, severity)| (*rule, (*subject).to_owned(), *severity)).collect();
        open.sort();
        expected.sort();
        (open == expected).then_some(()).ok_or_else(|| format!("{open:?}"))
    }

    /// Of this rule, or at all.
    fn judge_never_opened(&self, rule: Option<Rule>) -> Result<(), String> {
        let opened = self.past.iter().filter_map(|transition| match &transition.change {
            Change::Opened { incident, .. } if rule.is_none_or(|rule| rule == incident.rule) => {
                Some(format!("{incident} ({})", transition.cause))
            }
            _ => None,
        });
        let opened: Vec<String> = opened.collect();
        opened.is_empty().then_some(()).ok_or_else(|| format!("opened: {}", opened.join(", ")))
    }

    /// Organizations are written by their number in the sandbox, so that expectations need no UUID.
    fn subject(&self, subject: &str) -> String {
        self.stage.sandbox.world(|world| {
            let mut text = subject.to_owned();
            for (number, organization) in world.snyk.organizations.iter().enumerate() {
                text = text.replace(&organization.id.to_string(), &format!("#{number}"));
            }
            text
        })
    }

    fn each(&self, who: Who, judge: impl Fn(&IntegrationView) -> Result<(), String>) -> Result<(), String> {
        let keys = match who {
            Who::Group => vec![IntegrationKey::group(INTEGRATION.into())],
            Who::Organization(number) => {
                let id = self.stage.sandbox.world(|world| organization_id(world, number));
                let id = id.ok_or_else(|| format!("the sandbox has no Organization {number}"))?;
                vec![IntegrationKey::organization(INTEGRATION.into(), OrganizationId(id))]
            }
            Who::EveryOrganization => {
                let views = self.snapshot.integrations.iter().map(|view| view.key());
                views.filter(|key| key.organization.is_some()).collect()
            }
        };
        if keys.is_empty() {
            return Err("no Organization is watched".to_owned());
        }
        for key in keys {
            let view = self.snapshot.integration(&key).ok_or_else(|| format!("{key} is not watched"))?;
            judge(view)?;
        }
        Ok(())
    }
}

fn describe(view: &IntegrationView) -> String {
    let status = &view.status;
    let conditions: Vec<String> = view
        .conditions
        .iter()
        .map(|shown| format!("{}={}/{}", shown.condition, shown.state.truth, shown.state.reason))
        .collect();
    format!("{} / {} ({}) [{}]", status.status, status.reason, status.message, conditions.join(" "))
}

fn describe_condition(view: &IntegrationView, condition: Condition) -> String {
    let state = view.conditions.iter().find(|shown| shown.condition == condition);
    state.map_or_else(
        || "no such condition".to_owned(),
        |shown| format!("{} / {} ({})", shown.state.truth, shown.state.reason, shown.state.message),
    )
}

fn everything_said(view: &IntegrationView) -> String {
    let status = &view.status;
    let conditions = view.conditions.iter().map(|shown| shown.state.message.clone());
    let mut said: Vec<String> = vec![status.message.clone(), status.next_step.clone().unwrap_or_default()];
    said.extend(conditions);
    if let Some(progress) = &view.progress {
        said.extend(progress.missing_repositories.iter().map(|missing| missing.full_name.clone()));
    }
    said.join(" ")
}

/// Why an incident of `rule` was resolved, when the transition tells of that.
fn resolution(transition: &Transition, rule: Rule) -> Option<&str> {
    match &transition.change {
        Change::Resolved { incident, .. } if incident.rule == rule => Some(&transition.cause),
        _ => None,
    }
}
