//! The report of `check` for a person: causes first, then each integration, so that it fits one screen.
//!
//! A **cause** is an API that does not answer, or a token that is rejected or was refused when it was read. What hangs on a cause is told in short lines
//! that name the conditions; everything else is told condition by condition.

use std::collections::{BTreeMap, BTreeSet};

use super::problems;
use super::unproved::{self, Unproved};
use super::verdict::{is_bad, is_refused, is_silent, is_young_set_up, waits};
use crate::commands::Terminal;
use crate::commands::terminal::{Tone, printable, wrap};
use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::End;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::{Level, Truth};
use crate::domain::names::{CredentialName, IntegrationName};
use crate::domain::status::Status;
use crate::health::step_after_failure;
use crate::snapshot::{ApiView, ConditionView, CredentialView, IncidentView, IntegrationView, Snapshot, UnseenView};

/// Names that one line lists before it counts the rest.
const MOST_NAMES: usize = 5;

/// What stands before a text, and what goes on under it.
const LEAD: &str = "    ";

/// What is printed for a person.
pub(super) struct Report<'a> {
    terminal: &'a Terminal,
    snapshot: &'a Snapshot,
    /// Credentials whose integrations cannot be judged, or whose verdict is the credential's.
    troubled: BTreeSet<&'a CredentialName>,
}

/// What Organizations have in common that are told together.
type Likeness = (IntegrationName, &'static str, &'static str, Vec<(Condition, Truth)>);

impl<'a> Report<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, terminal: &'a Terminal) -> Self {
        let is_down =
            |credential: &CredentialView| snapshot.apis.iter().any(|api| api.api == credential.api && is_silent(api));
        let is_troubled = |one: &CredentialView| one.valid.truth == Truth::False || is_refused(one) || is_down(one);
        let troubled = snapshot.credentials.iter().filter(|one| is_troubled(one));
        Self { terminal, snapshot, troubled: troubled.map(|credential| &credential.credential).collect() }
    }

    pub(super) fn print(&self) {
        for api in &self.snapshot.apis {
            self.print_api(api);
        }
        for credential in &self.snapshot.credentials {
            self.print_credential(credential);
        }
        for unseen in &self.snapshot.unseen {
            self.print_unseen(unseen);
        }
        for problem in problems::untold(self.snapshot) {
            self.print_problem(problem);
        }
        let mut alike: BTreeMap<Likeness, Vec<&IntegrationView>> = BTreeMap::new();
        let mut unknown_alike: BTreeMap<Likeness, Vec<&IntegrationView>> = BTreeMap::new();
        let mut healthy: Vec<&IntegrationView> = Vec::new();
        for view in &self.snapshot.integrations {
            let view: &IntegrationView = view;
            let is_organization = view.identity.level == Level::Organization;
            if is_organization && view.status.status == Status::Connected && !has_false(view) {
                healthy.push(view);
            } else if !self.is_explained(view) {
                if is_organization && view.status.status == Status::Unknown && !has_false(view) {
                    unknown_alike.entry(likeness(view)).or_default().push(view);
                } else {
                    self.print_integrations(&[view]);
                }
            } else if is_organization && !self.has_problem_of_its_own(view) {
                alike.entry(likeness(view)).or_default().push(view);
            } else {
                self.print_explained(&[view]);
            }
        }
        for views in unknown_alike.values() {
            self.print_integrations(views);
        }
        for views in alike.values() {
            self.print_explained(views);
        }
        if !healthy.is_empty() {
            let sentence = if healthy.len() == 1 {
                "1 organization is connected and has no problem".to_owned()
            } else {
                format!("{} organizations are connected and have no problem", healthy.len())
            };
            self.terminal.data(&format!("\n{sentence}"));
        }
        for unproved in unproved::of(&healthy) {
            self.print_unproved(&unproved);
        }
    }

    /// What was configured and nobody could look at.
    fn print_unseen(&self, unseen: &UnseenView) {
        let what = match &unseen.organization {
            Some(name) => format!("organization {}", printable(name)),
            None => "organizations".to_owned(),
        };
        let message = printable(&unseen.message);
        self.line(Truth::Unknown, &format!("{what} of {}: {message}", unseen.integration));
        self.paragraph("    next: ", &printable(&unseen.next_step));
    }

    /// A problem that no condition shows, in the words of the page that the daemon sends.
    fn print_problem(&self, problem: &IncidentView) {
        let (rule, summary) = (problem.key.rule, printable(&problem.summary));
        self.line(Truth::False, &format!("{rule}: {summary}"));
        self.paragraph("    next: ", &printable(&problem.next_step));
    }

    fn print_unproved(&self, unproved: &Unproved<'_>) {
        let body = format!("{}: {}", titles(&unproved.views), printable(unproved.message));
        self.marked("?  ", Tone::Doubtful, &format!("{:20} ", unproved.condition), &body);
        if let Some(next_step) = &unproved.next_step {
            self.paragraph("      next: ", &printable(next_step));
        }
    }

    fn print_api(&self, api: &ApiView) {
        if let Some(ending) = &api.version_ending {
            let version = printable(&ending.version);
            let end = match ending.sunset_at {
                Some(at) => format!("ends on {}", at.format("%Y-%m-%d")),
                None => "will end, on a day that is not announced".to_owned(),
            };
            let is_near = self.snapshot.incidents.iter().any(|incident| {
                let is_of_this = incident.key.subject == Subject::Api(api.api.clone());
                incident.key.rule == Rule::ApiVersionEnding && is_of_this && problems::is_problem(incident)
            });
            let truth = if is_near { Truth::False } else { Truth::Unknown };
            self.line(truth, &format!("api {}: the version in use ({version}) {end}", api.api));
            self.paragraph("    next: ", "update snykwatch before that");
        }
        if !is_silent(api) {
            return;
        }
        let reason = api.failure_reason.as_deref().unwrap_or("no_answer");
        self.line(Truth::False, &format!("api {} does not answer ({reason})", api.api));
        self.paragraph(LEAD, &printable(api.failure_detail.as_deref().unwrap_or_default()));
        self.paragraph("    next: ", &self.step_after_failure(api, reason));
    }

    fn step_after_failure(&self, api: &ApiView, reason: &str) -> String {
        let asking = self.snapshot.credentials.iter().find(|credential| credential.api == api.api);
        let end = asking.map(|credential| if credential.scm.is_some() { End::GitHost } else { End::Snyk });
        step_after_failure(reason, end)
    }

    fn print_credential(&self, credential: &CredentialView) {
        let name = &credential.credential;
        let is_judged = credential.valid.truth != Truth::Unknown || is_refused(credential);
        if !is_judged && self.troubled.contains(name) {
            let api = &credential.api;
            self.line(Truth::Unknown, &format!("credential {name}: cannot be asked about while {api} does not answer"));
            return;
        }
        self.line(credential.valid.truth, &format!("credential {name}: {}", printable(&credential.valid.message)));
        if let Some(next_step) = self.next_step_of(name) {
            self.paragraph("    next: ", &printable(next_step));
        }
        if let Some(unlisted) = &credential.unlisted {
            self.line(Truth::Unknown, &format!("credential {name}: {}", printable(&unlisted.message)));
            self.paragraph("    next: ", &printable(&unlisted.next_step));
        }
        if let Some(access) = &credential.write_access {
            let (granted, scopes) = (access.granted.join(", "), access.read_only_scopes.join(" "));
            let note = format!(
                "it may change things ({granted}); one that only reads is enough to watch: role observer, scopes {scopes}"
            );
            self.paragraph("    note: ", &note);
        }
    }

    /// What to do about a token that is rejected or refused, as its incident says it.
    fn next_step_of(&self, name: &CredentialName) -> Option<&str> {
        let mut incidents = self.snapshot.incidents.iter();
        let found = incidents.find(|incident| {
            matches!(incident.key.rule, Rule::SnykTokenInvalid | Rule::CredentialInvalid | Rule::StatusUnknown)
                && matches!(&incident.key.subject, Subject::Credential(of) if of == name)
        });
        found.map(|incident| incident.next_step.as_str())
    }

    /// Whether it hangs on a cause that stands above.
    fn is_explained(&self, view: &IntegrationView) -> bool {
        if view.status.status == Status::Connected {
            return false;
        }
        let identity = &view.identity;
        let mut credentials = identity.credentials.iter().chain([&identity.snyk]);
        credentials.any(|credential| self.troubled.contains(credential))
    }

    fn has_problem_of_its_own(&self, view: &IntegrationView) -> bool {
        view.conditions.iter().any(|shown| shown.state.truth == Truth::False && !self.is_due_to_cause(view, shown))
    }

    /// Whether a false condition only repeats a cause.
    fn is_due_to_cause(&self, view: &IntegrationView, shown: &ConditionView) -> bool {
        match shown.condition {
            Condition::SnykAccessible => self.troubled.contains(&view.identity.snyk),
            Condition::CredentialValid => view.identity.credentials.iter().any(|name| self.troubled.contains(name)),
            _ => false,
        }
    }

    /// Integrations whose trouble has its cause above, all alike: only their own problems are told in full.
    fn print_explained(&self, views: &[&IntegrationView]) {
        let Some(view) = views.first() else { return };
        self.print_title(view, &title(views, view), ", because of the above");
        for truth in [Truth::True, Truth::False, Truth::Unknown] {
            let names = view.conditions.iter().filter(|shown| {
                shown.state.truth == truth && (truth != Truth::False || self.is_due_to_cause(view, shown))
            });
            let names: Vec<&str> = names.map(|shown| shown.condition.as_str()).collect();
            self.print_names(truth, &names, "");
        }
        for shown in view.conditions.iter().filter(|shown| shown.state.truth == Truth::False) {
            if !self.is_due_to_cause(view, shown) {
                self.print_condition(shown, false);
            }
        }
    }

    /// Integrations in full. Several are alike: what is said of the first is so of all.
    fn print_integrations(&self, views: &[&IntegrationView]) {
        let Some(view) = views.first() else { return };
        self.print_title(view, &title(views, view), "");
        self.paragraph("  ", &printable(&view.status.message));
        if let Some(next_step) = &view.status.next_step {
            self.paragraph("  next: ", &printable(next_step));
        }
        let is_young = is_young_set_up(self.snapshot, view);
        // Beside a problem, what was not observed is its consequence.
        let is_consequence = |shown: &ConditionView| {
            let is_missing = shown.state.reason == Reason::NotObserved || follows_from_denial(view, shown.condition);
            shown.state.truth == Truth::Unknown && is_missing && has_false(view)
        };
        for shown in view.conditions.iter().filter(|shown| !is_consequence(shown)) {
            self.print_condition(shown, is_young && waits(shown.condition));
            // An unknown status has the next step out of it; beside a known one each has its own.
            if view.status.status != Status::Unknown
                && let Some(next_step) = unproved::step_of(view, shown)
            {
                self.paragraph("      next: ", &printable(&next_step));
            }
        }
        let names = view.conditions.iter().filter(|shown| is_consequence(shown));
        let names: Vec<&str> = names.map(|shown| shown.condition.as_str()).collect();
        self.print_names(Truth::Unknown, &names, ": not observed, for what is wrong above");
    }

    fn print_title(&self, view: &IntegrationView, title: &str, suffix: &str) {
        let status = &view.status;
        let tone = match status.status {
            Status::Connected => Tone::Good,
            status if is_bad(status) => Tone::Bad,
            _ => Tone::Doubtful,
        };
        let says_more = status.reason != Reason::Ok && status.reason.as_str() != status.status.as_str();
        let reason = if says_more { format!(" / {}{suffix}", status.reason) } else { suffix.to_owned() };
        let is_short = title.len() + status.status.as_str().len() + reason.len() + 2 <= self.terminal.width();
        let gap = if is_short { " " } else { "\n  " };
        let (title, word) = (self.terminal.tone(Tone::Strong, title), self.terminal.tone(tone, status.status.as_str()));
        self.terminal.data(&format!("\n{title}:{gap}{word}{reason}"));
    }

    fn print_condition(&self, shown: &ConditionView, is_awaited: bool) {
        let (mark, tone) = if is_awaited { ("...", Tone::Doubtful) } else { mark(shown.state.truth) };
        let reason = if shown.state.truth == Truth::True { "" } else { shown.state.reason.as_str() };
        let body = printable(&shown.state.message);
        let body = if reason.is_empty() { body } else { format!("{reason}: {body}") };
        self.marked(mark, tone, &format!("{:20} ", shown.condition), &body);
    }

    fn print_names(&self, truth: Truth, names: &[&str], suffix: &str) {
        if !names.is_empty() {
            let (mark, tone) = mark(truth);
            self.marked(mark, tone, "", &format!("{}{suffix}", names.join(", ")));
        }
    }

    fn marked(&self, mark: &str, tone: Tone, lead: &str, body: &str) {
        let indentation = lead.len() + 6;
        for (number, line) in wrap(body, self.terminal.width().saturating_sub(indentation)).into_iter().enumerate() {
            if number == 0 {
                self.terminal.data(&format!("  {} {lead}{line}", self.terminal.tone(tone, mark)));
            } else {
                self.terminal.data(&format!("{:indentation$}{line}", ""));
            }
        }
    }

    fn line(&self, truth: Truth, text: &str) {
        let (mark, tone) = mark(truth);
        for (number, line) in wrap(text, self.terminal.width().saturating_sub(LEAD.len())).into_iter().enumerate() {
            let lead = if number == 0 { format!("{} ", self.terminal.tone(tone, mark)) } else { LEAD.to_owned() };
            self.terminal.data(&format!("{lead}{line}"));
        }
    }

    fn paragraph(&self, lead: &str, body: &str) {
        for (number, line) in wrap(body, self.terminal.width().saturating_sub(lead.len())).into_iter().enumerate() {
            let lead = if number == 0 { lead.to_owned() } else { " ".repeat(lead.len()) };
            self.terminal.data(&format!("{lead}{line}"));
        }
    }
}

fn likeness(view: &IntegrationView) -> Likeness {
    let conditions = view.conditions.iter().map(|shown| (shown.condition, shown.state.truth)).collect();
    (view.identity.integration.clone(), view.status.status.as_str(), view.status.reason.as_str(), conditions)
}

/// Whom a paragraph is about, and what they are.
fn title(views: &[&IntegrationView], first: &IntegrationView) -> String {
    let plural = if views.len() == 1 { "" } else { "s" };
    format!("{} ({}{plural})", titles(views), first.identity.level)
}

/// The first few titles, and how many more there are. Organizations of one integration share its name.
fn titles(views: &[&IntegrationView]) -> String {
    let of_organization = |view: &IntegrationView| match &view.identity.organization_name {
        Some(name) => printable(name),
        None => printable(&view.title()),
    };
    let first = views.iter().take(1).map(|view| printable(&view.title()));
    let others = views.iter().take(MOST_NAMES).skip(1).map(|view| of_organization(view));
    let shown: Vec<String> = first.chain(others).collect();
    match views.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether it is asked of what Snyk does not let us read.
fn follows_from_denial(view: &IntegrationView, condition: Condition) -> bool {
    let is_denied =
        |shown: &ConditionView| shown.condition == Condition::SnykAccessible && shown.state.truth == Truth::False;
    let is_of_snyk = matches!(
        condition,
        Condition::InventoryPopulated
            | Condition::InventoryComplete
            | Condition::SyncCurrent
            | Condition::CatalogLinked
            | Condition::IntegrationPresent
            | Condition::RepositoriesImported
            | Condition::TestsCurrent
    );
    is_of_snyk && view.conditions.iter().any(is_denied)
}

fn has_false(view: &IntegrationView) -> bool {
    view.conditions.iter().any(|shown| shown.state.truth == Truth::False)
}

fn mark(truth: Truth) -> (&'static str, Tone) {
    match truth {
        Truth::True => ("yes", Tone::Good),
        Truth::False => ("NO ", Tone::Bad),
        Truth::Unknown => ("?  ", Tone::Doubtful),
        Truth::NotApplicable => ("-  ", Tone::Quiet),
    }
}
