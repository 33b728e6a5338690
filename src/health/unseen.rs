//! What the configuration asks for and could not be looked at: Organizations that nobody listed, and names that match
//! nothing. Whatever is configured is shown, from the first minute.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::{Evidence, GroupEvidence, Part, fresh};
use crate::domain::facts::{Access, OrganizationListing};
use crate::domain::fleet::{Fleet, NamedOrganization, WatchedIntegration, WatchedOrganizations};
use crate::domain::kinds::{Level, Truth};
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::State;

use super::advice::{Asked, of_answer};
use super::vanishing::answers_itself;
use super::verdict::{read, said, slot};
use super::words::moment;

/// Why nobody knows which Organizations a configuration key has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlisted {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, in the API's words.
    pub message: String,
    /// What to do, and who has the right for it.
    pub next_step: String,
}

/// An Organization that the configuration names and that is in no complete listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFound {
    /// The text that names it.
    pub name: String,
    /// The settings that name it.
    pub settings: Vec<&'static str>,
    /// Which it is, as far as that is known.
    pub ids: Vec<OrganizationId>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What is known of it.
    pub message: String,
}

/// Why the Organizations of `name` are not listed, or none is; `None` where some are, or where the configuration lists
/// them itself.
pub fn unlisted(state: &State, fleet: &Fleet, name: &IntegrationName, now: DateTime<Utc>) -> Option<Unlisted> {
    let integration = fleet.integrations.get(name)?;
    let watched = integration.organizations.as_ref().filter(|watched| watched.discover.is_none())?;
    let first_seen = state.integrations.get(&IntegrationKey::group(name.clone())).map(|group| group.first_seen_at);
    let first_seen = first_seen.unwrap_or(now);
    if integration.group.is_none() {
        return Some(Unlisted {
            since: first_seen,
            reason: Reason::NotApplicable,
            message: "without a `group` nothing lists the Organizations".to_owned(),
            next_step: "snykwatch operator: name the Organizations by id in `discover`, or configure the `group`"
                .to_owned(),
        });
    }
    let book = state.evidence.groups.get(name);
    let gap = match read(&slot(book, Part::Organizations, |book| &book.organizations), now) {
        Ok(listing) => return lists_none(state, name, listing),
        Err(gap) => gap,
    };
    let failure = book.and_then(|book| book.failures.get(&Part::Organizations));
    let ended = book.and_then(|book| book.organizations.as_ref()).map(Evidence::valid_until);
    let since = ended.or(failure.map(|failure| failure.since)).unwrap_or(first_seen);
    let mut verdict = gap.verdict("the Organizations of the Group");
    if failure.is_none()
        && let Some((reason, message)) = rejected(state, &watched.snyk)
    {
        let next_step = format!("snykwatch operator: see what is said of the token {}", watched.snyk);
        return Some(Unlisted { since, reason, message, next_step });
    }
    let access = book.and_then(|book| fresh(&book.access, now));
    if let Some(evidence) = access
        && let Access::Denied { status } = evidence.value
    {
        let words = said(book.and_then(|book| book.failures.get(&Part::Access)), evidence.observed_at);
        // One cause, one advice: what is not there for us lists nothing.
        verdict.reason = Reason::SnykAccessDenied;
        verdict.message = format!("Snyk does not let us read the Group (HTTP {status}){words}");
    }
    let next_step = of_answer(verdict.reason, Asked::Snyk(Level::Group));
    Some(Unlisted { since, reason: verdict.reason, message: verdict.message, next_step })
}

/// A complete listing without any Organization proves nothing: so much sees an account without a role, too. Where some
/// were listed before, others tell of those.
fn lists_none(
    state: &State,
    name: &IntegrationName,
    listing: &Evidence<Arc<Vec<OrganizationListing>>>,
) -> Option<Unlisted> {
    let group = IntegrationKey::group(name.clone());
    let mut missing = state.vanishing.range(group.clone()..).take_while(|(key, _)| key.integration == *name);
    if !listing.value.is_empty() || missing.any(|(_, vanishing)| vanishing.listed_at.is_some()) {
        return None;
    }
    let since = state.integrations.get(&group).and_then(|stored| stored.group.no_organizations_since);
    Some(Unlisted {
        since: since.unwrap_or(listing.observed_at),
        reason: Reason::GroupAnswersEmpty,
        message: "the Group lists no Organization: either it has none, or our token's role hides them".to_owned(),
        next_step: "Group Admin: check the role of our Snyk token's account in this Group, and whether the Group has \
                    Organizations; if it has none, snykwatch operator: leave `organizations` out"
            .to_owned(),
    })
}

/// Why our token cannot ask.
fn rejected(state: &State, token: &CredentialName) -> Option<(Reason, String)> {
    let valid = state.credentials.get(token).map(|token| &token.valid)?;
    (valid.truth == Truth::False).then(|| (valid.reason, valid.message.clone()))
}

/// The Organizations that the configuration of `name` names and that are not there.
pub fn not_found(state: &State, fleet: &Fleet, name: &IntegrationName, now: DateTime<Utc>) -> Vec<NotFound> {
    let Some(integration) = fleet.integrations.get(name) else { return Vec::new() };
    let Some(watched) = integration.organizations.as_ref().filter(|watched| !watched.named.is_empty()) else {
        return Vec::new();
    };
    let book = state.evidence.groups.get(name);
    let listing = book.and_then(|book| book.organizations.as_ref());
    let case = Case { state, name, integration, watched, book, now };
    match listing {
        Some(listing) => {
            let listed = listing.value.iter().map(|organization| organization.id).collect();
            let missing =
                |(text, named): (&String, &NamedOrganization)| case.missing(text, named, &listed, listing.observed_at);
            watched.named.iter().filter_map(missing).collect()
        }
        // Nothing lists them: each answers for itself.
        None if integration.group.is_none() => {
            watched.named.iter().filter_map(|(text, named)| case.hidden(text, named)).collect()
        }
        None => Vec::new(),
    }
}

struct Case<'a> {
    state: &'a State,
    name: &'a IntegrationName,
    integration: &'a WatchedIntegration,
    watched: &'a WatchedOrganizations,
    book: Option<&'a GroupEvidence>,
    now: DateTime<Utc>,
}

impl Case<'_> {
    fn not_found(&self, text: &str, named: &NamedOrganization, since: DateTime<Utc>, message: String) -> NotFound {
        NotFound {
            name: text.to_owned(),
            settings: named.settings.iter().copied().collect(),
            ids: named.ids.iter().copied().filter(|id| !self.watched.leaves_out(*id)).collect(),
            since,
            message,
        }
    }

    fn missing(
        &self,
        text: &str,
        named: &NamedOrganization,
        listed: &HashSet<OrganizationId>,
        listed_at: DateTime<Utc>,
    ) -> Option<NotFound> {
        if named.ids.iter().any(|id| listed.contains(id) || self.is_there(*id) || self.is_of_mass(*id)) {
            return None;
        }
        let vanishing =
            |id: &OrganizationId| self.state.vanishing.get(&IntegrationKey::organization(self.name.clone(), *id));
        let vanished = named.ids.iter().find_map(vanishing);
        let since = vanished.map_or(listed_at, |vanished| vanished.since);
        let listed = vanished.and_then(|vanished| vanished.listed_at);
        let message = match (self.removal(named), listed) {
            (Some(removal), _) => removal,
            (None, Some(at)) => format!("it was listed until {}, and is no longer", moment(at)),
            (None, None) if named.ids.is_empty() => "no Organization of the Group has this name or slug".to_owned(),
            (None, None) => "the Group's complete listing does not have it".to_owned(),
        };
        Some(self.not_found(text, named, since, message))
    }

    fn hidden(&self, text: &str, named: &NamedOrganization) -> Option<NotFound> {
        let access = |id: &OrganizationId| {
            let key = IntegrationKey::organization(self.name.clone(), *id);
            let book = self.state.evidence.organizations.get(&key);
            book.and_then(|book| fresh(&book.access, self.now))
        };
        let is_hidden =
            |access: &&crate::domain::evidence::Evidence<Access>| access.value == Access::Denied { status: 404 };
        let mut hidden = named.ids.iter().map(|id| access(id).filter(is_hidden));
        match hidden.next() {
            // A name that nothing can match.
            None => {
                let message = "without a `group` an Organization is found by its id alone".to_owned();
                Some(self.not_found(text, named, self.now, message))
            }
            Some(first) => {
                let since = first?.observed_at;
                Some(self.not_found(text, named, since, "Snyk answers that there is none (HTTP 404)".to_owned()))
            }
        }
    }

    /// Whether it answers itself, and names this Group.
    fn is_there(&self, id: OrganizationId) -> bool {
        let key = IntegrationKey::organization(self.name.clone(), id);
        let group = self.integration.group.as_ref().map(|group| group.id);
        match self.state.vanishing.get(&key) {
            Some(vanishing) => answers_itself(&self.state.evidence, &key, group, vanishing, self.now),
            None => false,
        }
    }

    /// Whether another incident is about it: so many vanished that a right was lost.
    fn is_of_mass(&self, id: OrganizationId) -> bool {
        let key = IntegrationKey::organization(self.name.clone(), id);
        let was_listed = self.state.vanishing.get(&key).is_some_and(|vanishing| vanishing.listed_at.is_some());
        was_listed && self.state.mass_vanishing.contains_key(self.name)
    }

    /// What the Group's audit log says of it.
    fn removal(&self, named: &NamedOrganization) -> Option<String> {
        let removed = self.book?.removed_organizations.as_ref()?;
        let event = removed.value.iter().rfind(|event| named.ids.contains(&event.id))?;
        let by = event.user_id.as_ref().map(|user| format!(" by user {user}")).unwrap_or_default();
        Some(format!("it was removed from the Group {}{by} (the Group's audit log)", moment(event.at)))
    }
}
