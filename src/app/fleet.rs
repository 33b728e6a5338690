//! From the configuration (and the Organizations that are known by now) to what the core needs of it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use super::naming::Naming;

use crate::config::Config;
use crate::config::conditions::ConditionSettings;
use crate::config::credential::{Credential, ScmAccount};
use crate::config::integration::{GroupIntegration, Integration, Organizations, Workspaces};
use crate::config::schedule::ScheduledProbe;
use crate::config::secrets::SecretSource;
use crate::domain::evidence::EvidenceBook;
use crate::domain::fleet::{
    Fleet, ScmCredential, SnykToken, Thresholds, WatchedGroup, WatchedIntegration, WatchedOrganizations, WatchedProfile,
};
use crate::domain::names::{ApiName, CredentialName};
use crate::domain::permission::PermissionSet;
use crate::domain::work::ProbeKind;

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

/// The fleet of `config`. `versions` are the secrets' versions (see `config::secrets`), absent where a secret cannot be
/// read; `evidence` gives the Organizations that names in the configuration refer to.
pub(super) fn fleet_of(config: &Config, versions: &BTreeMap<CredentialName, String>, evidence: &EvidenceBook) -> Fleet {
    let snyk_tokens = config.snyk.iter().map(|(name, entry)| {
        let token_version = versions.get(name).cloned();
        (name.clone(), SnykToken { api: snyk_api(name), app_root: entry.api.app_root(), token_version })
    });
    let scm_credentials = config.credentials.values().map(|credential| {
        let watched = ScmCredential {
            scm: credential.scm(),
            api: scm_api(credential),
            role: credential.role,
            kind: kind_of(credential).to_owned(),
            expires_at: credential.expires_at,
            rotated_at: credential.rotated_at,
            token_version: versions.get(&credential.name).cloned(),
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
        rules: super::rules::rule_policy(&config.rules),
        thresholds: thresholds_of(&config.conditions),
        max_ages: ProbeKind::ALL.iter().map(|kind| (*kind, max_age(config, *kind))).collect(),
    }
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
        asked: naming.asked().collect(),
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
        coverage_incomplete_below: settings.coverage_incomplete,
        coverage_complete_from: settings.coverage_complete,
        missing_at_least: count(settings.coverage_missing),
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
        ..Thresholds::default()
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

    #[test]
    fn the_defaults_of_both_sides_are_the_same() {
        assert_eq!(thresholds_of(&ConditionSettings::default()), Thresholds::default());
    }
}
