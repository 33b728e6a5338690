//! What the account is to each workspace. Being a member is the proof that matters: a public repository is visible to
//! strangers. A workspace that is not listed under its slug is looked for by its stable id, because a renamed workspace
//! is our configuration's mistake, not the account's.

use std::collections::{BTreeMap, BTreeSet};

use super::session::Session;
use crate::client::answer::{Failure, FailureClass};
use crate::client::bitbucket_cloud::WorkspaceAccess;
use crate::domain::condition::Reason;
use crate::domain::evidence::Part;
use crate::domain::facts::{PermissionProof, WorkspaceFact};
use crate::domain::names::WorkspaceSlug;
use crate::domain::permission::Permission;
use crate::probe::judgement::{Verdict, told};
use crate::probe::round::Round;

/// What was earlier found about the workspaces.
pub(super) type Earlier<'a> = Option<&'a BTreeMap<WorkspaceSlug, WorkspaceFact>>;

/// What the list of memberships gave.
pub(super) enum Membership {
    /// The complete list.
    Listed(Vec<WorkspaceAccess>),
    /// The credential has no account that lists its memberships, in these words: an access token. What it sees that a
    /// stranger would not has to prove that it belongs there.
    NoAccount(String),
    /// Unknown; the failure is taken down, and listing repositories may still work.
    Unknown,
    /// The round is over.
    Over,
}

/// Asks for the account's memberships; tells whether the answer named the granted scopes.
pub(super) async fn memberships(session: &mut Session<'_>, round: &mut Round) -> (Membership, bool) {
    match round.hear(session.api(), session.client().user_workspaces().await) {
        Ok(walk) => {
            session.is_accepted();
            let has_scopes = walk.meta.credential.granted.is_some();
            if !has_scopes {
                session.prove(Permission::WorkspaceRead, PermissionProof::Granted, round);
            }
            super::permissions::prove_by_answer(session, Permission::WorkspaceRead, &walk.meta.credential, round);
            (Membership::Listed(walk.items), has_scopes)
        }
        Err(failure) => {
            let has_scopes = failure.meta.credential.granted.is_some();
            if failure.class == FailureClass::NotAccessibleByThisAuthentication {
                session.is_accepted();
                return (Membership::NoAccount(failure.detail), has_scopes);
            }
            super::permissions::prove_missing(session, Permission::WorkspaceRead, &failure, round);
            let verdict = session.concede(round, Part::Workspaces, "list the account's workspaces", &failure).await;
            (if let Verdict::Denied(_) = verdict { Membership::Unknown } else { Membership::Over }, has_scopes)
        }
    }
}

/// What is told by the list alone; `None`: not listed.
fn by_list(
    slug: &WorkspaceSlug,
    listed: &[WorkspaceAccess],
    earlier: Option<&WorkspaceFact>,
    remembered: Option<&str>,
) -> Option<WorkspaceFact> {
    let with_slug = |wanted: &str| listed.iter().find(|access| access.slug.eq_ignore_ascii_case(wanted));
    // The id went with the finding; the new slug stands for it as long as it is listed.
    if let Some(WorkspaceFact::Renamed { to }) = earlier
        && with_slug(to.as_str()).is_some()
    {
        return Some(WorkspaceFact::Renamed { to: to.clone() });
    }
    let known = match earlier {
        Some(WorkspaceFact::Member { uuid: Some(uuid), .. }) => Some(uuid.as_str()),
        _ => None,
    };
    let Some(access) = with_slug(slug.as_str()) else { return renamed(known.or(remembered)?, listed) };
    // Another workspace may have taken the name of the one that is watched.
    let taken_from = known.filter(|known| !access.uuid.eq_ignore_ascii_case(known));
    taken_from.and_then(|known| renamed(known, listed)).or_else(|| {
        let uuid = Some(access.uuid.clone());
        Some(WorkspaceFact::Member { uuid, administrator: access.is_administrator })
    })
}

fn renamed(id: &str, listed: &[WorkspaceAccess]) -> Option<WorkspaceFact> {
    let access = listed.iter().find(|access| access.uuid.eq_ignore_ascii_case(id))?;
    Some(WorkspaceFact::Renamed { to: WorkspaceSlug::new(&access.slug) })
}

/// The facts of the wanted workspaces (none wanted: of all that are listed). One that stays unclear leaves the others
/// what they are. `None`: the credential is rejected, or none is clear.
pub(super) async fn judge(
    session: &mut Session<'_>,
    listed: &[WorkspaceAccess],
    wanted: &BTreeSet<WorkspaceSlug>,
    earlier: Earlier<'_>,
    round: &mut Round,
) -> Option<BTreeMap<WorkspaceSlug, WorkspaceFact>> {
    let all: BTreeSet<_> = listed.iter().map(|access| WorkspaceSlug::new(&access.slug)).collect();
    let wanted = if wanted.is_empty() { &all } else { wanted };
    let mut facts = BTreeMap::new();
    for slug in wanted {
        let remembered = round.memory.workspace_id(session.scope.name, slug);
        let earlier = earlier.and_then(|facts| facts.get(slug));
        let fact = match by_list(slug, listed, earlier, remembered.as_deref()) {
            Some(fact) => fact,
            None => ask(session, slug, listed, round).await?,
        };
        if let WorkspaceFact::Member { uuid: Some(uuid), .. } = &fact {
            round.memory.learn_workspace_id(session.scope.name, slug, uuid);
        }
        facts.insert(slug.clone(), fact);
    }
    some_told(facts)
}

/// Facts of which one at least tells something; an account without any workspace is told too.
fn some_told(facts: BTreeMap<WorkspaceSlug, WorkspaceFact>) -> Option<BTreeMap<WorkspaceSlug, WorkspaceFact>> {
    let is_told = |fact: &WorkspaceFact| !matches!(fact, WorkspaceFact::Untold { .. });
    (facts.is_empty() || facts.values().any(is_told)).then_some(facts)
}

/// The facts for a credential without an account. An access token belongs to its workspace, so a workspace that is there
/// is presumed its own, to be proved by what is seen in it ([`is_member`]); one that is not there is not.
pub(super) async fn presume(
    session: &mut Session<'_>,
    wanted: &BTreeSet<WorkspaceSlug>,
    round: &mut Round,
) -> Option<BTreeMap<WorkspaceSlug, WorkspaceFact>> {
    let mut facts = BTreeMap::new();
    for slug in wanted {
        let fact = match round.hear(session.api(), session.client().workspace(slug.as_str()).await) {
            Ok(answer) => WorkspaceFact::Member { uuid: Some(answer.value.uuid), administrator: None },
            Err(failure) => match session.judge(round, Part::Workspaces, &attempt(slug), &failure).await {
                Verdict::Denied(404) => WorkspaceFact::NotFound,
                Verdict::Denied(_) if is_shut_out(&failure) => shut_out(&failure),
                Verdict::Denied(_) => WorkspaceFact::Member { uuid: None, administrator: None },
                Verdict::Inconclusive => untold(slug, &failure),
                Verdict::CredentialRejected => return None,
            },
        };
        facts.insert(slug.clone(), fact);
    }
    some_told(facts)
}

/// Whether the account is proved to be a member of a workspace whose repositories it could list, while nothing lists its
/// memberships. Whoever asks sees public repositories: only what a stranger would not be shown is a proof.
pub(super) async fn is_member(
    session: &Session<'_>,
    slug: &WorkspaceSlug,
    sees_private: bool,
    round: &mut Round,
) -> bool {
    use crate::client::bitbucket_cloud::Permission::{Collaborator, CreateProject, Member, Owner};
    if sees_private {
        return true;
    }
    let asked = round.hear(session.api(), session.client().workspace_permission(slug.as_str()).await);
    asked.is_ok_and(|answer| matches!(answer.value, Owner | CreateProject | Collaborator | Member))
}

fn attempt(slug: &WorkspaceSlug) -> String {
    format!("read workspace {slug}")
}

/// The fact in an answer that tells nothing.
fn untold(slug: &WorkspaceSlug, failure: &Failure) -> WorkspaceFact {
    let (label, why) = told(&attempt(slug), failure);
    WorkspaceFact::Untold { reason: Reason::of_failure(label), why }
}

fn is_shut_out(failure: &Failure) -> bool {
    matches!(failure.class, FailureClass::ShutOut { .. })
}

/// The fact in a refusal that shuts an accepted credential out.
pub(super) fn shut_out(failure: &Failure) -> WorkspaceFact {
    WorkspaceFact::ShutOut { why: failure.message().unwrap_or(&failure.detail).to_owned() }
}

/// Asks for a workspace that is not listed; `None`: the credential is rejected.
async fn ask(
    session: &mut Session<'_>,
    slug: &WorkspaceSlug,
    listed: &[WorkspaceAccess],
    round: &mut Round,
) -> Option<WorkspaceFact> {
    match round.hear(session.api(), session.client().workspace(slug.as_str()).await) {
        Ok(answer) => Some(renamed(&answer.value.uuid, listed).unwrap_or(WorkspaceFact::NotMember)),
        Err(failure) => match session.judge(round, Part::Workspaces, &attempt(slug), &failure).await {
            Verdict::Denied(404) => Some(WorkspaceFact::NotFound),
            Verdict::Denied(_) if is_shut_out(&failure) => Some(shut_out(&failure)),
            Verdict::Denied(_) => Some(WorkspaceFact::NotMember),
            Verdict::Inconclusive => Some(untold(slug, &failure)),
            Verdict::CredentialRejected => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_found_by_slug_or_by_its_id() {
        let listed = [
            WorkspaceAccess { slug: "acme".to_owned(), uuid: "{1}".to_owned(), is_administrator: Some(true) },
            WorkspaceAccess { slug: "acme-new".to_owned(), uuid: "{2}".to_owned(), is_administrator: None },
        ];
        let member = |uuid: &str, administrator| WorkspaceFact::Member { uuid: Some(uuid.to_owned()), administrator };
        let renamed = |to: &str| WorkspaceFact::Renamed { to: WorkspaceSlug::from(to) };
        let check = |slug: &str, earlier: Option<WorkspaceFact>, remembered: Option<&str>, expected| {
            let found = by_list(&WorkspaceSlug::from(slug), &listed, earlier.as_ref(), remembered);
            assert_eq!(found, expected, "{slug} {earlier:?} {remembered:?}");
        };
        check("acme", None, None, Some(member("{1}", Some(true))));
        check("ACME", None, Some("{2}"), Some(member("{1}", Some(true))));
        // Another workspace has the name of the one that was watched.
        check("acme", Some(member("{2}", None)), None, Some(renamed("acme-new")));
        check("acme", Some(renamed("acme-new")), None, Some(renamed("acme-new")));
        check("acme", Some(member("{9}", None)), Some("{2}"), Some(member("{1}", Some(true))));
        // It got its name back.
        check("acme", Some(renamed("acme-gone")), None, Some(member("{1}", Some(true))));
        check("acme-old", None, None, None);
        check("acme-old", Some(member("{2}", None)), None, Some(renamed("acme-new")));
        check("acme-old", Some(WorkspaceFact::NotFound), Some("{2}"), Some(renamed("acme-new")));
        check("acme-old", Some(renamed("acme-new")), None, Some(renamed("acme-new")));
        check("acme-old", Some(renamed("acme-gone")), Some("{9}"), None);
        check("acme-old", Some(member("{9}", None)), Some("{2}"), None);
    }
}
