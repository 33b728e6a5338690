//! What to do where an answer was none: one place for conditions, statuses, incidents and `check`, so that no two of them
//! send somebody to different people.

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::End;
use crate::domain::kinds::Level;

/// Whom we asked when the answer did not tell what we wanted to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::health) enum Asked {
    /// Snyk, about a Group or an Organization.
    Snyk(Level),
    /// The Git host.
    GitHost,
    /// The API of the Git host's administrators.
    AdminApi,
}

impl Asked {
    /// Who answered; where that is not known, whom a condition is about.
    pub(super) fn of(end: Option<End>, condition: Option<Condition>, level: Level) -> Self {
        match end {
            Some(End::Snyk) => Self::Snyk(level),
            Some(End::GitHost) => Self::GitHost,
            None => Self::about(condition, level),
        }
    }

    /// The API as a whole.
    pub(in crate::health) fn whole(end: Option<End>) -> Self {
        match end {
            Some(End::Snyk) => Self::Snyk(Level::Group),
            Some(End::GitHost) => Self::GitHost,
            None => Self::AdminApi,
        }
    }

    /// Whom a condition is about.
    fn about(condition: Option<Condition>, level: Level) -> Self {
        match condition {
            Some(
                Condition::CredentialValid
                | Condition::CredentialFresh
                | Condition::PermissionsGranted
                | Condition::RepositoriesVisible
                | Condition::WebhooksInstalled
                | Condition::CatalogLinked,
            ) => Self::GitHost,
            _ => Self::Snyk(level),
        }
    }
}

/// What to do where a condition is unknown because an answer was none; `None` where it is unknown for another reason.
pub fn step_after_answer(condition: Condition, reason: Reason, level: Level) -> Option<String> {
    let is_an_answer = matches!(
        reason,
        Reason::EndpointRefused
            | Reason::AddressRefused
            | Reason::EndpointNotFound
            | Reason::EndpointGone
            | Reason::RateLimited
            | Reason::BudgetSpent
            | Reason::RequestNotListed
            | Reason::AnswerNotUnderstood
            | Reason::ListIncomplete
            | Reason::UpstreamFailing
            | Reason::NotReached
            | Reason::ProxyFailing
            | Reason::Contradicted
    );
    is_an_answer.then(|| of_answer(reason, Asked::about(Some(condition), level)))
}

/// What to do where an answer was none, by its class. It stands beside the answer's own words, and leads to somebody who
/// can act on them.
pub(in crate::health) fn of_answer(reason: Reason, asked: Asked) -> String {
    let (api, admin) = match asked {
        Asked::Snyk(Level::Group) => ("Snyk", "Group Admin"),
        Asked::Snyk(Level::Organization) => ("Snyk", "Organization Admin"),
        Asked::GitHost => ("the Git host", "Git host admin"),
        Asked::AdminApi => ("the admin API", "Git host admin"),
    };
    match (reason, asked) {
        // That the token itself is accepted is not said here: one refusal does not prove it.
        (Reason::EndpointRefused, Asked::Snyk(_)) => format!(
            "{admin}: give the account of our Snyk token a role that may read this"
        ),
        (Reason::EndpointRefused, Asked::GitHost | Asked::AdminApi) => {
            format!("{admin}: allow the token's account what the answer names")
        }
        (Reason::SnykAccessDenied, _) => {
            format!("{admin}: give the account of our Snyk token the right to read this; or snykwatch operator: correct the id")
        }
        (Reason::ShutOut, _) => format!("{admin}: let the token's account in again; the answer says what keeps it out"),
        (Reason::AddressRefused, _) => format!(
            "{admin}: allow the address from which snykwatch asks; or snykwatch operator: ask from an allowed one \
             (`http.proxy`)"
        ),
        (Reason::EndpointNotFound, _) => "snykwatch operator: check `region` or `api_url`, and the id that is asked for; \
             if both are right, a newer snykwatch may ask another endpoint"
            .to_owned(),
        (Reason::EndpointGone, _) => {
            format!("snykwatch operator: update snykwatch; {api} no longer has this endpoint")
        }
        (Reason::NotReached, _) => format!(
            "snykwatch operator: see what keeps this machine from {api}, as the answer says: name lookup, route and \
             firewall, certificates (`snykwatch config show --egress` lists every host and port)"
        ),
        (Reason::ProxyFailing, _) => "snykwatch operator: check `http.proxy`, and see what the proxy or portal wants: a login, \
             an allowed host; hosts that are reached directly go in `http.no_proxy`"
            .to_owned(),
        (Reason::RateLimited, _) => "nobody for now: it is asked again; if it lasts, snykwatch operator: find who else \
             uses up this token's requests, or ask less often (`schedule`)"
            .to_owned(),
        (Reason::BudgetSpent, _) => "nobody for now: it is asked when the next turn comes; if it lasts, snykwatch operator: \
             where it is a limit of the API, ask its support why it is so low; else ask less often (`schedule`), or give a \
             part of the integrations a token of its own"
            .to_owned(),
        (Reason::RequestNotListed, _) => "snykwatch operator: update snykwatch; if it is the latest, report it as an error: it \
             keeps back a request of its own"
            .to_owned(),
        (Reason::AnswerNotUnderstood, _) => "snykwatch operator: see whether a proxy or a login page answers in the \
             API's place (`http.proxy`, `api_url`); if not, update snykwatch"
            .to_owned(),
        (Reason::ListIncomplete, _) => format!(
            "nobody for now: the list is asked for again; if it stays short of its total, snykwatch operator: report it \
             to {api}"
        ),
        (Reason::UpstreamFailing, _) => {
            format!("nobody for now: it is asked again; if it lasts, see whether {api} reports a disturbance")
        }
        (Reason::Contradicted, _) => "snykwatch operator: compare both answers; our question may not fit this kind of \
             token"
            .to_owned(),
        (Reason::SnykTokenInvalid | Reason::SnykTokenExpired, _) => {
            "token owner: create a new Snyk token; then snykwatch operator: put it into snykwatch's secret file".to_owned()
        }
        (Reason::SnykTokenWrongRegion, _) => "snykwatch operator: correct the region of the Snyk token".to_owned(),
        (Reason::SecretRefused, _) => "snykwatch operator: put the token, and nothing else, into the file that is named; a \
             file is read again when it changes, a variable at a restart (`snykwatch config validate` checks both)"
            .to_owned(),
        (Reason::NotObserved, _) => "nobody for now: the first answer is awaited".to_owned(),
        (Reason::EvidenceStale, _) => "snykwatch operator: see in the log why nothing was asked lately (the request \
             budget, the network of this machine)"
            .to_owned(),
        _ => "snykwatch operator: look at the conditions that are unknown; each says what was asked and what was answered"
            .to_owned(),
    }
}

/// The same where the API as a whole gives no usable answer, by the class of the last failure: it says more than the reason
/// that is made of it.
pub(in crate::health) fn of_failure(label: &str, asked: Asked) -> String {
    let step = match label {
        "dns" => {
            "snykwatch operator: check the host name in the configuration (`api_url`, `region`), and this machine's name \
             servers"
        }
        "tls" => {
            "snykwatch operator: if a proxy or firewall signs certificates here, name its authority in `http.ca_file`; if not, \
             see who answers at this address"
        }
        "connection_refused" | "unconnected" | "network" => {
            "snykwatch operator: check that this machine may reach the host (`snykwatch config show --egress` lists every host \
             and port)"
        }
        "timeout" => {
            "snykwatch operator: check that this machine may reach the host (`snykwatch config show --egress` lists every host \
             and port); if it may, look at the vendor's status page"
        }
        "maintenance" | "server_error" | "truncated" | "oversized" => {
            "snykwatch operator: look at the vendor's status page; if it is well, see whether a proxy answers in the API's \
             place (`http.proxy`)"
        }
        "budget_spent" => {
            "snykwatch operator: where it is a limit of the API, ask its support why it is so low; else ask less often \
             (`schedule`), or give a part of the integrations a token of its own"
        }
        "rate_limited" => {
            "snykwatch operator: find who else uses up this token's requests, or ask less often (`schedule`); it is asked again \
             when the API wants it"
        }
        label => return of_answer(Reason::of_failure(label), asked),
    };
    step.to_owned()
}

/// What to do about an API that does not answer, by the class of its last failure.
pub fn step_after_failure(label: &str, end: Option<End>) -> String {
    of_failure(label, Asked::whole(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::answer::FailureClass;

    const EVERY: [Asked; 4] =
        [Asked::Snyk(Level::Group), Asked::Snyk(Level::Organization), Asked::GitHost, Asked::AdminApi];

    #[test]
    fn what_points_to_us_sends_nobody_to_the_vendor() {
        let ours = ["dns", "proxy", "tls", "connection_refused", "unconnected", "unexpected_body", "redirected"];
        for asked in EVERY {
            for label in ours.into_iter().chain(["rate_limited", "budget_spent", "secret_refused", "refused"]) {
                for step in [of_failure(label, asked), of_answer(Reason::of_failure(label), asked)] {
                    assert!(step.contains("snykwatch operator: "), "{label}: {step}");
                    assert!(!step.contains("status page") && !step.contains("disturbance"), "{label}: {step}");
                }
            }
            for label in ours {
                for step in [of_failure(label, asked), of_answer(Reason::of_failure(label), asked)] {
                    assert!(step.starts_with("snykwatch operator: "), "not nobody: {label}: {step}");
                }
            }
        }
    }

    #[test]
    fn what_the_vendor_answers_leads_to_the_vendor() {
        for label in ["maintenance", "server_error"] {
            assert!(of_failure(label, Asked::GitHost).contains("look at the vendor's status page"), "{label}");
            let step = of_answer(Reason::of_failure(label), Asked::GitHost);
            assert!(step.contains("whether the Git host reports a disturbance"), "{label}: {step}");
        }
        // A firewall that drops, or a vendor that is slow: nobody can tell from here.
        assert!(of_failure("timeout", Asked::GitHost).contains("look at the vendor's status page"));
    }

    #[test]
    fn every_class_of_failure_has_a_step_that_leads_somewhere() {
        for label in FailureClass::LABELS {
            for asked in EVERY {
                let step = of_failure(label, asked);
                assert!(step.contains(": ") && !step.contains("look at the conditions"), "{label}: {step}");
            }
        }
    }
}
