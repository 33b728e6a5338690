//! Whether a route, a silence or a maintenance window applies to an incident.

use std::collections::BTreeSet;

use crate::domain::fleet::{Fleet, WatchedIntegration};
use crate::domain::incident::{IncidentKey, IncidentState, Severity, Subject};
use crate::domain::kinds::Level;
use crate::domain::matcher::Matcher;
use crate::domain::names::{ApiName, CredentialName, IntegrationName};

/// What matchers look at. An incident about a credential or an API has the integrations it affects; what is asked of an
/// integration (its key, its owner, its Git host) must be true of one of them.
#[derive(Debug, Clone)]
pub(super) struct Traits<'a> {
    key: &'a IncidentKey,
    severity: Severity,
    /// The highest that is affected.
    level: Option<Level>,
    credential: Option<&'a CredentialName>,
    integrations: Vec<(&'a IntegrationName, Option<&'a WatchedIntegration>)>,
}

impl<'a> Traits<'a> {
    pub(super) fn of(key: &'a IncidentKey, incident: &'a IncidentState, fleet: &'a Fleet) -> Self {
        let mut names: BTreeSet<&IntegrationName> = BTreeSet::new();
        let mut level: Option<Level> = None;
        let mut last = None;
        for affected in &incident.affected {
            raise(&mut level, affected.level());
            // Thousands of Organizations of one key stand together.
            if last.replace(&affected.integration) != Some(&affected.integration) {
                names.insert(&affected.integration);
            }
        }
        let mut credential = None;
        match &key.subject {
            Subject::Integration(own) => {
                names.insert(&own.integration);
                raise(&mut level, own.level());
            }
            Subject::Workspace(own, _) => {
                names.insert(own);
                raise(&mut level, Level::Group);
            }
            Subject::Organizations(own) => {
                names.insert(own);
                level = level.or(Some(Level::Organization));
            }
            Subject::Credential(name) => {
                credential = Some(name);
                if names.is_empty() {
                    level = hang_on(fleet, |found| found == name, &mut names);
                }
            }
            Subject::Network if names.is_empty() => level = hang_on(fleet, |_| true, &mut names),
            Subject::Api(api) if names.is_empty() => {
                level = hang_on(fleet, |found| api_of(fleet, found) == Some(api), &mut names);
            }
            Subject::Network | Subject::Api(_) => {}
        }
        let integrations = names.into_iter().map(|name| (name, fleet.integrations.get(name))).collect();
        Self { key, severity: incident.severity, level, credential, integrations }
    }
}

impl Traits<'_> {
    /// How bad it is.
    pub(super) const fn severity(&self) -> Severity {
        self.severity
    }

    /// Who owns what is affected, each once.
    pub(super) fn owners(&self) -> Vec<String> {
        let owners =
            self.integrations.iter().filter_map(|(_, watched)| watched.and_then(|watched| watched.owner.clone()));
        owners.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The integrations that a subject hangs on or that hang on it by the configuration, whether or not an Organization was
/// seen yet, and their highest level. The whole network: all of them.
pub(super) fn naming<'a>(fleet: &'a Fleet, subject: &Subject) -> (Option<Level>, BTreeSet<&'a IntegrationName>) {
    let mut names = BTreeSet::new();
    let own =
        |name: &IntegrationName| fleet.integrations.get_key_value(name).map(|(name, _)| name).into_iter().collect();
    let level = match subject {
        Subject::Network => hang_on(fleet, |_| true, &mut names),
        Subject::Credential(name) => hang_on(fleet, |found| found == name, &mut names),
        Subject::Api(api) => hang_on(fleet, |found| api_of(fleet, found) == Some(api), &mut names),
        Subject::Workspace(name, _) => return (Some(Level::Group), own(name)),
        Subject::Integration(key) => return (Some(key.level()), own(&key.integration)),
        Subject::Organizations(name) => return (Some(Level::Organization), own(name)),
    };
    (level, names)
}

/// The highest level so far: the Group comes first.
fn raise(so_far: &mut Option<Level>, level: Level) {
    *so_far = Some(so_far.map_or(level, |so_far| so_far.min(level)));
}

/// The integrations whose configuration names a credential: before an Organization of theirs was seen, none is affected.
fn hang_on<'a>(
    fleet: &'a Fleet,
    is_meant: impl Fn(&CredentialName) -> bool,
    names: &mut BTreeSet<&'a IntegrationName>,
) -> Option<Level> {
    let mut level = None;
    for (name, integration) in &fleet.integrations {
        let by_group = integration.group.as_ref().is_some_and(|group| {
            is_meant(&group.snyk) || group.profiles.values().any(|profile| is_meant(&profile.credential))
        });
        let by_organizations = integration.organizations.as_ref().is_some_and(|organizations| {
            is_meant(&organizations.snyk)
                || is_meant(&organizations.credential)
                || organizations.overrides.values().any(&is_meant)
        });
        for (_, found) in [(by_group, Level::Group), (by_organizations, Level::Organization)].iter().filter(|by| by.0) {
            raise(&mut level, *found);
            names.insert(name);
        }
    }
    level
}

fn api_of<'a>(fleet: &'a Fleet, credential: &CredentialName) -> Option<&'a ApiName> {
    let snyk = fleet.snyk_tokens.get(credential).map(|token| &token.api);
    snyk.or_else(|| fleet.scm_credentials.get(credential).map(|credential| &credential.api))
}

/// Whether `matcher` applies.
pub(super) fn matches(matcher: &Matcher, traits: &Traits<'_>) -> bool {
    let Matcher { rules, severities, levels, scms, integrations, owners, credentials, incident } = matcher;
    if !(rules.is_empty() || rules.contains(&traits.key.rule))
        || !(severities.is_empty() || severities.contains(&traits.severity))
        || !(levels.is_empty() || traits.level.is_some_and(|level| levels.contains(&level)))
        || !(credentials.is_empty() || traits.credential.is_some_and(|name| any(credentials, name.as_str())))
        || incident.as_ref().is_some_and(|wanted| *wanted != traits.key.to_string())
    {
        return false;
    }
    if scms.is_empty() && integrations.is_empty() && owners.is_empty() {
        return true;
    }
    traits.integrations.iter().any(|(name, watched)| {
        (integrations.is_empty() || any(integrations, name.as_str()))
            && (scms.is_empty() || watched.is_some_and(|watched| scms.contains(&watched.scm)))
            && (owners.is_empty()
                || watched.and_then(|watched| watched.owner.as_ref()).is_some_and(|owner| any(owners, owner)))
    })
}

fn any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| is_like(pattern, text))
}

/// Whether a text is as a pattern says: `*` stands for anything, `?` for one character; letter case does not count.
/// Linear in the pattern for each character of the text, however hostile either is.
pub(super) fn is_like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().flat_map(char::to_lowercase).collect();
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut in_pattern, mut in_text) = (0, 0);
    // Behind the latest star, and where what it stands for ends so far.
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = text.get(in_text) {
        match pattern.get(in_pattern) {
            Some('*') => {
                in_pattern += 1;
                star = Some((in_pattern, in_text));
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                in_pattern += 1;
                in_text += 1;
            }
            _ => match &mut star {
                Some((behind, end)) => {
                    *end += 1;
                    (in_pattern, in_text) = (*behind, *end);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(in_pattern).all(|rest| *rest == '*')
}
