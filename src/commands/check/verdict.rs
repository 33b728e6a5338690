//! What a pass comes to in one word, and the exit code that says it.

use crate::commands::Exit;
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;
use crate::domain::kinds::{Level, Truth};
use crate::domain::status::Status;
use crate::health::status::is_idle_alone;
use crate::snapshot::{ApiView, CredentialView, IntegrationView, Phase, Snapshot};

use super::problems::is_problem;

/// What the pass comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is wrong.
    Healthy,
    /// Nothing is wrong, and a first sync is still to come.
    Awaiting,
    /// Something is wrong.
    Problems,
    /// Not known.
    CouldNotTell,
}

impl Verdict {
    /// A problem anywhere wins over what is not known; a set-up that is not yet overdue is neither.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let views = &snapshot.integrations;
        let has_problem = views.iter().any(|view| {
            let is_excused = is_young_set_up(snapshot, view);
            let counts = |condition| !(is_excused && waits(condition) || is_out_of_sight(view, condition));
            view.conditions.iter().any(|shown| shown.state.truth == Truth::False && counts(shown.condition))
                || (!is_excused && is_bad(view.status.status))
        });
        if has_problem || snapshot.incidents.iter().any(|incident| is_problem(incident)) {
            Self::Problems
        } else if views.is_empty()
            || !snapshot.unseen.is_empty()
            || snapshot.credentials.iter().any(|credential| is_refused(credential) || credential.unlisted.is_some())
            || views.iter().any(|view| is_unknown(view))
        {
            Self::CouldNotTell
        } else if views.iter().any(|view| is_young_set_up(snapshot, view)) {
            Self::Awaiting
        } else {
            Self::Healthy
        }
    }

    /// The word for programs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Healthy | Self::Awaiting => "healthy",
            Self::Problems => "problems",
            Self::CouldNotTell => "could_not_tell",
        }
    }

    /// The last line for people.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Awaiting => "nothing is wrong so far: a first sync is awaited (... above)",
            Self::Problems => "there are problems: see NO above, and what to do next",
            Self::CouldNotTell => "could not tell: see ? above, and NO for why",
        }
    }

    pub(super) const fn exit(self) -> Exit {
        match self {
            Self::Healthy | Self::Awaiting => Exit::Ok,
            Self::Problems => Exit::Problems,
            Self::CouldNotTell => Exit::CouldNotTell,
        }
    }
}

/// An API that gave no usable answer in the whole pass. One that answered something is there; what it did not answer is
/// told where it was asked for.
pub(super) fn is_silent(api: &ApiView) -> bool {
    api.up == Some(false) && api.last_conclusive_at.is_none()
}

/// A credential that nothing was asked with, because its secret was refused when it was read.
pub(super) fn is_refused(credential: &CredentialView) -> bool {
    credential.valid.reason == Reason::SecretRefused
}

/// Not known, for more than a credential that nothing has proved yet.
fn is_unknown(view: &IntegrationView) -> bool {
    let conditions = view.conditions.iter().map(|shown| (shown.condition, shown.state.truth, shown.state.reason));
    view.status.status == Status::Unknown && !is_idle_alone(view.status.reason, conditions)
}

/// An Organization that our token may not read: whether it has a problem cannot be told.
fn is_out_of_sight(view: &IntegrationView, condition: Condition) -> bool {
    condition == Condition::SnykAccessible && view.identity.level == Level::Organization
}

/// A status that a person has to do something about.
pub(super) fn is_bad(status: Status) -> bool {
    matches!(status, Status::ConnectionFailed | Status::Stalled | Status::PartiallyConnected | Status::NotConfigured)
}

/// A Group that awaits its first sync, and whose incident's time has not come.
pub(super) fn is_young_set_up(snapshot: &Snapshot, view: &IntegrationView) -> bool {
    let awaits = view.status.status == Status::SetupInProgress
        || (view.status.status == Status::PartiallyConnected && view.status.reason == Reason::AwaitingFirstSync);
    let is_overdue = snapshot.incidents.iter().any(|incident| {
        incident.phase == Phase::Open
            && incident.key.rule == Rule::PartiallyConnected
            && incident.affected.contains(&view.key())
    });
    awaits && !is_overdue
}

/// Conditions that a first sync makes true.
pub(super) fn waits(condition: Condition) -> bool {
    matches!(
        condition,
        Condition::InventoryPopulated
            | Condition::InventoryComplete
            | Condition::SyncCurrent
            | Condition::CatalogLinked
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::state::ListingFailure;
    use crate::snapshot::sample;

    #[test]
    fn an_admin_api_that_gives_no_listing_cannot_be_told_from_a_bad_token() {
        let mut snapshot = sample::snapshot();
        snapshot.unseen.clear();
        snapshot.incidents.clear();
        snapshot.integrations.retain(|view| view.status.status == Status::Connected);
        for view in &mut snapshot.integrations {
            Arc::make_mut(view).conditions.clear();
        }
        assert_eq!(Verdict::of(&snapshot), Verdict::Healthy);
        Arc::make_mut(&mut snapshot.credentials[1]).unlisted = Some(ListingFailure {
            reason: Reason::AdminApiRefused,
            message: "the admin API refuses our key".to_owned(),
            next_step: "Git host admin: create another".to_owned(),
        });
        assert_eq!(Verdict::of(&snapshot), Verdict::CouldNotTell);
        assert_eq!(Verdict::of(&snapshot).exit(), Exit::CouldNotTell);
    }
}
