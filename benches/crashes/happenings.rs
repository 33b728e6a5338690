//! What happens to the daemon in each kind of event. Something else changes meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use snykwatch::sandbox::receivers::Trouble;

use super::breaches::{Breach, Fault};
use super::calm::Calm;
use super::daemon::Birth;
use super::events::Kind;
use super::problems::Problem;
use super::told::Memory;

/// Seconds by which the wall clock is stepped: minutes, a day, a restored snapshot of a machine.
const STEPS: [i64; 5] = [120, 600, 86_400, 30 * 86_400, 400 * 86_400];

/// So far a clock may be wrong at the start, in seconds: beyond five minutes the webhook would refuse what it signs.
const WRONG_AT_START: u64 = 120;

/// A file of this size holds nothing of ours: the disk is full.
const FULL: u64 = 4_096;

/// A critical page leaves although nothing can be stored.
const LEAVES_WITHIN: Duration = Duration::from_secs(40);

/// A start takes no longer.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// What a daemon says of its state file.
const TROUBLE: &str = "trouble with the store";

impl Calm<'_> {
    /// Makes it happen; gives what the daemon remembers afterwards.
    pub(super) async fn happen(&mut self, kind: Kind) -> Memory {
        match kind {
            Kind::Storm => Memory::Kept,
            Kind::Kill => self.is_killed().await,
            Kind::Suspend => self.is_suspended().await,
            Kind::ClockForward => self.sees_its_clock_step(1).await,
            Kind::ClockBackward => self.sees_its_clock_step(-1).await,
            Kind::ClockAtStart => self.starts_by_a_wrong_clock().await,
            Kind::Full => self.has_no_room().await,
            Kind::FullAtStart => self.starts_without_room().await,
            Kind::Removed => self.loses_its_file().await,
            Kind::RemovedWhileDown => {
                self.end_somehow().await;
                self.remove_store();
                self.change();
                self.start(Birth::default());
                Memory::FellBack(BTreeSet::new())
            }
            Kind::Cut => self.has_its_file_cut().await,
            Kind::CutWhileDown => {
                self.end_somehow().await;
                self.cut_store();
                self.change();
                self.start_or_start_anew().await;
                Memory::FellBack(BTreeSet::new())
            }
            Kind::Older => self.has_its_file_replaced(true).await,
            Kind::OlderWhileDown => self.falls_back(true).await,
            Kind::Other => self.has_its_file_replaced(false).await,
            Kind::OtherWhileDown => self.falls_back(false).await,
            Kind::Restored => self.is_restored().await,
            Kind::Refused => self.is_not_heard(&Trouble::Status(500)).await,
            Kind::Stalled => self.is_not_heard(&Trouble::Stall).await,
        }
    }

    async fn is_killed(&mut self) -> Memory {
        let is_seen = self.dice.one_in(2);
        if is_seen {
            self.change();
        }
        self.pause(0, 4_000).await;
        self.kill();
        if !is_seen {
            self.change();
        }
        self.pause(0, 1_000).await;
        self.start(Birth::default());
        Memory::Kept
    }

    async fn is_suspended(&mut self) -> Memory {
        let is_seen = self.dice.one_in(3);
        if is_seen {
            self.change();
            self.pause(0, 1_500).await;
        }
        let longest = if self.dice.one_in(6) { 20_000 } else { 6_000 };
        if let Some(daemon) = self.daemon() {
            daemon.signal("STOP");
        }
        if !is_seen {
            self.change();
        }
        self.pause(1_000, longest).await;
        if let Some(daemon) = self.daemon() {
            daemon.signal("CONT");
        }
        Memory::Kept
    }

    async fn sees_its_clock_step(&mut self, direction: i64) -> Memory {
        self.stop().await;
        self.start_by_clock();
        self.settle().await;
        let seconds = direction * STEPS.get(self.dice.below(STEPS.len())).copied().unwrap_or_default();
        let is_resumed = self.dice.one_in(3);
        let stopped = |calm: &Self, signal: &str| {
            if is_resumed && let Some(daemon) = calm.daemon() {
                daemon.signal(signal);
            }
        };
        // As a virtual machine that was suspended, or at once.
        stopped(self, "STOP");
        self.set_clock(seconds);
        self.pause(0, 1_500).await;
        stopped(self, "CONT");
        self.until_noticed("the wall clock jumped").await;
        self.change();
        self.pause(0, 4_000).await;
        if self.dice.one_in(2) {
            self.set_clock(0);
        } else {
            // By another clock, which is right.
            self.end_somehow().await;
            self.set_clock(0);
            self.start(Birth::default());
        }
        Memory::Kept
    }

    async fn starts_by_a_wrong_clock(&mut self) -> Memory {
        self.end_somehow().await;
        let wrong = i64::try_from(self.dice.between(0, 2 * WRONG_AT_START)).unwrap_or_default();
        self.set_clock(wrong - i64::try_from(WRONG_AT_START).unwrap_or_default());
        self.start_by_clock();
        self.pause(0, 2_000).await;
        self.change();
        self.pause(0, 4_000).await;
        self.set_clock(0);
        Memory::Kept
    }

    fn set_clock(&self, seconds: i64) {
        if let Some(clock) = &self.clock {
            clock.set(seconds);
        }
    }

    async fn has_no_room(&mut self) -> Memory {
        if let Some(daemon) = self.daemon() {
            daemon.limit_files(Some(FULL));
        }
        self.goes_on_without_room().await
    }

    async fn starts_without_room(&mut self) -> Memory {
        self.end_somehow().await;
        self.start(Birth { without_room: true, ..Birth::default() });
        self.pause(1_000, 2_000).await;
        self.goes_on_without_room().await
    }

    async fn goes_on_without_room(&mut self) -> Memory {
        let changed = self.change();
        if let Some((problem @ (Problem::SnykDown | Problem::BitbucketDown), lasts)) = changed {
            let stage = self.stage;
            let keys = problem.incidents().into_iter().map(|incident| format!("{incident}/critical"));
            let keys: Vec<String> = keys.collect();
            let is_told = || {
                let shown = stage.receivers.paged();
                keys.iter().all(|key| shown.contains(key) == lasts)
            };
            if !self.until(LEAVES_WITHIN, is_told).await {
                let what = format!("without room, nobody was told of {keys:?}");
                self.breaches.push(Breach::new(Fault::Loss, what));
            }
        }
        self.pause(500, 3_000).await;
        if self.dice.one_in(4) {
            // What was not stored is forgotten.
            self.kill();
            self.start(Birth::default());
            return Memory::FellBack(self.opened_before());
        }
        if let Some(daemon) = self.daemon() {
            daemon.limit_files(None);
        }
        Memory::Kept
    }

    async fn loses_its_file(&mut self) -> Memory {
        self.until_it_watches().await;
        self.remove_store();
        if self.dice.one_in(3) {
            self.remove_lock();
        }
        self.change();
        self.until_noticed(TROUBLE).await;
        self.restart_or_go_on();
        Memory::Kept
    }

    async fn has_its_file_cut(&mut self) -> Memory {
        self.until_it_watches().await;
        self.cut_store();
        self.change();
        self.until_noticed(TROUBLE).await;
        self.restart_or_go_on();
        // Where what waited could not be read any more, whatever lasts is told again.
        Memory::FellBack(self.opened_before())
    }

    /// What is harmed before it is open is another story.
    async fn until_it_watches(&mut self) {
        let (stage, born) = (self.stage, self.born);
        self.until(STARTS_WITHIN, || stage.said_since(born).contains("watching")).await;
        self.settle().await;
    }

    /// What was written anew is on the disk.
    fn restart_or_go_on(&mut self) {
        if self.dice.one_in(2) {
            self.kill();
            self.start(Birth::default());
        }
    }

    /// An older copy of itself, or the store of another installation, is put at its place while it runs. It is restarted
    /// when it has told so.
    async fn has_its_file_replaced(&mut self, is_own: bool) -> Memory {
        let copy = self.copy(is_own).await;
        if is_own {
            self.tell_something_more().await;
        } else {
            self.until_it_watches().await;
        }
        self.put_in_place(&copy);
        self.change();
        self.until_noticed(TROUBLE).await;
        self.end_somehow().await;
        self.start(Birth::default());
        Memory::FellBack(copy.open)
    }

    async fn falls_back(&mut self, is_own: bool) -> Memory {
        let copy = self.copy(is_own).await;
        if is_own {
            self.tell_something_more().await;
        }
        self.end_somehow().await;
        self.put_in_place(&copy);
        self.change();
        self.start(Birth::default());
        Memory::FellBack(copy.open)
    }

    async fn is_restored(&mut self) -> Memory {
        let Some(copy) = self.back_up().await else { return Memory::Kept };
        self.tell_something_more().await;
        self.end_somehow().await;
        self.change();
        let path = copy.path.to_string_lossy().into_owned();
        if !self.stage.command(&["restore", &path]) {
            self.breaches.push(Breach::new(Fault::Other, format!("{path} could not be restored")));
        }
        self.start(Birth::default());
        Memory::FellBack(copy.open)
    }

    /// Something that no copy knows of begins or ends, and is told.
    async fn tell_something_more(&mut self) {
        self.change();
        self.begin().await;
    }

    async fn is_not_heard(&mut self, trouble: &Trouble) -> Memory {
        self.stage.receivers.set_trouble(Some(trouble));
        self.change();
        self.pause(1_000, 6_000).await;
        if self.dice.one_in(3) {
            self.kill();
            self.start(Birth::default());
            self.pause(0, 2_000).await;
        }
        self.stage.receivers.set_trouble(None);
        Memory::Kept
    }
}
