//! What the APIs say of themselves. A request that never left says nothing of an API, and one that did not arrive says
//! less than one that was answered badly.

use crate::domain::condition::Reason;
use crate::domain::names::ApiName;
use crate::domain::state::State;
use crate::domain::work::{ApiNotice, FailedAt, ProbeRun};

/// Notes failures, answers, clock skew and announced version ends. An API that answered anything in this run is
/// reachable, whatever else failed.
pub(super) fn apply(state: &mut State, run: &ProbeRun) {
    let apis = &mut state.evidence.apis;
    let failures = &run.outcome.failures;
    let answered = |api: &ApiName| run.outcome.notices.iter().any(|notice| *notice == ApiNotice::Answered(api.clone()));
    let sent =
        |api: &ApiName| failures.iter().any(|failure| failure.api == *api && failure.failed_at != FailedAt::Ourselves);
    let arrived = |api: &ApiName| {
        let shows_a_way = |at: FailedAt| matches!(at, FailedAt::WholeApi | FailedAt::Endpoint);
        failures.iter().any(|failure| failure.api == *api && shows_a_way(failure.failed_at))
    };
    for failure in failures {
        if answered(&failure.api) {
            continue;
        }
        if failure.failed_at == FailedAt::Ourselves {
            // A pause is what the API itself asked for.
            let is_ours = Reason::of_failure(failure.reason) != Reason::RateLimited;
            let facts = apis.get_mut(&failure.api).filter(|facts| is_ours && facts.inconclusive_since.is_some());
            if let Some(facts) = facts.filter(|_| !sent(&failure.api)) {
                facts.unasked_since.get_or_insert(run.started_at);
            }
            continue;
        }
        let facts = apis.entry(failure.api.clone()).or_default();
        // Another probe may have had an answer while this one waited for its own.
        if facts.last_conclusive_at.is_some_and(|at| at > run.started_at) {
            continue;
        }
        facts.ask(run.started_at);
        facts.inconclusive_since.get_or_insert(run.started_at);
        facts.last_failure = Some((failure.reason.to_owned(), failure.detail.clone()));
        facts.last_failed_at = facts.last_failed_at.max(Some(run.started_at));
        let (reached, unreached) = (&mut facts.reached_since, &mut facts.unreached_since);
        let (begins, ends) = if arrived(&failure.api) { (reached, unreached) } else { (unreached, reached) };
        begins.get_or_insert(run.started_at);
        *ends = None;
    }
    for notice in &run.outcome.notices {
        match notice {
            ApiNotice::Answered(api) => {
                let facts = apis.entry(api.clone()).or_default();
                facts.last_conclusive_at = facts.last_conclusive_at.max(Some(run.finished_at));
                facts.inconclusive_since = None;
                facts.unreached_since = None;
                facts.reached_since.get_or_insert(run.finished_at);
                facts.unasked_since = None;
                facts.last_failure = None;
            }
            ApiNotice::ClockSkew(api, skew) => {
                apis.entry(api.clone()).or_default().clock_skew = Some(*skew);
            }
            ApiNotice::VersionEnding(api, ending) => {
                apis.entry(api.clone()).or_default().version_ending.clone_from(ending);
            }
        }
    }
}
