//! Pages as people read them, each from a story that the rules themselves judged.

mod credentials;
mod cut_lists;
mod ends;
mod groups;
mod organizations;
mod rest;

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{of_end, of_failing_receiver, of_forgotten, of_incident, of_severity_change, of_test};
use crate::config::routing::Routing;
use crate::domain::incident::Rule;
use crate::domain::names::CredentialName;
use crate::domain::notification::Dispatch;
use crate::domain::page::Page;
use crate::health::incidents;
use crate::health::testing::{TOKEN, World, minutes};
use crate::notify::situation::Situation;

/// A world whose incidents are judged too.
struct Story {
    world: World,
}

impl Story {
    fn new(mut world: World) -> Self {
        let token = world.fleet.snyk_tokens.get_mut(&CredentialName::from(TOKEN)).unwrap();
        token.app_root = Some("https://app.snyk.io");
        world.integration().owner = Some("platform-team".to_owned());
        let mut story = Self { world };
        story.look();
        story
    }

    /// Well for a while, then this happens.
    fn healthy(repositories: usize, organizations: usize, happens: impl FnOnce(&mut World)) -> Self {
        let mut story = Self::new(World::healthy(repositories, organizations));
        story.pass(minutes(30));
        story.world.test_everything();
        happens(&mut story.world);
        story
    }

    fn look(&mut self) {
        self.world.probe();
        incidents::evaluate(&mut self.world.state, &self.world.fleet, self.world.now);
    }

    fn pass(&mut self, time: TimeDelta) {
        let end = self.world.now + time;
        while self.world.now < end {
            self.world.now = (self.world.now + minutes(15)).min(end);
            self.look();
        }
    }

    fn after(mut self, time: TimeDelta) -> Self {
        self.pass(time);
        self
    }

    fn page(&self, rule: Rule) -> Page {
        let incidents: Vec<_> = self.world.state.incidents.iter().map(|(key, state)| (key, state.is_open())).collect();
        let found = self.world.state.incidents.iter().find(|(key, incident)| key.rule == rule && incident.is_open());
        let (key, incident) = found.unwrap_or_else(|| panic!("no open {rule} in {incidents:?}"));
        let parts = Parts::default();
        of_incident(key, incident, &self.world.state, &parts.situation(&self.world, self.world.now))
    }

    fn text(&self, rule: Rule) -> String {
        text(&self.page(rule))
    }
}

/// What a situation borrows.
struct Parts {
    routing: Routing,
    failing: BTreeMap<crate::domain::names::ReceiverName, crate::notify::situation::FailingReceiver>,
    external_url: Url,
}

impl Default for Parts {
    fn default() -> Self {
        let external_url = "https://snykwatch.acme.example/".parse().unwrap();
        Self { routing: Routing::default(), failing: BTreeMap::new(), external_url }
    }
}

impl Parts {
    fn situation<'a>(&'a self, world: &'a World, now: DateTime<Utc>) -> Situation<'a> {
        Situation {
            fleet: &world.fleet,
            routing: &self.routing,
            failing: &self.failing,
            dispatch: Dispatch::Deliver,
            external_url: &self.external_url,
            now,
        }
    }
}

/// A page as plain text.
fn text(page: &Page) -> String {
    let mut text = format!("{}\n{}\n", page.title, page.summary);
    for claim in &page.evidence {
        let at = claim.observed_at.map(|at| at.format(", %m-%d %H:%M").to_string()).unwrap_or_default();
        let _ = writeln!(text, "- {} [{}{at}]", claim.text, claim.source);
    }
    for proof in &page.ruled_out {
        let _ = writeln!(text, "x {proof}");
    }
    for (name, value) in [("Changed", &page.last_change), ("Noticed", &page.noticed), ("Cause", &page.cause)] {
        if let Some(value) = value {
            let _ = writeln!(text, "{name}: {value}");
        }
    }
    let _ = writeln!(text, "Next: {}", page.next_step);
    if !page.members.is_empty() {
        let _ = writeln!(text, "Visit: {} +{}", page.members.join("; "), page.more_members);
    }
    for link in &page.links {
        let _ = writeln!(text, "{} <{}>", link.title, link.url);
    }
    let labels = &page.labels;
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let _ = write!(
        text,
        "[{} {} {} {} {}]",
        or_dash(labels.integration.as_ref().map(ToString::to_string)),
        or_dash(labels.credential.as_ref().map(ToString::to_string)),
        or_dash(labels.level.map(|level| level.to_string())),
        or_dash(labels.scm.map(|scm| scm.to_string())),
        or_dash(labels.owner.clone()),
    );
    assert!(page.title.chars().count() <= 120 && !page.title.contains('\n'), "{}", page.title);
    text
}
