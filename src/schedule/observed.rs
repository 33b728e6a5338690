//! When a piece of work last gave evidence.

use chrono::{DateTime, Utc};

use crate::domain::evidence::{EvidenceBook, Slot};
use crate::domain::work::{ProbeKind, Work, WorkSubject};

/// The time of the newest evidence that `work` gave; `None` when it never gave any. Newest, because a part that an API
/// does not offer (an audit log, say) stays empty for ever and must not make the whole look undone.
///
/// `lost_at`: when a loss of the state was noticed. What was observed before it proves no end that was forgotten, so that
/// everything is due that was not asked since.
pub fn last_observed(book: &EvidenceBook, work: &Work, lost_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    newest_evidence(book, work).filter(|at| lost_at.is_none_or(|lost_at| *at >= lost_at))
}

fn newest_evidence(book: &EvidenceBook, work: &Work) -> Option<DateTime<Utc>> {
    match (work.kind, &work.subject) {
        (ProbeKind::SnykToken, WorkSubject::Credential(name)) => {
            let token = book.snyk_tokens.get(name)?;
            newest([at(&token.authentication), at(&token.expiry)])
        }
        (ProbeKind::ScmCredential, WorkSubject::Credential(name)) => {
            let credential = book.scm_credentials.get(name)?;
            newest([at(&credential.authentication), at(&credential.expiry), at(&credential.listed_token)])
        }
        (ProbeKind::GroupAccess, WorkSubject::Group(name)) => at(&book.groups.get(name)?.access),
        (ProbeKind::Inventory, WorkSubject::Group(name)) => at(&book.groups.get(name)?.assets),
        (ProbeKind::Catalog, WorkSubject::Group(name)) => at(&book.groups.get(name)?.catalog),
        (ProbeKind::OrganizationList, WorkSubject::Group(name)) => at(&book.groups.get(name)?.organizations),
        (ProbeKind::Profile, WorkSubject::Profile(name, profile)) => {
            let profile = book.groups.get(name)?.profiles.get(profile)?;
            newest([at(&profile.workspaces), at(&profile.repositories)])
        }
        (ProbeKind::Organization, WorkSubject::Organization(key)) => {
            let organization = book.organizations.get(key)?;
            newest([
                at(&organization.access),
                at(&organization.presence),
                at(&organization.imports),
                at(&organization.events),
            ])
        }
        (ProbeKind::Webhooks, WorkSubject::Organization(key)) => at(&book.organizations.get(key)?.webhooks),
        _ => None,
    }
}

#[expect(clippy::ref_option, reason = "a slot is read where it lies")]
fn at<T>(slot: &Slot<T>) -> Option<DateTime<Utc>> {
    slot.as_ref().map(|evidence| evidence.observed_at)
}

fn newest<const N: usize>(times: [Option<DateTime<Utc>>; N]) -> Option<DateTime<Utc>> {
    times.into_iter().flatten().max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::evidence::{Evidence, GroupEvidence};
    use crate::domain::facts::Access;
    use chrono::TimeDelta;

    #[test]
    fn each_work_reads_its_own_slots() {
        let observed_at: DateTime<Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        let access = Evidence {
            value: Access::Granted { name: None, group: None, created_at: None },
            observed_at,
            probe: ProbeKind::GroupAccess,
            max_age: TimeDelta::hours(1),
            revision: crate::domain::names::Revision::default(),
            restored_until: None,
        };
        let mut book = EvidenceBook::default();
        book.groups.insert("acme".into(), GroupEvidence { access: Some(access), ..GroupEvidence::default() });
        let work = |kind, name: &str| Work { kind, subject: WorkSubject::Group(name.into()) };
        assert_eq!(last_observed(&book, &work(ProbeKind::GroupAccess, "acme"), None), Some(observed_at));
        assert_eq!(last_observed(&book, &work(ProbeKind::Inventory, "acme"), None), None);
        assert_eq!(last_observed(&book, &work(ProbeKind::GroupAccess, "other"), None), None);
        for (lost, expected) in [(-1, Some(observed_at)), (0, Some(observed_at)), (1, None)] {
            let lost_at = Some(observed_at + TimeDelta::seconds(lost));
            assert_eq!(last_observed(&book, &work(ProbeKind::GroupAccess, "acme"), lost_at), expected, "{lost}");
        }
    }
}
