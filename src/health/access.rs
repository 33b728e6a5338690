//! What is claimed of a Snyk token: accepted, and allowed to read a Group or an Organization.

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::{Part, SnykTokenEvidence};
use crate::domain::facts::{Access, SnykAuthentication, SnykRejectionCause};
use crate::domain::kinds::Truth;
use crate::domain::names::CredentialName;
use crate::domain::state::CredentialState;

use super::verdict::{Basis, Known, Proven, Verdict, read, slot};

/// Whether Snyk accepts the token `name`.
pub(super) fn token_accepted(
    name: &CredentialName,
    evidence: Option<&SnykTokenEvidence>,
    memory: Option<&CredentialState>,
    now: DateTime<Utc>,
) -> Verdict {
    let mut verdict = match read(&slot(evidence, Part::Authentication, |book| &book.authentication), now) {
        Err(gap) => gap.verdict(&format!("whether Snyk accepts {name}")),
        Ok(evidence) => {
            let basis = Basis::of(evidence);
            match &evidence.value {
                SnykAuthentication::Accepted { .. } => {
                    Verdict::holds(Reason::Ok, format!("Snyk accepts {name}"), Proven::by(evidence))
                }
                SnykAuthentication::Rejected(SnykRejectionCause::WrongRegion { token_host }) => Verdict::fails(
                    Reason::SnykTokenWrongRegion,
                    format!("Snyk rejects {name}: the token belongs to {token_host}"),
                    basis,
                ),
                SnykAuthentication::Rejected(SnykRejectionCause::Expired) => {
                    Verdict::fails(Reason::SnykTokenExpired, format!("Snyk rejects {name}: it has expired"), basis)
                }
                SnykAuthentication::Contradicted { detail } => Verdict::unknown(Reason::Contradicted, detail.clone()),
                SnykAuthentication::Rejected(SnykRejectionCause::Unspecified) => Verdict::fails(
                    Reason::SnykTokenInvalid,
                    format!("Snyk rejects {name}: unknown, revoked, expired or of another region"),
                    basis,
                ),
            }
        }
    };
    verdict.confirming = memory.is_some_and(|memory| memory.confirming.is_some());
    verdict
}

/// The condition `SnykAccessible`: the token is accepted and may read `what`.
pub(super) fn accessible(token: &Verdict, access: &Known<'_, Access>, what: &str, now: DateTime<Utc>) -> Verdict {
    if token.truth == Truth::False {
        return token.clone();
    }
    let mut verdict = match read(access, now) {
        Err(_) if token.truth == Truth::Unknown => token.clone(),
        Err(gap) => gap.verdict(&format!("whether Snyk lets us read {what}")),
        Ok(evidence) => match evidence.value {
            Access::Denied { status } => Verdict::fails(
                Reason::SnykAccessDenied,
                format!("Snyk does not let us read {what} (HTTP {status}){}", access.said(evidence)),
                Basis::of(evidence),
            ),
            Access::Granted { .. } if token.truth == Truth::Unknown => token.clone(),
            Access::Granted { .. } => {
                Verdict::holds(Reason::Ok, format!("Snyk lets us read {what}"), Proven::by(evidence).and(token.basis))
            }
        },
    };
    verdict.confirming = token.confirming;
    verdict
}
