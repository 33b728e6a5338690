//! How many requests a credential may still make, so that we neither are throttled nor take from Snyk's own share.
//!
//! **How it works.** One [`RequestBudget`] per credential, shared by every client that uses it. A pure [`Ledger`] keeps
//! one bucket per configured limit and the pause that a throttling answer imposed; it is told the time. A request waits
//! for its turn when that is less than [`LONGEST_PACING`] away (a later page of a walk: 30 s; what is asked once for a whole
//! Group: a minute, so that it has its turn before what is asked for each Organization); otherwise it is answered at once as
//! [`TurnedAway`], so that no probe hangs. Such a request was never sent, and says nothing about the API.
//!
//! Time is the monotonic clock. On a scaled clock it is the domain clock, or a pause would hold a demo for real minutes;
//! there requests are not paced, because virtual time stands still while a probe works.
//!
//! **What it does not do.** It retries nothing and queues nothing: who is turned away comes back when it is told to.

mod ledger;
mod limits;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use self::ledger::{Decision, Ledger};
pub use self::limits::{BudgetLimits, Limit};
use super::answer::{LONGEST_API_WAIT, retry_after};
use crate::clock::Clock;

/// The longest that a request waits for its turn.
pub const LONGEST_PACING: Duration = Duration::from_secs(2);

/// The longest that a later page of a walk waits: giving up would waste every page already read.
pub(crate) const LONGEST_WALK_PACING: Duration = Duration::from_secs(30);

/// The longest that a request waits which is asked once for a whole Group: longer than any of an Organization, so that where
/// turns are few it gets the next one.
pub(crate) const LONGEST_GROUP_PACING: Duration = Duration::from_mins(1);

/// The longest pause that an answer can impose on a credential.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// The pause is lengthened by up to this share of itself, so that several daemons do not come back at once.
const JITTER_SHARE: f64 = 0.2;

/// A request that has to wait longer than it would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// An answer asked for patience.
    #[error("not asked: an earlier answer wants no request with this credential for another {} s", .0.as_secs())]
    Paused(Duration),
    /// Nobody was refused yet, and an answer said that it would be.
    #[error(
        "not asked: by the API's answers nothing is left of what this credential may ask, for another {} s; all who use it \
         share that",
        .0.as_secs()
    )]
    Exhausted(Duration),
    /// Our own share of the requests is used up.
    #[error(
        "not asked: our own share of the requests with this credential is used up, for another {} s{}",
        .wait.as_secs(),
        of_whom(.stated.as_ref())
    )]
    Spent {
        /// When the next turn is.
        wait: Duration,
        /// The limit that the API states, where our share is so small because of it.
        stated: Option<Limit>,
    },
}

impl TurnedAway {
    /// When there will be room again.
    pub fn retry_after(self) -> Duration {
        let (Self::Paused(wait) | Self::Exhausted(wait) | Self::Spent { wait, .. }) = self;
        wait
    }
}

/// Whose limit it is, where it is not our own.
fn of_whom(stated: Option<&Limit>) -> String {
    let words = |Limit { requests, window }: &Limit| {
        format!(
            "; it is the API's limit: its answers state {requests} in {} s for all who use this credential, and half of that \
             is our share",
            window.as_secs()
        )
    };
    stated.map(words).unwrap_or_default()
}

/// A cheap handle on the budget of one credential.
#[derive(Debug, Clone)]
pub struct RequestBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: BudgetLimits,
    time: TimeSource,
    ledger: Mutex<Ledger>,
}

/// Where the budget reads time: see the module page.
#[derive(Debug)]
enum TimeSource {
    Monotonic { origin: Instant, clock: Clock },
    Domain { origin: DateTime<Utc>, clock: Clock },
}

impl TimeSource {
    fn new(clock: &Clock) -> Self {
        let clock = clock.clone();
        if clock.is_scaled() {
            Self::Domain { origin: clock.now(), clock }
        } else {
            Self::Monotonic { origin: Instant::now(), clock }
        }
    }

    /// Time since the budget was made.
    fn elapsed(&self) -> Duration {
        match self {
            Self::Monotonic { origin, .. } => origin.elapsed(),
            Self::Domain { origin, clock } => (clock.now() - *origin).to_std().unwrap_or(Duration::ZERO),
        }
    }

    fn wall(&self) -> DateTime<Utc> {
        let (Self::Monotonic { clock, .. } | Self::Domain { clock, .. }) = self;
        clock.now()
    }

    fn is_paced(&self) -> bool {
        matches!(self, Self::Monotonic { .. })
    }
}

impl RequestBudget {
    /// A full budget.
    pub fn new(limits: BudgetLimits, clock: &Clock) -> Self {
        let ledger = Mutex::new(Ledger::new(&limits));
        Self(Arc::new(Inner { limits, time: TimeSource::new(clock), ledger }))
    }

    /// Waits for a turn, for at most [`LONGEST_PACING`], and takes it.
    pub async fn acquire(&self) -> Result<(), TurnedAway> {
        self.acquire_within(LONGEST_PACING).await
    }

    /// Waits for a turn, for at most `patience`, and takes it.
    pub(crate) async fn acquire_within(&self, patience: Duration) -> Result<(), TurnedAway> {
        let (decision, stated) = {
            let mut ledger = self.ledger();
            (ledger.decide(self.0.time.elapsed(), patience), ledger.stated())
        };
        match decision {
            Decision::Paused(rest) => return Err(TurnedAway::Paused(rest)),
            Decision::Exhausted(rest) => return Err(TurnedAway::Exhausted(rest)),
            _ if !self.0.time.is_paced() => return Ok(()),
            Decision::TooFar(wait) => return Err(TurnedAway::Spent { wait, stated }),
            Decision::GoAfter(Duration::ZERO) => return Ok(()),
            Decision::GoAfter(wait) => tokio::time::sleep(wait).await,
        }
        // Somebody else's answer may have imposed a pause meanwhile.
        match self.ledger().held(self.0.time.elapsed()) {
            Some(Decision::Exhausted(rest)) => Err(TurnedAway::Exhausted(rest)),
            Some(Decision::Paused(rest)) => Err(TurnedAway::Paused(rest)),
            _ => Ok(()),
        }
    }

    /// Learns from an answer: throttling pauses the whole credential, and stated limits are followed below our own.
    pub(crate) fn on_answer(&self, status: u16, headers: &HeaderMap) {
        let asked = retry_after(headers, self.0.time.wall(), LONGEST_API_WAIT);
        let stated = limits::StatedLimits::read(headers);
        let pause = self.0.limits.pause_after(status, asked, &stated).map(|pause| self.with_jitter(pause));
        let now = self.0.time.elapsed();
        let mut ledger = self.ledger();
        ledger.state(&stated.windows, now);
        if let Some(pause) = pause {
            let until = now + pause.min(LONGEST_PAUSE);
            if matches!(status, 429 | 503) { ledger.pause_until(until) } else { ledger.exhaust_until(until) }
        }
    }

    /// Requests that could leave at once; `None` for a budget without limits, 0 while paused.
    pub fn remaining(&self) -> Option<u64> {
        let now = self.0.time.elapsed();
        self.ledger().remaining(now)
    }

    /// How long the credential is still paused.
    pub fn paused_for(&self) -> Option<Duration> {
        let now = self.0.time.elapsed();
        self.ledger().paused_for(now)
    }

    /// Domain time until which the credential is paused.
    pub fn paused_until(&self) -> Option<DateTime<Utc>> {
        let rest = chrono::TimeDelta::from_std(self.paused_for()?).ok()?;
        Some(self.0.time.wall() + rest)
    }

    /// A demo runs the same way each time, so virtual time has no jitter.
    fn with_jitter(&self, pause: Duration) -> Duration {
        if self.0.time.is_paced() { pause + pause.mul_f64(JITTER_SHARE * random_share()) } else { pause }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing panics while the lock is held, so a poisoned lock holds a sound value.
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number from 0 to 1 that differs between calls and processes; good enough to spread, not to hide.
fn random_share() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
