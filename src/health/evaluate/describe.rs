//! From truths to a status in words.

use chrono::{DateTime, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::WatchedIntegration;
use crate::domain::kinds::{Confidence, Level};
use crate::domain::state::IntegrationState;
use crate::domain::status::Status;

use super::super::advice::{Advised, MovingFill};
use super::super::clocks::Described;
use super::super::group::{GroupVerdicts, ProfileVerdicts};
use super::super::organization::OrganizationVerdicts;
use super::super::progress::is_filling;
use super::super::status::{
    Ever, GroupTruths, OrganizationTruths, ProfileSignal, ProfileTruths, SetUp, Signal, Why, derive_group,
    derive_organization,
};
use super::super::verdict::{Basis, Verdict};
use super::super::words::moment;

fn verdict_of(conditions: &[(Condition, Verdict)], condition: Condition) -> Option<&Verdict> {
    conditions.iter().find(|(of, _)| *of == condition).map(|(_, verdict)| verdict)
}

fn signal_of(conditions: &[(Condition, Verdict)], condition: Condition) -> Signal {
    verdict_of(conditions, condition).map_or(Signal::Unknown, Verdict::signal)
}

fn signal(profile: &ProfileVerdicts, signal: ProfileSignal) -> &Verdict {
    match signal {
        ProfileSignal::CredentialValid => &profile.credential_valid,
        ProfileSignal::GroupPermissions => &profile.group_permissions,
        ProfileSignal::RepositoriesVisible => &profile.repositories_visible,
        ProfileSignal::StillExists => &profile.still_exists,
    }
}

/// What a status rests on, added up.
fn add_up<'v>(verdicts: impl Iterator<Item = &'v Verdict>) -> (Basis, Confidence) {
    verdicts.fold((Basis::default(), Confidence::Strong), |(basis, confidence), verdict| {
        (basis.and(verdict.basis), confidence.max(verdict.confidence))
    })
}

/// What the worst namespace says: one may wait for its first sync beside others that had theirs.
fn was_populated(conditions: &[(Condition, Verdict)]) -> Ever {
    match verdict_of(conditions, Condition::InventoryPopulated).map(|verdict| verdict.reason) {
        Some(Reason::InventoryLost) => Ever::Once,
        _ => Ever::Never,
    }
}

/// The message where some profiles, or some of their namespaces, fail.
fn some_fail(profiles: &[ProfileVerdicts], failed: Option<&str>, sentence: &str) -> String {
    let count = profiles.iter().filter(|profile| profile.truths().fault().is_some()).count();
    match failed {
        Some(name) if count > 0 => {
            let verb = if count == 1 { "fails" } else { "fail" };
            format!("{count} of {} profiles {verb}; {name}: {sentence}", profiles.len())
        }
        _ => format!("a part of the namespaces fails: {sentence}"),
    }
}

/// When the first fill is expected to be complete: no earlier and no later.
fn completion_expected(state: &IntegrationState) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    state.progress.as_ref()?.completion_expected
}

/// The first fill, while it goes on by itself.
fn moving_fill(
    verdicts: &GroupVerdicts,
    watched: &WatchedIntegration,
    state: &IntegrationState,
    now: DateTime<Utc>,
) -> Option<MovingFill> {
    let is_filled = verdicts.remembered.first_fill_completed_at.is_some();
    let moves = !is_filled && is_filling(&state.group, watched.thresholds.sync_cycle, now);
    moves.then(|| MovingFill { complete_by: completion_expected(state).map(|(_, latest)| latest) })
}

/// The verdict that decides the status.
fn decisive(verdicts: &GroupVerdicts, why: Why) -> Option<&Verdict> {
    let conditions = &verdicts.conditions;
    match why {
        Why::Condition(condition) => verdict_of(conditions, condition),
        Why::Profile(index, which) => verdicts.profiles.get(index).map(|profile| signal(profile, which)),
        Why::Reason(Reason::ProfilesFailed) => {
            let failed = verdicts
                .profiles
                .iter()
                .find_map(|profile| profile.truths().fault().map(|fault| signal(profile, fault)));
            failed.or_else(|| verdicts.profiles.iter().find_map(|profile| profile.hidden.as_ref()))
        }
        Why::Reason(Reason::NothingToDiscover) => verdict_of(conditions, Condition::RepositoriesVisible),
        Why::Reason(Reason::AwaitingFirstSync | Reason::InventoryLost | Reason::SetupInProgress) => {
            verdict_of(conditions, Condition::InventoryPopulated)
        }
        Why::Reason(_) => verdict_of(conditions, Condition::InventoryComplete),
    }
}

/// The status of a Group integration.
pub(super) fn group(
    verdicts: &GroupVerdicts,
    watched: &WatchedIntegration,
    state: &IntegrationState,
    set_up_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Described {
    let conditions = &verdicts.conditions;
    let memory = &state.group;
    let profiles: Vec<ProfileTruths> = verdicts.profiles.iter().map(ProfileVerdicts::truths).collect();
    let derived = derive_group(&GroupTruths {
        snyk_accessible: signal_of(conditions, Condition::SnykAccessible),
        profiles: &profiles,
        populated: signal_of(conditions, Condition::InventoryPopulated),
        complete: signal_of(conditions, Condition::InventoryComplete),
        current: signal_of(conditions, Condition::SyncCurrent),
        was_populated: was_populated(conditions),
        first_fill: if verdicts.remembered.first_fill_completed_at.is_some() { Ever::Once } else { Ever::Never },
        set_up: if now - set_up_at < watched.thresholds.setup_grace { SetUp::MomentsAgo } else { SetUp::Earlier },
    });
    let status = derived.status;
    let fails = |profile: &&ProfileVerdicts| profile.truths().fault().is_some();
    let decisive = decisive(verdicts, derived.why);
    let reason = match derived.why {
        Why::Reason(reason) => reason,
        Why::Condition(_) | Why::Profile(..) => decisive.map_or(Reason::NotObserved, |verdict| verdict.reason),
    };
    let failed = match derived.why {
        Why::Profile(index, _) => verdicts.profiles.get(index),
        _ => verdicts.profiles.iter().find(fails),
    }
    .map(|profile| profile.name.as_str())
    .filter(|_| verdicts.profiles.len() > 1);
    let next_sync = state.progress.as_ref().and_then(|progress| progress.next_expected_at).filter(|at| *at > now);
    let first_sync = set_up_at + watched.thresholds.sync_cycle;
    let sentence = decisive.map_or_else(String::new, |verdict| verdict.message.clone());
    let message = match reason {
        Reason::SetupInProgress => {
            // Where nobody said when it was set up, the time counts from the first look at it.
            let is_dated = watched.group.as_ref().is_some_and(|group| group.configured_at.is_some());
            let since = if is_dated { "set up" } else { "first seen" };
            format!("{since} {}; the first sync is due by {}", moment(set_up_at), moment(first_sync))
        }
        Reason::AwaitingFirstSync if now <= first_sync => {
            format!("{sentence}; the first sync is due by {}", moment(first_sync))
        }
        Reason::AwaitingFirstSync => {
            format!("{sentence}; no sync seen since set-up, one was due by {}", moment(first_sync))
        }
        Reason::InventoryLost => match memory.last_asset_moved_at {
            Some(at) => format!("{sentence}, which had some; the last sync seen was {}", moment(at)),
            None => format!("{sentence}, which had some"),
        },
        Reason::InventoryIncomplete => match completion_expected(state) {
            Some((from, to)) if moment(from) == moment(to) => {
                format!("{sentence}; expected to be complete by {}", moment(to))
            }
            Some((from, to)) => {
                format!("{sentence}; expected to be complete between {} and {}", moment(from), moment(to))
            }
            None => sentence,
        },
        Reason::ProfilesFailed => some_fail(&verdicts.profiles, failed, &sentence),
        _ => match failed.filter(|_| status == Status::ConnectionFailed) {
            Some(name) => format!("every profile fails; {name}: {sentence}"),
            None => sentence,
        },
    };
    let (basis, confidence) = group_rests_on(status, reason, verdicts);
    let condition = match derived.why {
        Why::Condition(condition) => Some(condition),
        Why::Profile(_, ProfileSignal::RepositoriesVisible) => Some(Condition::RepositoriesVisible),
        // Whether a profile still exists, Snyk's assets tell.
        Why::Profile(_, ProfileSignal::StillExists) => Some(Condition::InventoryPopulated),
        Why::Profile(..) => Some(Condition::CredentialValid),
        Why::Reason(_) => None,
    };
    let fill = moving_fill(verdicts, watched, state, now);
    let end = decisive.and_then(|verdict| verdict.end);
    let is_of_our_copy = decisive.is_some_and(|verdict| verdict.is_of_our_copy);
    let level = Level::Group;
    let advised =
        Advised { integration: watched, level, profile: failed, next_sync, fill, condition, end, is_of_our_copy };
    Described {
        status,
        reason,
        message,
        next_step: match reason {
            // The cause of the failed profile says more than that it failed.
            Reason::ProfilesFailed => {
                decisive.and_then(|verdict| advised.next_step(Status::ConnectionFailed, verdict.reason))
            }
            reason => advised.next_step(status, reason),
        },
        unanswered: end,
        confidence,
        basis,
        last_proof_of_life_at: memory.last_asset_moved_at,
    }
}

/// Which copy of the PAT is saved in Snyk does not hinder `connected`; where that is unknown it is not proved either.
fn weakened(confidence: Confidence, status: Status, conditions: &[(Condition, Verdict)]) -> Confidence {
    let is_untold = signal_of(conditions, Condition::CredentialInStep) == Signal::Unknown;
    if status == Status::Connected && is_untold { Confidence::Weak } else { confidence }
}

fn group_rests_on(status: Status, reason: Reason, verdicts: &GroupVerdicts) -> (Basis, Confidence) {
    use Condition::{InventoryComplete, InventoryPopulated, SnykAccessible, SyncCurrent};
    // A failing profile rests on its fault alone, any other on all of its signals.
    let of_profiles = verdicts.profiles.iter().flat_map(|profile| {
        let fault = profile.truths().fault();
        [
            ProfileSignal::CredentialValid,
            ProfileSignal::GroupPermissions,
            ProfileSignal::RepositoriesVisible,
            ProfileSignal::StillExists,
        ]
        .into_iter()
        .filter(move |which| fault.is_none_or(|fault| fault == *which))
        .map(move |which| signal(profile, which))
    });
    let rests_on: &[Condition] = match (status, reason) {
        (Status::Unknown, _) => return (Basis::default(), Confidence::Strong),
        (Status::ConnectionFailed | Status::NotConfigured, _) => &[],
        (_, Reason::ProfilesFailed) => &[SnykAccessible],
        (Status::Stalled, _) => &[SnykAccessible, InventoryPopulated, SyncCurrent],
        (_, Reason::InventoryIncomplete) if verdicts.remembered.first_fill_completed_at.is_none() => {
            &[SnykAccessible, InventoryPopulated, InventoryComplete]
        }
        (Status::Connected, _) | (_, Reason::InventoryIncomplete) => {
            &[SnykAccessible, InventoryPopulated, SyncCurrent, InventoryComplete]
        }
        _ => &[SnykAccessible, InventoryPopulated],
    };
    let of_conditions = rests_on.iter().filter_map(|condition| verdict_of(&verdicts.conditions, *condition));
    let (basis, confidence) = add_up(of_profiles.chain(of_conditions));
    (basis, weakened(confidence, status, &verdicts.conditions))
}

/// The status of an Organization's integration.
pub(super) fn organization(verdicts: &OrganizationVerdicts, watched: &WatchedIntegration) -> Described {
    use Condition::{
        CredentialInStep, CredentialValid, IntegrationPresent, RepositoriesImported, SnykAccessible, TestsCurrent,
    };
    let conditions = verdicts.conditions.as_slice();
    let derived = derive_organization(&OrganizationTruths {
        snyk_accessible: signal_of(conditions, SnykAccessible),
        credential_valid: signal_of(conditions, CredentialValid),
        in_step: signal_of(conditions, CredentialInStep),
        present: signal_of(conditions, IntegrationPresent),
        imported: signal_of(conditions, RepositoriesImported),
        tests_current: signal_of(conditions, TestsCurrent),
        disconnected: verdicts.disconnected,
    });
    let status = derived.status;
    let (decisive, reason) = match derived.why {
        Why::Condition(condition) => {
            let verdict = verdict_of(conditions, condition);
            (verdict, verdict.map_or(Reason::NotObserved, |verdict| verdict.reason))
        }
        Why::Reason(reason) => {
            let condition = match reason {
                Reason::IntegrationAbsent => IntegrationPresent,
                Reason::CredentialOutOfStep => CredentialInStep,
                Reason::Disconnected => TestsCurrent,
                _ => RepositoriesImported,
            };
            (verdict_of(conditions, condition), reason)
        }
        Why::Profile(..) => (None, Reason::NotObserved),
    };
    let sentence = decisive.map_or_else(String::new, |verdict| verdict.message.clone());
    let message = match reason {
        Reason::Disconnected => format!("{sentence}, since the integration was deleted or edited"),
        _ => sentence,
    };
    let rests_on: &[Condition] = match (status, reason) {
        (Status::Unknown, _) => &[],
        (Status::NotConfigured, _) => &[IntegrationPresent],
        (Status::ConnectionFailed, Reason::Disconnected) => &[IntegrationPresent, TestsCurrent],
        (Status::ConnectionFailed, _) => &[IntegrationPresent, CredentialValid],
        (_, Reason::CredentialOutOfStep) => &[IntegrationPresent, CredentialValid, SnykAccessible, CredentialInStep],
        (Status::PartiallyConnected, _) | (Status::NothingToWatch, Reason::Unused) => {
            &[IntegrationPresent, CredentialValid, SnykAccessible, RepositoriesImported]
        }
        _ => &[IntegrationPresent, CredentialValid, SnykAccessible, RepositoriesImported, TestsCurrent],
    };
    let (basis, confidence) = add_up(rests_on.iter().filter_map(|condition| verdict_of(conditions, *condition)));
    let confidence = weakened(confidence, status, conditions);
    let condition = match derived.why {
        Why::Condition(condition) => Some(condition),
        Why::Reason(_) | Why::Profile(..) => None,
    };
    let end = decisive.and_then(|verdict| verdict.end);
    let advised = Advised {
        integration: watched,
        level: Level::Organization,
        profile: None,
        next_sync: None,
        fill: None,
        condition,
        end,
        is_of_our_copy: decisive.is_some_and(|verdict| verdict.is_of_our_copy),
    };
    Described {
        status,
        reason,
        message,
        next_step: advised.next_step(status, reason),
        unanswered: end,
        confidence,
        basis,
        last_proof_of_life_at: verdicts.last_tested_at,
    }
}
