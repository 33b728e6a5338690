//! What happens by itself: commits, Snyk's sync cycles, arrivals, enrichment, clean-up, daily tests.
//!
//! [`World::advance`] lives through everything that was due, in the order of time. The cadence is Snyk's
//! (`docs/apis/snyk.md`): repository list and commits every 6 hours, enrichment daily, archive and delete weekly. A cycle
//! is incremental: it transfers what changed since the last one, and everything after the profile was saved.
//!
//! A [`Fault`](super::Fault) is between the client and the API; Snyk's own synchronisation does not meet it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::ids;
use super::scm_auth::{self, Principal};
use super::world::{
    Asset, AssetRemoval, Availability, Bitbucket, Profile, ProjectStatus, RecurringTests, RemovalReason, Repository,
    Saved, SavedCredential, SyncState, Tests, World,
};

const SYNC_CYCLE: TimeDelta = TimeDelta::hours(6);
const ENRICHMENT_CYCLE: TimeDelta = TimeDelta::days(1);
const CLEAN_UP_CYCLE: TimeDelta = TimeDelta::days(7);
const TEST_CYCLE: TimeDelta = TimeDelta::days(1);

/// What discovery needs of a credential.
const DISCOVERY_SCOPES: [(&str, &str); 3] = [
    ("read:user:bitbucket", "account"),
    ("read:workspace:bitbucket", "account"),
    ("read:repository:bitbucket", "repository"),
];

#[derive(Debug, Clone, Copy)]
enum Due {
    Activity,
    Sync {
        group: usize,
        profile: usize,
    },
    Enrichment {
        group: usize,
        profile: usize,
    },
    CleanUp {
        group: usize,
        profile: usize,
    },
    Tests,
    /// The last moment of a credential, up to which repositories still arrive.
    CredentialEnds,
}

impl World {
    /// Lives through everything up to `to`. Going back in time does nothing.
    pub fn advance(&mut self, to: DateTime<Utc>) {
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= to) {
            self.now = self.now.max(at);
            self.arrivals(at);
            match due {
                Due::Activity => self.activity_round(at),
                Due::Sync { group, profile } => {
                    self.with_profile(group, profile, |work| work.sync(at));
                    let synced = self.snyk.groups.get(group).and_then(|group| group.profiles.get(profile));
                    let synced = synced.filter(|profile| profile.last_sync == Some(at));
                    let secret = synced.map(|profile| profile.saved.secret.clone());
                    self.note_use(secret, at);
                }
                Due::Enrichment { group, profile } => self.with_profile(group, profile, |work| work.enrich(at)),
                Due::CleanUp { group, profile } => self.with_profile(group, profile, |work| work.clean_up(at)),
                Due::Tests => self.daily_tests(at),
                Due::CredentialEnds => {}
            }
        }
        self.now = self.now.max(to);
        self.arrivals(self.now);
    }

    fn next_due(&self) -> Option<(DateTime<Utc>, Due)> {
        let mut due = vec![(self.snyk.next_tests, Due::Tests)];
        if self.activity.share > 0.0 && self.activity.every > TimeDelta::zero() {
            due.push((self.activity.next, Due::Activity));
        }
        for (group, found) in self.snyk.groups.iter().enumerate() {
            for (profile, found) in found.profiles.iter().enumerate() {
                due.push((found.next_sync, Due::Sync { group, profile }));
                due.push((found.next_enrichment, Due::Enrichment { group, profile }));
                due.push((found.next_clean_up, Due::CleanUp { group, profile }));
            }
        }
        let ends = self.bitbucket.credentials.iter().filter_map(|credential| credential.expires_at);
        let last_moments = ends.map(|end| end - TimeDelta::milliseconds(1)).filter(|at| *at > self.now);
        due.extend(last_moments.map(|at| (at, Due::CredentialEnds)));
        due.into_iter().min_by_key(|(at, _)| *at)
    }

    fn activity_round(&mut self, at: DateTime<Utc>) {
        self.activity.next = at + self.activity.every;
        let mut live: Vec<&mut Repository> = self
            .bitbucket
            .repositories
            .iter_mut()
            .filter(|repository| !repository.archived && repository.main_branch.is_some())
            .collect();
        let count = live.len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let served = ((count as f64 * self.activity.share.clamp(0.0, 1.0)).ceil() as usize).min(count);
        for place in 0..served {
            let index = (self.activity.turn + place) % count.max(1);
            if let Some(repository) = live.get_mut(index) {
                repository.updated_on = repository.updated_on.max(at);
                repository.discovery_changed_on = repository.discovery_changed_on.max(at);
            }
        }
        self.activity.turn = (self.activity.turn + served) % count.max(1);
    }

    /// The credentials with which Snyk was let in, which Atlassian sees.
    fn note_use(&mut self, secrets: impl IntoIterator<Item = String>, at: DateTime<Utc>) {
        for secret in secrets {
            self.bitbucket.used(&secret, at);
        }
    }

    fn daily_tests(&mut self, at: DateTime<Utc>) {
        self.snyk.next_tests = at + TEST_CYCLE;
        // 10,000 Organizations may hang on one credential: ask once.
        let mut verdicts: BTreeMap<String, bool> = BTreeMap::new();
        for organization in self.snyk.organizations.iter_mut().filter(|found| found.tests == Tests::Running) {
            let mut working = BTreeSet::new();
            for integration in &organization.integrations {
                let works = match &integration.saved {
                    Saved::App | Saved::OtherHost => true,
                    Saved::Removed => false,
                    Saved::Credential(saved) => *verdicts.entry(saved.secret.clone()).or_insert_with(|| {
                        signed_in(&self.bitbucket, saved, at)
                            .is_some_and(|who| who.has_scope("read:repository:bitbucket", "repository"))
                    }),
                };
                if works {
                    working.insert(integration.id);
                }
            }
            let tested: BTreeSet<Uuid> = organization
                .targets
                .iter()
                .filter(|target| target.integration.is_some_and(|id| working.contains(&id)))
                .map(|target| target.id)
                .collect();
            for project in &mut organization.projects {
                let due = match project.recurring_tests {
                    RecurringTests::Daily | RecurringTests::Untold => true,
                    RecurringTests::Weekly => project.last_tested.is_none_or(|last| at - last >= TimeDelta::days(7)),
                    RecurringTests::Never => false,
                };
                let runs = project.status == ProjectStatus::Active && project.tests == Tests::Running;
                if due && runs && tested.contains(&project.target) {
                    project.last_tested = Some(at);
                }
            }
        }
        self.note_use(verdicts.into_iter().filter(|(_, works)| *works).map(|(secret, _)| secret), at);
    }

    fn arrivals(&mut self, until: DateTime<Utc>) {
        for group in 0..self.snyk.groups.len() {
            let profiles = self.snyk.groups.get(group).map_or(0, |found| found.profiles.len());
            for profile in 0..profiles {
                self.with_profile(group, profile, |work| work.arrive(until));
            }
        }
    }

    fn with_profile(&mut self, group: usize, profile: usize, work: impl FnOnce(&mut ProfileWork<'_>)) {
        let source = self.snyk.asset_source.clone();
        let Some(group) = self.snyk.groups.get_mut(group) else { return };
        let Some(profile) = group.profiles.get_mut(profile) else { return };
        work(&mut ProfileWork { bitbucket: &self.bitbucket, profile, assets: &mut group.assets, source });
    }
}

/// Whom Bitbucket takes a saved credential for.
fn signed_in<'a>(bitbucket: &'a Bitbucket, saved: &SavedCredential, at: DateTime<Utc>) -> Option<Principal<'a>> {
    match &saved.email {
        Some(email) => scm_auth::basic(bitbucket, email, &saved.secret, at).ok(),
        None => scm_auth::bearer(bitbucket, &saved.secret, at).ok(),
    }
}

/// One profile at work.
struct ProfileWork<'a> {
    bitbucket: &'a Bitbucket,
    profile: &'a mut Profile,
    assets: &'a mut Vec<Asset>,
    source: String,
}

impl<'a> ProfileWork<'a> {
    /// The repositories that discovery sees; none when the profile does not synchronise or Bitbucket refuses it.
    fn visible(&self, at: DateTime<Utc>) -> Option<Vec<&'a Repository>> {
        if self.profile.sync != SyncState::Running {
            return None;
        }
        let who = signed_in(self.bitbucket, &self.profile.saved, at)?;
        if !DISCOVERY_SCOPES.iter().all(|(granular, classic)| who.has_scope(granular, classic)) {
            return None;
        }
        let joined: BTreeSet<Uuid> = self
            .bitbucket
            .workspaces
            .iter()
            .filter(|workspace| who.belongs_to(workspace))
            .map(|workspace| workspace.uuid)
            .collect();
        if joined.is_empty() {
            return None;
        }
        let seen =
            |repository: &&Repository| joined.contains(&repository.workspace) && who.sees(self.bitbucket, repository);
        Some(self.bitbucket.repositories.iter().filter(seen).collect())
    }

    fn sync(&mut self, at: DateTime<Utc>) {
        self.profile.next_sync = at + SYNC_CYCLE;
        let Some(visible) = self.visible(at) else { return };
        let since = self.profile.last_sync.filter(|_| !self.profile.full_sync_due);
        // Of two assets of one repository the first is kept up to date.
        let assets = self.assets.iter().enumerate().rev();
        let known: BTreeMap<Uuid, usize> = assets.filter_map(|(index, asset)| Some((asset.scm_id?, index))).collect();
        if self.profile.arriving.is_empty() {
            self.profile.arrived_until = at;
        }
        let mut arriving: BTreeSet<Uuid> = self.profile.arriving.iter().copied().collect();
        for repository in visible {
            let changed = since.is_none_or(|since| repository.discovery_changed_on > since);
            let held = known.get(&repository.uuid).and_then(|&index| self.assets.get_mut(index));
            match held {
                Some(asset) if asset.removal.is_none() => {
                    // After the set-up was saved everything is transferred, otherwise only what changed.
                    if since.is_none() || asset.last_sync.is_none_or(|last| repository.discovery_changed_on > last) {
                        refresh(asset, repository, self.bitbucket, at);
                    }
                }
                // Nothing to scan in an empty repository, and an archived one does not come back.
                _ if repository.main_branch.is_none() || repository.archived => {}
                // Some are never found, and nobody can say why.
                _ if repository.discovery == Availability::Absent => {}
                _ => {
                    if changed && arriving.insert(repository.uuid) {
                        self.profile.arriving.push_back(repository.uuid);
                    }
                }
            }
        }
        self.profile.last_sync = Some(at);
        self.profile.full_sync_due = false;
        self.arrive(at);
    }

    /// Takes found repositories into the Inventory, as fast and as far as the fill goes.
    fn arrive(&mut self, until: DateTime<Utc>) {
        if self.profile.arriving.is_empty() || until < self.profile.arrived_until {
            return;
        }
        let Some(visible) = self.visible(until) else {
            // What could not arrive does not arrive later with an earlier time.
            self.profile.arrived_until = until;
            return;
        };
        let gap = match self.profile.fill.per_hour {
            None => TimeDelta::zero(),
            Some(rate) if rate > 0.0 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "milliseconds between two arrivals")]
                TimeDelta::milliseconds((3_600_000.0 / rate) as i64)
            }
            Some(_) => {
                self.profile.arrived_until = until;
                return;
            }
        };
        let limit = self.profile.fill.stop_at.map(|share| (share * visible.len() as f64).floor());
        let by_id: BTreeMap<Uuid, &Repository> = visible.iter().map(|found| (found.uuid, *found)).collect();
        let name = self.profile.name.clone();
        let mut held = self.assets.iter().filter(|asset| !is_out(asset, &name)).count();
        let (mut later, mut fresh) = (VecDeque::new(), Vec::new());
        while let Some(id) = self.profile.arriving.pop_front() {
            let at = self.profile.arrived_until + gap;
            if at > until || limit.is_some_and(|limit| held as f64 >= limit) {
                later.push_back(id);
                break;
            }
            self.profile.arrived_until = at;
            if let Some(repository) = by_id.get(&id) {
                fresh.push(self.new_asset(repository, at));
                held += 1;
            }
        }
        // A removed asset comes back under its id.
        let back: BTreeSet<Uuid> = fresh.iter().map(|asset| asset.id).collect();
        self.assets.retain(|asset| !back.contains(&asset.id));
        self.assets.append(&mut fresh);
        later.append(&mut self.profile.arriving);
        self.profile.arriving = later;
        if limit.is_some_and(|limit| held as f64 >= limit) {
            // A fill that stands still does not save up arrivals for the time when it goes on.
            self.profile.arrived_until = until;
        }
    }

    fn new_asset(&self, repository: &Repository, at: DateTime<Utc>) -> Asset {
        let workspace = self.bitbucket.workspace_by_id(repository.workspace);
        Asset {
            id: ids::uuid(&format!("asset {}", repository.uuid)),
            profile: Some(self.profile.name.clone()),
            scm_id: Some(repository.uuid),
            scm_id_shown: Availability::Present,
            known_as: None,
            misdated: None,
            name: repository.name.clone(),
            url: self.bitbucket.url_of(repository),
            workspace: workspace.map_or_else(String::new, |workspace| workspace.slug.clone()),
            project: repository.project.clone(),
            default_branch: repository.main_branch.clone(),
            is_private: repository.is_private,
            archived: repository.archived,
            is_personal: repository.personal,
            pushed_at: repository.discovery_changed_on,
            last_sync: Some(at),
            last_seen_at: at,
            created_at: at,
            updated_at: at,
            sources: vec![self.source.clone()],
            context: None,
            removal: None,
        }
    }

    fn enrich(&mut self, at: DateTime<Utc>) {
        self.profile.next_enrichment = at + ENRICHMENT_CYCLE;
        let Some(option) = self.profile.backstage.clone() else { return };
        let Some(visible) = self.visible(at) else { return };
        if option.enrichment == Availability::Absent {
            return;
        }
        let by_id: BTreeMap<Uuid, &Repository> = visible.iter().map(|found| (found.uuid, *found)).collect();
        for asset in self.assets.iter_mut().filter(|asset| asset.removal.is_none()) {
            let repository = asset.scm_id.and_then(|id| by_id.get(&id));
            let file = repository.and_then(|repository| repository.catalog.as_ref());
            asset.context = file
                .filter(|file| file.path == option.file_name)
                .map(|file| (file.component.clone(), file.owner.clone()));
        }
    }

    fn clean_up(&mut self, at: DateTime<Utc>) {
        self.profile.next_clean_up = at + CLEAN_UP_CYCLE;
        if self.visible(at).is_none() {
            return;
        }
        let name = self.profile.name.clone();
        for asset in self.assets.iter_mut().filter(|asset| asset.removal.is_none()) {
            if asset.profile.as_deref() != Some(name.as_str()) {
                continue;
            }
            let reason = match asset.scm_id.and_then(|id| self.bitbucket.repository_by_id(id)) {
                None => RemovalReason::RepositoryDeleted,
                Some(repository) if repository.archived => RemovalReason::RepositoryArchived,
                Some(_) => continue,
            };
            asset.archived = reason == RemovalReason::RepositoryArchived;
            asset.removal = Some(AssetRemoval { reason, at });
            asset.updated_at = at;
        }
    }
}

/// Whether an asset is out of the Inventory or another profile's.
fn is_out(asset: &Asset, profile: &str) -> bool {
    asset.removal.is_some() || asset.profile.as_deref() != Some(profile)
}

fn refresh(asset: &mut Asset, repository: &Repository, bitbucket: &Bitbucket, at: DateTime<Utc>) {
    asset.name.clone_from(&repository.name);
    asset.url = bitbucket.url_of(repository);
    asset.workspace =
        bitbucket.workspace_by_id(repository.workspace).map_or_else(String::new, |found| found.slug.clone());
    asset.project.clone_from(&repository.project);
    asset.default_branch.clone_from(&repository.main_branch);
    asset.is_private = repository.is_private;
    asset.is_personal = repository.personal;
    asset.pushed_at = repository.discovery_changed_on;
    asset.last_sync = Some(at);
    asset.last_seen_at = at;
    asset.updated_at = at;
}
