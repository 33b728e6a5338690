//! From due work to an outcome: bounded, read-only questions to Snyk and the Git host.
//!
//! **Words.** A *probe* is one kind of question; a *round* is one run of it. Its *outcome* is data: conclusive facts
//! become findings, everything else becomes failures that age evidence and replace nothing. The *standing* of a
//! credential is whether the API accepted it in this round; only beside an accepted credential is a 403 or 404 on a
//! target conclusive.
//!
//! **How it works.** A [`Prober`] is built from resolved [`Targets`]; [`Prober::run`] takes one piece of work and the
//! earlier evidence it may use (known repositories for a cheap delta, imported targets to sample from). There is one file
//! per probe; what is peculiar to a Git host is below [`scm`]. Probes that read a target ask the credential's own
//! endpoint only when they meet a denial, so a healthy round costs no extra request. At most [`AT_A_TIME`] rounds use one
//! credential at a time, and each has a deadline in real time; what was found before the deadline still counts.
//! [`assumptions`] is the register of what is unverified about the outside world.
//!
//! **What it does not do.** It decides nothing: whether evidence makes a condition false is for `health` to say, and a
//! rejection counts only once confirmed there. It retries nothing, stores nothing, and never fails: an error of ours is a
//! panic, which the caller counts.

pub mod assumptions;
mod audit_log;
mod catalog;
mod former;
mod group_access;
mod inventory;
mod judgement;
mod memory;
mod organization;
mod organization_list;
mod plan;
mod round;
mod sample;
pub mod scm;
mod snyk_session;
mod snyk_token;
mod targets;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

pub use self::former::FormerSecrets;
pub use self::memory::ProbeMemory;
use self::plan::Plan;
pub use self::round::Round;
pub use self::targets::{IntegrationSettings, SnykTarget, Targets};
use crate::clock::Clock;
use crate::domain::names::{ApiName, CredentialName};
use crate::domain::state::State;
use crate::domain::work::{FailedAt, ProbeFailure, ProbeKind, ProbeRun, Work};

/// Rounds that use one credential at the same time: enough to hide latency, too few to look like an attack.
pub const AT_A_TIME: usize = 4;

/// Real time for a round of a few requests, each of which may take a minute.
const SHORT_DEADLINE: Duration = Duration::from_mins(3);
/// Real time for a round of some dozens of requests.
const MIDDLE_DEADLINE: Duration = Duration::from_mins(10);
/// Real time for a walk over tens of thousands of items.
const LONG_DEADLINE: Duration = Duration::from_mins(20);

const fn deadline(kind: ProbeKind) -> Duration {
    match kind {
        ProbeKind::SnykToken | ProbeKind::ScmCredential | ProbeKind::GroupAccess => SHORT_DEADLINE,
        ProbeKind::Organization | ProbeKind::Webhooks | ProbeKind::Catalog => MIDDLE_DEADLINE,
        ProbeKind::Profile | ProbeKind::Inventory | ProbeKind::OrganizationList => LONG_DEADLINE,
    }
}

/// Earlier evidence that a probe may use to ask less.
#[derive(Debug, Clone)]
pub struct Context {
    /// What the daemon remembers.
    pub state: Arc<State>,
}

/// Runs probes.
#[derive(Debug)]
pub struct Prober {
    targets: Targets,
    clock: Clock,
    memory: Arc<ProbeMemory>,
    turns: BTreeMap<CredentialName, Semaphore>,
}

impl Prober {
    /// A prober of these targets. `memory` is the process's, handed on from one prober to the next.
    pub fn new(targets: Targets, clock: Clock, memory: Arc<ProbeMemory>) -> Self {
        let names = targets.snyk.keys().chain(targets.scm.keys());
        let turns = names.map(|name| (name.clone(), Semaphore::new(AT_A_TIME))).collect();
        Self { targets, clock, memory, turns }
    }

    /// Runs one probe to its outcome. Work about something that is not among the targets finds nothing.
    pub async fn run(&self, work: &Work, context: &Context) -> ProbeRun {
        self.run_within(work, context, deadline(work.kind)).await
    }

    async fn run_within(&self, work: &Work, context: &Context, deadline: Duration) -> ProbeRun {
        let plan = Plan::of(work, &self.targets, &context.state);
        // The turn comes before the deadline: waiting for others is not this probe's slowness.
        let turn = match plan.as_ref().and_then(|plan| self.turns.get(plan.credential())) {
            Some(turns) => turns.acquire().await.ok(),
            None => None,
        };
        let mut round = Round::new(self.clock.clone(), Arc::clone(&self.memory));
        if let Some(plan) = plan {
            let api = plan.api().clone();
            if tokio::time::timeout(deadline, plan.run(&mut round)).await.is_err() {
                round.fail_with(out_of_time(&api, work, deadline));
            }
        } else {
            tracing::debug!(%work, "nothing to ask: the work's subject is not configured");
        }
        drop(turn);
        let started_at = round.started_at;
        let endings = self.memory.endings_to_announce(work.kind, &round, &context.state.evidence);
        let outcome = round.into_outcome(endings);
        ProbeRun { work: work.clone(), started_at, finished_at: self.clock.now(), outcome }
    }
}

fn out_of_time(api: &ApiName, work: &Work, deadline: Duration) -> ProbeFailure {
    ProbeFailure {
        part: None,
        api: api.clone(),
        reason: "timeout",
        detail: format!("{} did not end within {} s", work.kind, deadline.as_secs()),
        failed_at: FailedAt::WholeApi,
        retry_after: None,
    }
}

#[cfg(test)]
mod tests;
