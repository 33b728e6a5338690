//! What a scenario is: a world, a set-up, and steps in time.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::scenarios;
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::{Rule, Severity};
use crate::domain::kinds::{Role, Truth};
use crate::domain::permission::Permission;
use crate::domain::status::Status;
use crate::sandbox::world::World;

/// The e-mail of the sandbox's account behind the PAT.
pub(super) const ACME_EMAIL: &str = "snyk-bot@acme.example";

/// What the operator declares the PAT's expiry to be, where a story is not about it: far off.
const DECLARED_EXPIRY: &str = "2027-03-01T00:00:00Z";

/// A story with its moral.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// The line of the diagnosis catalogue that it plays; several scenarios may play one line.
    pub line: Option<u8>,
    /// What really happens.
    pub title: &'static str,
    /// What the daemon must say.
    pub verdict: &'static str,
    /// Each time the pager rings, in order; an escalation rings again.
    pub pages: &'static [(Rule, Severity)],
    /// The story, told from the start of time.
    pub story: fn(DateTime<Utc>) -> Story,
}

/// Every scenario, in the order of the catalogue.
pub fn all() -> Vec<Scenario> {
    scenarios::all()
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

/// A world, how the daemon is set up on it, and what happens.
pub struct Story {
    /// The sandbox's world at the start.
    pub world: World,
    /// The daemon's configuration.
    pub setup: Setup,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// The daemon's configuration, as far as scenarios differ in it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// `configured_at` of the Group integration.
    pub configured_at: Option<DateTime<Utc>>,
    /// Watch the Organizations too.
    pub organizations: bool,
    /// The credential that the Organizations use; `None` for that of the first profile.
    pub organizations_credential: Option<&'static str>,
    /// Names or ids that must have the integration.
    pub require: Vec<String>,
    /// The Group's number in the sandbox's order.
    pub group: usize,
    /// Patterns of repositories that are not judged.
    pub ignore: Vec<&'static str>,
    /// The catalog file is linked.
    pub backstage: bool,
    /// The profiles: name, credential, workspaces.
    pub profiles: Vec<ProfileSetup>,
    /// The credentials, beside those that profiles name.
    pub credentials: Vec<CredentialSetup>,
    /// Name of the sandbox's Snyk token that the daemon uses.
    pub snyk_token: String,
    /// The permission set.
    pub permissions: &'static str,
    /// How often the daemon asks: scenarios of weeks need not ask every five minutes.
    pub pace: Cadences,
    /// Probes with a cadence of their own, such as `("webhooks", "{ every: 1h }")`.
    pub schedule: Vec<(&'static str, &'static str)>,
    /// How long one request may take, in real time; `None` for the default.
    pub request_timeout: Option<&'static str>,
    /// What outlives the daemon.
    pub memory: Memory,
    /// Further YAML lines of the integration (indented by four spaces).
    pub extra: Vec<String>,
    /// Further YAML lines of `alerts` (indented by two spaces).
    pub alerts: Vec<&'static str>,
}

/// What outlives the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Nothing: for scenarios in which it never goes down.
    Process,
    /// Its state, in a file.
    File,
}

/// How often the daemon asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadences {
    /// As a user's daemon does.
    Default,
    /// Every hour, for scenarios of days.
    Hourly,
}

/// A profile in the configuration.
#[derive(Debug, Clone)]
pub struct ProfileSetup {
    /// Its key.
    pub name: &'static str,
    /// The credential's key.
    pub credential: &'static str,
    /// Its workspaces.
    pub workspaces: Vec<&'static str>,
}

/// A credential in the configuration.
#[derive(Debug, Clone)]
pub struct CredentialSetup {
    /// Its key.
    pub name: &'static str,
    /// The name of the sandbox's credential whose secret it holds.
    pub secret_of: &'static str,
    /// How it is presented.
    pub auth: AuthSetup,
    /// What it is to us.
    pub role: Role,
    /// Declared expiry.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was rotated, as declared.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Ask the organisation admin's API for its expiry.
    pub admin_api: bool,
    /// The label of Snyk's token there; `None` for that of our own copy.
    pub label: Option<&'static str>,
}

/// How a credential is presented.
#[derive(Debug, Clone)]
pub enum AuthSetup {
    /// An API token with this e-mail.
    ApiToken {
        /// The e-mail.
        email: &'static str,
        /// `basic` or `bearer`.
        scheme: &'static str,
    },
    /// An app password with this username.
    AppPassword {
        /// The username.
        username: &'static str,
    },
}

/// Something at a time.
pub struct Step {
    /// So long after the start.
    pub after: TimeDelta,
    /// What.
    pub deed: Deed,
}

/// What happens in a step.
pub enum Deed {
    /// Something changes in the world; the text tells it.
    Change(&'static str, Box<dyn Fn(&mut World) + Send + Sync>),
    /// The daemon's own copy of a sandbox credential's secret is written anew (a rotation the operator did).
    WriteSecret(&'static str, &'static str),
    /// The operator changes the configuration and reloads; the text tells it.
    Reconfigure(&'static str, Box<dyn Fn(&mut Setup) + Send + Sync>),
    /// Somebody accepts what an open incident misses.
    Accept(String),
    /// Somebody says what is going to happen, for so long.
    Plan {
        /// `retire`, `move` or `rotate`.
        kind: &'static str,
        /// What it covers.
        pattern: &'static str,
        /// How long from now.
        lasts: TimeDelta,
        /// How many it covers, where it covers much.
        count: Option<usize>,
        /// The token before a rotation was revoked.
        revoked: bool,
    },
    /// The daemon goes down.
    StopDaemon,
    /// The daemon is started again.
    StartDaemon,
    /// The daemon must say this by now.
    Expect(Vec<Expectation>),
}

/// Whom an expectation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The Group integration.
    Group,
    /// The Organization with this number, from 0, in the sandbox's order.
    Organization(usize),
    /// Every watched Organization.
    EveryOrganization,
}

/// What the daemon must say.
#[derive(Debug, Clone)]
pub enum Expectation {
    /// Status and reason.
    Status(Who, Status, Reason),
    /// A condition's truth and reason.
    Condition(Who, Condition, Truth, Reason),
    /// Exactly these incidents are open: rule, subject as text, severity.
    Open(Vec<(Rule, &'static str, Severity)>),
    /// No incident was opened since the start.
    NothingEverOpened,
    /// The status message, next step, or a condition's message has this text.
    Says(Who, &'static str),
    /// An open incident's summary or next step has this text.
    IncidentSays(Rule, &'static str),
    /// How many integrations an open incident affects.
    Affects(Rule, usize),
    /// How many repositories are found and missing.
    Progress {
        /// Found.
        found: usize,
        /// Missing.
        missing: usize,
    },
    /// How many repositories are found, at least and at most.
    FoundBetween(usize, usize),
    /// How many integrations have the new token of a rotation, of how many, and how many still have the old one.
    Rotation {
        /// The credential's key.
        credential: &'static str,
        /// Who has the new token.
        saved: usize,
        /// Of how many.
        of: usize,
        /// Who has the old one, or may have it.
        outstanding: usize,
    },
    /// Expected completion of the fill is told.
    CompletionExpected,
    /// The status is unknown, and below it the last known one is kept.
    KnownBelowUnknown(Who, Status),
    /// The verdict is of weak confidence.
    WeakConfidence(Who),
    /// An incident of this rule was resolved, and why has this text.
    Resolved(Rule, &'static str),
    /// No incident of this rule was opened since the start.
    NeverOpened(Rule),
    /// What is known of a credential's permission.
    Permission(&'static str, Permission, Truth),
    /// Organizations that are watched.
    Organizations(usize),
    /// No request went to a host that nobody configured.
    NothingSentElsewhere,
    /// The pager rang so often for this rule, since the start.
    Paged {
        /// For which rule.
        rule: Rule,
        /// How often.
        times: usize,
    },
    /// The pager rang so often in all, since the start.
    PagesSoFar(usize),
    /// Nothing is open on the pager.
    PagerQuiet,
    /// The pager was told that this is over, and nothing of this rule is open on it.
    ResolvedAtPager(Rule),
    /// A page of this rule has this text.
    PageSays(Rule, &'static str),
}

/// Ids of the sandbox that expectations name are looked up by place.
pub fn organization_id(world: &World, number: usize) -> Option<Uuid> {
    world.snyk.organizations.get(number).map(|organization| organization.id)
}

impl Story {
    /// A world with a plain set-up: one Group, one profile on workspace `acme`, watched since `configured_at`.
    pub fn new(world: World, configured_at: Option<DateTime<Utc>>) -> Self {
        Self { world, setup: Setup::plain(configured_at), steps: Vec::new() }
    }

    /// Changes the set-up.
    #[must_use]
    pub fn setup(mut self, change: impl FnOnce(&mut Setup)) -> Self {
        change(&mut self.setup);
        self
    }

    /// Something changes in the world.
    #[must_use]
    pub fn change(
        mut self,
        after: TimeDelta,
        text: &'static str,
        change: impl Fn(&mut World) + Send + Sync + 'static,
    ) -> Self {
        self.steps.push(Step { after, deed: Deed::Change(text, Box::new(change)) });
        self
    }

    /// The operator gives the daemon a credential's new secret.
    #[must_use]
    pub fn write_secret(mut self, after: TimeDelta, credential: &'static str, secret_of: &'static str) -> Self {
        self.steps.push(Step { after, deed: Deed::WriteSecret(credential, secret_of) });
        self
    }

    /// The operator changes the configuration and reloads.
    #[must_use]
    pub fn reconfigure(
        mut self,
        after: TimeDelta,
        text: &'static str,
        change: impl Fn(&mut Setup) + Send + Sync + 'static,
    ) -> Self {
        self.steps.push(Step { after, deed: Deed::Reconfigure(text, Box::new(change)) });
        self
    }

    /// Somebody accepts what the open incident of this rule and subject misses.
    #[must_use]
    pub fn accept(mut self, after: TimeDelta, rule: Rule, subject: &'static str) -> Self {
        self.steps.push(Step { after, deed: Deed::Accept(format!("{rule}/{subject}")) });
        self
    }

    /// Somebody says what is going to happen.
    #[must_use]
    pub fn plan(
        mut self,
        after: TimeDelta,
        kind: &'static str,
        pattern: &'static str,
        lasts: TimeDelta,
        count: Option<usize>,
    ) -> Self {
        self.steps.push(Step { after, deed: Deed::Plan { kind, pattern, lasts, count, revoked: false } });
        self
    }

    /// Somebody says that the old token of a rotation was revoked.
    #[must_use]
    pub fn declare_revoked(mut self, after: TimeDelta, pattern: &'static str, lasts: TimeDelta) -> Self {
        let deed = Deed::Plan { kind: "rotate", pattern, lasts, count: None, revoked: true };
        self.steps.push(Step { after, deed });
        self
    }

    /// The daemon is down from `from` until `until`; its state is in a file.
    #[must_use]
    pub fn down(mut self, from: TimeDelta, until: TimeDelta) -> DownTime {
        self.setup.memory = Memory::File;
        self.steps.push(Step { after: from, deed: Deed::StopDaemon });
        DownTime { story: self, until }
    }

    /// The daemon must say this by then.
    #[must_use]
    pub fn expect(mut self, after: TimeDelta, expectations: impl IntoIterator<Item = Expectation>) -> Self {
        self.steps.push(Step { after, deed: Deed::Expect(expectations.into_iter().collect()) });
        self
    }
}

/// What happens while the daemon is down.
pub struct DownTime {
    story: Story,
    until: TimeDelta,
}

impl DownTime {
    /// Something changes in the world, and nobody watches.
    #[must_use]
    pub fn change(
        mut self,
        after: TimeDelta,
        text: &'static str,
        change: impl Fn(&mut World) + Send + Sync + 'static,
    ) -> Self {
        self.story = self.story.change(after, text, change);
        self
    }

    /// The daemon is up again.
    #[must_use]
    pub fn up(mut self) -> Story {
        self.story.steps.push(Step { after: self.until, deed: Deed::StartDaemon });
        self.story
    }
}

impl Setup {
    fn plain(configured_at: Option<DateTime<Utc>>) -> Self {
        Self {
            configured_at,
            organizations: false,
            organizations_credential: None,
            require: Vec::new(),
            group: 0,
            ignore: Vec::new(),
            backstage: false,
            profiles: vec![ProfileSetup { name: "main", credential: "bitbucket-acme", workspaces: vec!["acme"] }],
            credentials: vec![CredentialSetup {
                expires_at: DECLARED_EXPIRY.parse().ok(),
                ..CredentialSetup::api_token("bitbucket-acme", crate::sandbox::world::ACME_CREDENTIAL)
            }],
            snyk_token: crate::sandbox::world::ACME_SNYK_TOKEN.to_owned(),
            permissions: "pilot-guide",
            pace: Cadences::Default,
            schedule: Vec::new(),
            request_timeout: None,
            memory: Memory::Process,
            extra: Vec::new(),
            alerts: Vec::new(),
        }
    }
}

impl CredentialSetup {
    /// The PAT of the sandbox's account, as an API token.
    pub fn api_token(name: &'static str, secret_of: &'static str) -> Self {
        Self {
            name,
            secret_of,
            auth: AuthSetup::ApiToken { email: ACME_EMAIL, scheme: "basic" },
            role: Role::Integration,
            expires_at: None,
            rotated_at: None,
            admin_api: false,
            label: None,
        }
    }
}
