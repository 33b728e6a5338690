//! From the configuration (and the Organizations that are known by now) to what the core needs of it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use super::held::{HeldSecret, HeldSecrets};
use super::naming::Naming;

use crate::config::Config;
use crate::config::conditions::ConditionSettings;
use crate::config::credential::{ApiTokenScheme, AtlassianAdmin, BitbucketAuth, Credential, ScmAccount};
use crate::config::integration::{GroupIntegration, Integration, Organizations, Workspaces};
use crate::config::schedule::ScheduledProbe;
use crate::config::secrets::SecretSource;
use crate::config::snyk::{SnykAuth, SnykScheme};
use crate::domain::evidence::EvidenceBook;
use crate::domain::fleet::{
    Fleet, ScmCredential, SnykToken, Thresholds, WatchedGroup, WatchedIntegration, WatchedOrganizations, WatchedProfile,
};
use crate::domain::names::{ApiName, CredentialName, Revision};
use crate::domain::permission::PermissionSet;
use crate::domain::work::ProbeKind;

/// The name under which the API of the organisation's administrators appears in metrics and incidents.
pub(super) const ATLASSIAN_ADMIN: &str = "atlassian-admin";

/// The name under which a Snyk entry's API appears in metrics and incidents.
pub(super) fn snyk_api(name: &CredentialName) -> ApiName {
    ApiName::new(format!("snyk/{name}"))
}

/// The name under which a credential's Git host appears: one for the public host, one per credential elsewhere.
pub(super) fn scm_api(credential: &Credential) -> ApiName {
    let ScmAccount::BitbucketCloud(account) = &credential.account;
    match account.api_url {
        None => ApiName::new(credential.scm().as_str()),
        Some(_) => ApiName::new(format!("{}/{}", credential.scm(), credential.name)),
    }
}

/// The fleet of `config`. `evidence` gives the Organizations that names in the configuration refer to.
pub(super) fn fleet_of(config: &Config, held: &HeldSecrets, evidence: &EvidenceBook) -> Fleet {
    let version_of = |name: &CredentialName| held.get(name).and_then(HeldSecret::version).map(str::to_owned);
    let refusal_of = |name: &CredentialName| held.get(name).and_then(HeldSecret::refusal).map(str::to_owned);
    let snyk_tokens = config.snyk.iter().map(|(name, entry)| {
        let token_version = version_of(name);
        let host = Revision::of([entry.api.root()]);
        let revision = host.with(scheme_of(&entry.auth)).with(token_version.as_deref().unwrap_or_default());
        let (api, app_root, refused) = (snyk_api(name), entry.api.app_root(), refusal_of(name));
        (name.clone(), SnykToken { api, app_root, token_version, refused, host, revision })
    });
    let scm_credentials = config.credentials.values().map(|credential| {
        let token_version = version_of(&credential.name);
        let host = identity_of(credential);
        let revision = host.with(token_version.as_deref().unwrap_or_default());
        let watched = ScmCredential {
            scm: credential.scm(),
            api: scm_api(credential),
            role: credential.role,
            kind: kind_of(credential).to_owned(),
            expires_at: credential.expires_at,
            rotated_at: credential.rotated_at,
            token_version,
            refused: refusal_of(&credential.name),
            host,
            revision,
            listing: admin_of(credential).map(|admin| {
                let selected = [admin.label.as_deref(), admin.email.as_deref()].map(Option::unwrap_or_default);
                selected.into_iter().fold(admin_host(admin).and(host), Revision::with)
            }),
        };
        (credential.name.clone(), watched)
    });
    let integrations = config
        .integrations
        .values()
        .map(|integration| (integration.name.clone(), watched_integration(integration, evidence)));
    Fleet {
        snyk_tokens: snyk_tokens.collect(),
        scm_credentials: scm_credentials.collect(),
        integrations: integrations.collect(),
        apis: apis_of(config),
        rules: super::rules::rule_policy(&config.rules),
        thresholds: thresholds_of(&config.conditions),
        max_ages: ProbeKind::ALL.iter().map(|kind| (*kind, max_age(config, *kind))).collect(),
    }
}

/// Every API that is asked, and where.
fn apis_of(config: &Config) -> BTreeMap<ApiName, Revision> {
    let snyk = config.snyk.iter().map(|(name, entry)| (snyk_api(name), Revision::of([entry.api.root()])));
    let scm = config.credentials.values().map(|credential| {
        let ScmAccount::BitbucketCloud(account) = &credential.account;
        (scm_api(credential), Revision::of([account.api_root()]))
    });
    let admins = config.credentials.values().filter_map(|credential| admin_of(credential));
    let admins = admins.map(|admin| (ApiName::new(ATLASSIAN_ADMIN), admin_host(admin)));
    snyk.chain(scm).chain(admins).collect()
}

/// Who asks the Git host: the credential without its secret.
fn identity_of(credential: &Credential) -> Revision {
    let ScmAccount::BitbucketCloud(account) = &credential.account;
    let identity = Revision::of([account.api_root(), kind_of(credential)]);
    match &account.auth {
        BitbucketAuth::ApiToken { email, scheme, token: _ } => {
            let scheme = match scheme {
                ApiTokenScheme::Basic => "basic",
                ApiTokenScheme::Bearer => "bearer",
            };
            identity.with(email).with(scheme)
        }
        BitbucketAuth::AppPassword { username, password: _ } => identity.with(username),
        BitbucketAuth::AccessToken { .. } | BitbucketAuth::Oauth { .. } => identity,
    }
}

fn scheme_of(auth: &SnykAuth) -> &'static str {
    match auth {
        SnykAuth::Token { scheme: SnykScheme::Token, .. } => "token",
        SnykAuth::Token { scheme: SnykScheme::Bearer, .. } => "bearer",
        SnykAuth::Oauth { .. } => "oauth",
    }
}

fn admin_of(credential: &Credential) -> Option<&AtlassianAdmin> {
    let ScmAccount::BitbucketCloud(account) = &credential.account;
    account.atlassian_admin.as_ref()
}

fn admin_host(admin: &AtlassianAdmin) -> Revision {
    Revision::of([admin.api_root()]).with(&admin.org_id.to_string())
}

fn max_age(config: &Config, kind: ProbeKind) -> TimeDelta {
    span(config.schedule.of(ScheduledProbe::of_kind(kind)).max_age)
}

fn kind_of(credential: &Credential) -> &'static str {
    let ScmAccount::BitbucketCloud(account) = &credential.account;
    account.auth.kind()
}

/// The secret whose change is a rotation.
pub(super) fn secret_of(credential: &Credential) -> &SecretSource {
    let ScmAccount::BitbucketCloud(account) = &credential.account;
    account.auth.secret()
}

fn watched_integration(integration: &Integration, evidence: &EvidenceBook) -> WatchedIntegration {
    WatchedIntegration {
        scm: integration.scm,
        owner: integration.owner.clone(),
        group: integration.group.as_ref().map(watched_group),
        organizations: integration
            .organizations
            .as_ref()
            .map(|settings| watched_organizations(settings, &Naming::new(&integration.name, settings, evidence))),
        thresholds: thresholds_of(&integration.conditions),
        rules: super::rules::rule_policy(&integration.rules),
    }
}

fn watched_group(group: &GroupIntegration) -> WatchedGroup {
    let profiles = group.profiles.iter().map(|(name, profile)| {
        let workspaces = match &profile.workspaces {
            Workspaces::All => std::collections::BTreeSet::new(),
            Workspaces::Named(workspaces) => workspaces.clone(),
        };
        let watched = WatchedProfile { credential: profile.credential.name.clone(), workspaces };
        (name.clone(), watched)
    });
    WatchedGroup {
        snyk: group.snyk.name.clone(),
        id: group.id,
        configured_at: group.configured_at,
        permissions: PermissionSet::clone(&group.permissions),
        group_permissions: PermissionSet::group(),
        profiles: profiles.collect(),
        catalog_file: group.backstage.as_ref().map(|backstage| backstage.file_name.clone()),
        ignore: group.ignore.patterns().to_vec(),
    }
}

fn watched_organizations(settings: &Organizations, naming: &Naming<'_>) -> WatchedOrganizations {
    let overrides = naming.overrides().into_iter();
    let overrides = overrides.filter(|(_, credential)| credential.name != settings.credential.name);
    WatchedOrganizations {
        snyk: settings.snyk.name.clone(),
        credential: settings.credential.name.clone(),
        overrides: overrides.map(|(id, credential)| (id, credential.name.clone())).collect(),
        require: naming.required(),
        discover: naming.discovered(),
        excluded: naming.excluded(),
        named: naming.named(),
        asked: naming.asked(),
        permissions: PermissionSet::clone(&settings.permissions),
    }
}

fn thresholds_of(settings: &ConditionSettings) -> Thresholds {
    Thresholds {
        setup_grace: span(settings.setup_grace),
        max_lag: span(settings.max_lag),
        canary_tolerance: span(settings.canary_grace),
        late_canaries: count(settings.late_canaries),
        very_late_canaries: count(settings.very_late_canaries),
        very_late_factor: i32::try_from(settings.very_late_factor).unwrap_or(i32::MAX),
        partial_stall_at_least: count(settings.partial_stall),
        partial_stall_share: settings.partial_stall_share,
        coverage_incomplete_below: settings.coverage_incomplete,
        coverage_complete_from: settings.coverage_complete,
        missing_at_least: count(settings.coverage_missing),
        missing_alone_after: span(settings.coverage_missing_alone_after),
        right_lost_share: settings.loss_share,
        right_lost_at_least: count(settings.loss),
        loss_window: span(settings.loss_window),
        inventory_lost_share: settings.inventory_lost_share,
        archived_share: settings.archived_share,
        profile_deleted_share: settings.profile_deleted_share,
        eligible_after: span(settings.eligible_after),
        fresh_for: span(settings.credential_fresh),
        rotation_uncertainty: span(settings.rotation_margin),
        import_grace: span(settings.import_grace),
        test_grace: span(settings.tested_within),
        tests_current_from: settings.tested_share,
        inactive_share: settings.inactive_share,
        empty_targets_up_to: settings.empty_targets_share,
        empty_targets_at_least: count(settings.empty_targets),
        connected_for: span(settings.connected_hold),
        fill_extension: span(settings.fill_extension),
        fill_proof_age: span(settings.fill_proof_age),
        vanished_share: settings.vanished_share,
        clock_skew: span(settings.max_clock_skew),
        sync_cycle: span(settings.sync_cycle),
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A span of the configuration in domain terms; the configuration's limits keep it far inside the range.
pub(super) fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Secrets};

    const CONFIGURATION: &str = "
snyk:
  acme-us: { region: SNYK-US-01, token: { file: snyk-token } }
credentials:
  bitbucket-acme:
    bitbucket_cloud:
      api_token: { email: bot@acme.example, token: { file: bitbucket-token } }
    role: integration
integrations:
  acme-bitbucket:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: 0d3728ec-eebf-484d-9907-ba238019f10b
      profiles: { main: { credential: bitbucket-acme, workspaces: [acme] } }
";

    fn fleet(text: &str, versions: [(&str, &str); 2]) -> Fleet {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("snykwatch.yaml");
        std::fs::write(&path, text).unwrap();
        let loaded = config::load(&path, Secrets::Skip, "2026-11-23T09:00:00Z".parse().unwrap()).unwrap();
        let held =
            versions.map(|(name, version)| (CredentialName::from(name), HeldSecret::Version(version.to_owned())));
        fleet_of(&loaded.config, &held.into(), &EvidenceBook::default())
    }

    #[test]
    fn a_revision_changes_with_what_it_is_about_and_with_nothing_else() {
        const VERSIONS: [(&str, &str); 2] = [("acme-us", "1"), ("bitbucket-acme", "1")];
        // Which of these change: Snyk's address, its token; the account's address, its token.
        let changed = |from: &str, to: &str, versions| {
            let texts = [CONFIGURATION.to_owned(), CONFIGURATION.replacen(from, to, 1)];
            assert!(from.is_empty() || texts[0] != texts[1], "{from}");
            let [before, after] = [fleet(&texts[0], VERSIONS), fleet(&texts[1], versions)].map(|fleet| {
                let snyk = fleet.snyk_tokens.into_values().next().unwrap();
                let scm = fleet.scm_credentials.into_values().next().unwrap();
                [snyk.host, snyk.revision, scm.host, scm.revision]
            });
            std::array::from_fn(|index| before[index] != after[index])
        };
        let check = |from, to, expected: [bool; 4]| assert_eq!(changed(from, to, VERSIONS), expected, "{from} -> {to}");
        check("", "", [false; 4]);
        check("    scm:", "    owner: platform\n    scm:", [false; 4]);
        check("workspaces: [acme]", "workspaces: [acme, labs]", [false; 4]);
        check("role: integration", "role: integration\n    expires_at: 2027-01-01", [false; 4]);
        check("SNYK-US-01", "SNYK-EU-01", [true, true, false, false]);
        check("bot@acme.example", "other@acme.example", [false, false, true, true]);
        check("      api_token", "      api_url: https://git.example.com\n      api_token", [false, false, true, true]);
        let token = |snyk, scm| changed("", "", [("acme-us", snyk), ("bitbucket-acme", scm)]);
        assert_eq!(token("2", "1"), [false, true, false, false]);
        assert_eq!(token("1", "2"), [false, false, false, true]);
    }

    #[test]
    fn the_defaults_of_both_sides_are_the_same() {
        assert_eq!(thresholds_of(&ConditionSettings::default()), Thresholds::default());
    }
}
