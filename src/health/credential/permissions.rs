//! What a PAT may do.

use crate::domain::condition::Reason;
use crate::domain::evidence::Part;
use crate::domain::facts::PermissionProof;
use crate::domain::kinds::{Confidence, Truth};
use crate::domain::permission::{Permission, describe};

use super::super::verdict::{Basis, Gap, Known, Proven, Verdict, read};
use super::super::words::moment;
use super::{Claims, Movement};

impl Claims<'_> {
    /// Whether every one of `required` is granted.
    pub(in crate::health) fn permissions(&self, required: &[Permission]) -> Verdict {
        let mut basis = Basis::default();
        let (mut granted, mut missing, mut partial) = (0_usize, Vec::new(), Vec::new());
        let (mut unverifiable, mut contradicted, mut doubted) = (Vec::new(), Vec::new(), Vec::new());
        let mut gap = None;
        for permission in required {
            let label =
                describe(self.watched.scm, *permission).map_or(permission.as_str(), |described| described.label);
            // An observer shows the account's rights, not the scopes of the token saved in Snyk.
            if self.is_observer() && *permission != Permission::RepositoryAdmin {
                unverifiable.push(label);
                continue;
            }
            let evidence = match read(&self.permission_evidence(*permission), self.now) {
                Ok(evidence) => evidence,
                Err(_) if self.is_doubted(*permission) => {
                    doubted.push(label);
                    continue;
                }
                Err(found) => {
                    gap = gap.or(Some((found, label)));
                    continue;
                }
            };
            basis = basis.and(Basis::of(evidence));
            match &evidence.value {
                PermissionProof::Granted => granted += 1,
                PermissionProof::Partial { granted: some, total } if some >= total => granted += 1,
                PermissionProof::Partial { granted, total } => {
                    partial.push(format!("{label}: administrator of {granted} of {total} repositories"));
                }
                PermissionProof::Missing { scope: Some(scope) } => missing.push(format!("{label} ({scope})")),
                PermissionProof::Missing { scope: None } => missing.push(label.to_owned()),
                PermissionProof::Unverifiable => unverifiable.push(label),
                PermissionProof::Contradicted => contradicted.push(label),
            }
        }
        let name = self.name;
        let of = required.len();
        if !missing.is_empty() {
            missing.append(&mut partial);
            let list = missing.join(", ");
            return Verdict::fails(Reason::PermissionMissing, format!("{name} lacks {list}"), basis);
        }
        if !partial.is_empty() {
            return Verdict::fails(Reason::AdminRightsMissing, format!("{name}: {}", partial.join(", ")), basis);
        }
        if let Some((gap, label)) = gap {
            return self.unasked(&gap, &format!("whether {name} has {label}"));
        }
        if !doubted.is_empty() {
            let list = doubted.join(", ");
            let message = format!("{name}: {list}: one round found less than all; the next one decides");
            return Verdict::unknown(Reason::PermissionUnverifiable, message);
        }
        if !contradicted.is_empty() {
            let list = contradicted.join(", ");
            let message =
                format!("the scope header lacks {list}, and an answer to the same token proves that header wrong");
            return Verdict::unknown(Reason::Contradicted, message);
        }
        if !unverifiable.is_empty() && self.is_observer() {
            let message = format!("{name} is an observer: its own scopes say nothing of the PAT saved in Snyk");
            return Verdict::unknown(Reason::PermissionUnverifiable, message);
        }
        if !unverifiable.is_empty() {
            return Verdict::unknown(
                Reason::PermissionUnverifiable,
                format!("{name} has {granted} of {of} permissions; not verifiable: {}", unverifiable.join(", ")),
            );
        }
        match Proven::counted(basis, granted, of) {
            Some(proven) => Verdict::holds(Reason::Ok, format!("{name} has {granted} of {of} permissions"), proven),
            None => Verdict::not_applicable(Reason::Ok, "no permission is required"),
        }
    }

    /// What is not known of a permission. With a token that is rejected nothing is asked: the rejection is why.
    fn unasked(&self, gap: &Gap, what: &str) -> Verdict {
        let verdict = gap.verdict(what);
        let accepted = self.accepted();
        if gap.has_words() || accepted.truth != Truth::False {
            return verdict;
        }
        Verdict { message: format!("{what}: {}", accepted.message), ..verdict }
    }

    fn is_doubted(&self, permission: Permission) -> bool {
        self.memory.is_some_and(|memory| memory.doubted.contains_key(&permission))
    }

    fn permission_evidence(&self, permission: Permission) -> Known<'_, PermissionProof> {
        let failed = |part: Part| self.evidence.and_then(|book| book.failures.get(&part));
        // Where nobody says whose it is, nothing more is asked: that answer is why.
        let failure = failed(Part::Permissions).or_else(|| failed(Part::Authentication));
        Known::new(self.evidence.and_then(|book| book.permissions.get(&permission)), failure)
    }

    /// Whether the permissions that discovery needs are granted. Of an observer they are inferred as its validity is: a
    /// sync that came with the token saved in Snyk proves them too, and the scopes of a token never change.
    pub(in crate::health) fn group_permissions(&self, required: &[Permission], movement: Option<&Movement>) -> Verdict {
        let verdict = self.permissions(required);
        if !self.is_observer() || verdict.truth != Truth::Unknown {
            return verdict;
        }
        let created_at = self.listed().and_then(|(listed, _)| listed.created_at);
        let proof = movement.filter(|movement| movement.proves_use() || created_at.is_some_and(|at| movement.at > at));
        match proof {
            Some(movement) => Verdict::holds(
                Reason::InferredFromSync,
                format!("Snyk discovered repositories with its PAT at {}", moment(movement.at)),
                movement.proven(),
            )
            .inferred()
            .with_confidence(Confidence::Weak),
            None => Verdict::unknown(Reason::IdleUnproved, self.idle(movement)),
        }
    }
}
