//! When the parts of the watcher last did their work. Real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Beats with the watcher; clones are handles on the same pulse. Before the first beat of a part, its age counts from
/// the pulse's own begin.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Beats>);

#[derive(Debug)]
struct Beats {
    begin: Instant,
    /// Milliseconds since the begin, each.
    scheduled: AtomicU64,
    evaluated: AtomicU64,
    committed: AtomicU64,
    /// The last look at what was stored found something else.
    store_is_astray: AtomicBool,
    /// Our own clock stays wrong.
    clock_is_wrong: AtomicBool,
}

impl Default for Pulse {
    fn default() -> Self {
        let beats = Beats {
            begin: Instant::now(),
            scheduled: AtomicU64::new(0),
            evaluated: AtomicU64::new(0),
            committed: AtomicU64::new(0),
            store_is_astray: AtomicBool::new(false),
            clock_is_wrong: AtomicBool::new(false),
        };
        Self(Arc::new(beats))
    }
}

impl Pulse {
    /// The scheduler has looked at what is due.
    pub fn on_schedule(&self) {
        self.beat(&self.0.scheduled);
    }

    /// Everything was evaluated.
    pub fn on_evaluation(&self) {
        self.beat(&self.0.evaluated);
    }

    /// The store took a commit.
    pub fn on_commit(&self) {
        self.beat(&self.0.committed);
    }

    /// Somebody looked whether what was stored is where it was put, and whole.
    pub fn on_look_at_store(&self, is_well: bool) {
        self.0.store_is_astray.store(!is_well, Ordering::Relaxed);
    }

    pub(super) fn store_is_astray(&self) -> bool {
        self.0.store_is_astray.load(Ordering::Relaxed)
    }

    /// Somebody compared our own clock with the dates of the APIs.
    pub fn on_look_at_clock(&self, is_right: bool) {
        self.0.clock_is_wrong.store(!is_right, Ordering::Relaxed);
    }

    pub(super) fn clock_is_wrong(&self) -> bool {
        self.0.clock_is_wrong.load(Ordering::Relaxed)
    }

    pub(super) fn since_scheduled(&self) -> Duration {
        self.since(&self.0.scheduled)
    }

    pub(super) fn since_evaluated(&self) -> Duration {
        self.since(&self.0.evaluated)
    }

    pub(super) fn since_committed(&self) -> Duration {
        self.since(&self.0.committed)
    }

    fn beat(&self, part: &AtomicU64) {
        let elapsed = u64::try_from(self.0.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        part.store(elapsed, Ordering::Relaxed);
    }

    fn since(&self, part: &AtomicU64) -> Duration {
        let at = Duration::from_millis(part.load(Ordering::Relaxed));
        self.0.begin.elapsed().saturating_sub(at)
    }
}
