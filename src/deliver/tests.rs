//! Deliverers at work: the store in memory, receivers that do what a script says, scaled time.

mod clocks;
mod failing_store;
mod owed_ends;
mod unstored;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::failing_store::FailingStore;
use super::receiver::{Receiver, Retry};
use super::telemetry::DeliveryTelemetry;
use super::testing::{Fake, Treat, begin, commit, event};
use super::{Board, Deliverers, Destination, Parts};
use crate::clock::{Clock, Pace, Participant};
use crate::domain::incident::Severity::{Critical, Warning};
use crate::domain::names::ReceiverName;
use crate::domain::notification::NotificationKind::{Growth, Reminder, Resolve, Test, Trigger};
use crate::domain::notification::{Delivery, DeliveryId, DeliveryState, FailureReason, Reach};
use crate::store::memory::MemoryStore;
use crate::store::{DeliveryFilter, Outbox};

const ZERO: TimeDelta = TimeDelta::zero();

#[derive(Debug, Default)]
struct Counts {
    attempts: Mutex<Vec<String>>,
    dead_letters: AtomicUsize,
    panics: AtomicUsize,
    store_errors: AtomicUsize,
}

impl DeliveryTelemetry for Counts {
    fn on_attempt(&self, receiver: &ReceiverName, end: Result<(), FailureReason>) {
        let end = end.map_or_else(FailureReason::as_str, |()| "ok");
        self.attempts.lock().unwrap().push(format!("{receiver} {end}"));
    }

    fn on_dead_letter(&self, _receiver: &ReceiverName) {
        self.dead_letters.fetch_add(1, Ordering::SeqCst);
    }

    fn on_heartbeat(&self, _at: DateTime<Utc>) {}

    fn on_store_error(&self) {
        self.store_errors.fetch_add(1, Ordering::SeqCst);
    }

    fn on_panic(&self) {
        self.panics.fetch_add(1, Ordering::SeqCst);
    }
}

/// Deliverers at work.
struct Scene {
    /// Awake, so that time stands still but where a test lets it run.
    script: Participant,
    clock: Clock,
    store: Arc<FailingStore>,
    counts: Arc<Counts>,
    deliverers: Deliverers,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Scene {
    async fn open(receivers: &[(&str, &Arc<Fake>)]) -> Self {
        Self::open_on(Arc::new(MemoryStore::default()), receivers).await
    }

    /// A process begins on what another one left.
    async fn open_on(memory: Arc<MemoryStore>, receivers: &[(&str, &Arc<Fake>)]) -> Self {
        Self::open_after_loss(memory, None, receivers).await
    }

    /// And may have lost what came after that.
    async fn open_after_loss(
        memory: Arc<MemoryStore>,
        lost_at: Option<DateTime<Utc>>,
        receivers: &[(&str, &Arc<Fake>)],
    ) -> Self {
        let clock = Clock::scaled(begin(), Pace::Immediate);
        let script = clock.participant();
        let store = Arc::new(FailingStore::new(memory));
        let counts = Arc::new(Counts::default());
        let parts = Parts { store: store.clone(), clock: clock.clone(), telemetry: counts.clone(), lost_at };
        let deliverers = Deliverers::new(parts);
        let stop = CancellationToken::new();
        let task = tokio::spawn(deliverers.clone().run(stop.clone()));
        deliverers.adopt(destinations(receivers)).await;
        Self { script, clock, store, counts, deliverers, stop, task }
    }

    /// Commits and wakes, as the watcher does.
    async fn commit(&self, receivers: &[&str], notifications: &[Arc<crate::domain::notification::Notification>]) {
        commit(&*self.store, receivers, notifications).await;
        self.deliverers.wake();
    }

    async fn rows(&self) -> Vec<Delivery> {
        rows_of(&self.store).await
    }

    /// Lets time run until every row has ended; gives their states, oldest first.
    async fn states(&mut self) -> Vec<DeliveryState> {
        let is_over = |rows: &[Delivery]| rows.iter().all(|row| row.state != DeliveryState::Pending);
        let waiting = wait_for_rows(&self.store, is_over);
        let rows = tokio::select! {
            rows = waiting => rows,
            () = self.script.sleep_forever() => unreachable!("it sleeps for ever"),
        };
        rows.iter().map(|row| row.state).collect()
    }

    /// Lets time run until `after` the begin.
    async fn sleep_until(&mut self, after: TimeDelta) {
        self.script.sleep_until(begin() + after).await;
    }

    async fn rows_when(&self, is_so: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        wait_for_rows(&self.store, is_so).await
    }

    async fn board_when(&self, is_so: impl FnMut(&Board) -> bool) -> Board {
        let mut board: watch::Receiver<Board> = self.deliverers.board();
        let waited = tokio::time::timeout(Duration::from_secs(20), board.wait_for(is_so)).await;
        waited.expect("the board comes to that").unwrap().clone()
    }

    async fn close(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Every row, oldest first.
async fn rows_of(store: &FailingStore) -> Vec<Delivery> {
    let filter = DeliveryFilter { limit: usize::MAX, ..DeliveryFilter::default() };
    let mut rows = store.deliveries(filter).await.unwrap();
    rows.reverse();
    rows
}

async fn wait_for_rows(store: &FailingStore, is_so: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
    let deadline = Instant::now() + Duration::from_mins(3);
    loop {
        let rows = rows_of(store).await;
        if is_so(&rows) {
            return rows;
        }
        let states: BTreeMap<String, usize> = rows.iter().fold(BTreeMap::new(), |mut states, row| {
            *states.entry(format!("{:?}", row.state)).or_default() += 1;
            states
        });
        assert!(Instant::now() < deadline, "{states:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn destinations(receivers: &[(&str, &Arc<Fake>)]) -> BTreeMap<ReceiverName, Destination> {
    let destination = |fake: &Arc<Fake>| Destination::plain(Arc::clone(fake) as Arc<dyn Receiver>);
    receivers.iter().map(|(name, fake)| (ReceiverName::new(name), destination(fake))).collect()
}

fn fake(script: impl IntoIterator<Item = Treat>) -> Arc<Fake> {
    Arc::new(Fake::new(script))
}

const LATER: Treat = Treat::Refuse(Retry::Later);
const NEVER: Treat = Treat::Refuse(Retry::Never);

fn all_delivered(rows: &[Delivery]) -> bool {
    rows.iter().all(|row| row.state == DeliveryState::Delivered)
}

/// The words before `@`: the moments have jitter.
fn words(told: &[String]) -> Vec<&str> {
    told.iter().map(|told| told.split(" @").next().unwrap()).collect()
}

#[tokio::test]
async fn a_page_arrives_at_its_moment() {
    let chat = fake([]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.commit(&["chat"], &[event("a", Critical, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered]);
    assert_eq!(chat.told(), ["trigger/a/critical @0"]);
    assert_eq!(*scene.counts.attempts.lock().unwrap(), ["chat ok"]);
    scene.close().await;
}

#[tokio::test]
async fn a_resolve_is_delivered_once_the_receiver_recovers() {
    let chat = fake([Treat::Take, LATER, LATER, LATER]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.commit(&["chat"], &[event("a", Critical, Trigger, 1, ZERO)]).await;
    scene.states().await;
    scene.commit(&["chat"], &[event("a", Critical, Resolve, 2, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered; 2]);
    let refused = "!resolve/a/critical";
    let told = chat.told();
    assert_eq!(words(&told), ["trigger/a/critical", refused, refused, refused, "resolve/a/critical"]);
    let waited = chat.got().last().unwrap().after;
    assert!(waited >= TimeDelta::seconds(155) && waited <= TimeDelta::seconds(180), "{waited}");
    scene.close().await;
}

#[tokio::test]
async fn a_stalled_receiver_delays_nobody() {
    let (stalled, chat) = (fake(vec![Treat::Stall; 9]), fake([]));
    let mut scene = Scene::open(&[("stalled", &stalled), ("chat", &chat)]).await;
    for number in 1..=6 {
        let name = format!("a{number}");
        scene.commit(&["stalled", "chat"], &[event(&name, Warning, Trigger, 1, ZERO)]).await;
        chat.until(|chat| chat.got().len() == number).await;
    }
    assert_eq!(stalled.got().len(), 4, "so many at once, and no more");
    // After two real seconds the stalled one no longer holds the time.
    scene.sleep_until(TimeDelta::hours(1)).await;
    scene.commit(&["chat"], &[event("b", Warning, Trigger, 1, TimeDelta::hours(1))]).await;
    chat.until(|chat| chat.told().last().unwrap() == "trigger/b/warning @3600").await;
    let begin = Instant::now();
    scene.close().await;
    assert!(begin.elapsed() < Duration::from_secs(9), "what is under way is dropped after a while");
}

#[tokio::test]
async fn what_was_begun_by_a_process_that_died_is_sent_again_with_the_same_id() {
    let memory = Arc::new(MemoryStore::default());
    let trigger = event("a", Critical, Trigger, 1, ZERO);
    commit(&*memory, &["chat"], &[Arc::clone(&trigger)]).await;
    memory.begin_attempt(DeliveryId(1), begin()).await.unwrap();
    let chat = fake([]);
    let mut scene = Scene::open_on(memory, &[("chat", &chat)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered]);
    assert_eq!(chat.got()[0].id, trigger.id);
    assert_eq!(scene.rows().await[0].attempts, 2);
    scene.close().await;
}

#[tokio::test]
async fn what_may_have_been_received_is_ended_after_a_crash() {
    let memory = Arc::new(MemoryStore::default());
    let events = [event("a", Critical, Trigger, 1, ZERO), event("a", Critical, Resolve, 2, ZERO)];
    commit(&*memory, &["chat"], &events).await;
    memory.begin_attempt(DeliveryId(1), begin()).await.unwrap();
    let chat = fake([]);
    let mut scene = Scene::open_on(memory, &[("chat", &chat)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Collapsed, DeliveryState::Delivered]);
    assert_eq!(words(&chat.told()), ["resolve/a/critical"]);
    scene.close().await;
}

#[tokio::test]
async fn a_row_is_noted_before_it_is_sent() {
    let chat = fake([Treat::Stall]);
    let scene = Scene::open(&[("chat", &chat)]).await;
    scene.commit(&["chat"], &[event("a", Critical, Trigger, 1, ZERO)]).await;
    chat.until(|chat| chat.got().len() == 1).await;
    let row = scene.rows().await.remove(0);
    assert_eq!((row.state, row.attempts, row.reach), (DeliveryState::Pending, 1, Reach::Unclear));
    scene.close().await;
}

#[tokio::test]
async fn each_incident_keeps_its_order_whatever_fails() {
    let chat = fake([LATER, Treat::Lose, LATER, Treat::Take, Treat::Lose, LATER, LATER, Treat::Lose]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    let mut events = Vec::new();
    for name in ["a", "b", "c"] {
        events.push(event(name, Warning, Resolve, 1, ZERO));
        events.push(event(name, Critical, Trigger, 2, ZERO));
        events.push(event(name, Critical, Growth, 3, ZERO));
    }
    scene.commit(&["chat"], &events).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered; 9]);
    for name in ["a", "b", "c"] {
        let about = |told: &String| told.contains(&format!("/{name}/"));
        let told: Vec<String> = chat.told().into_iter().filter(about).collect();
        let mut words = words(&told);
        for word in &mut words {
            *word = word.trim_start_matches('!');
        }
        words.dedup();
        let order = ["resolve", "trigger", "growth"];
        let expected: Vec<_> = words.iter().map(|word| word.split('/').next().unwrap()).collect();
        assert_eq!(expected, order, "{told:?}");
    }
    scene.close().await;
}

#[tokio::test]
async fn a_receiver_that_asks_for_patience_gets_it() {
    let chat = fake([Treat::Refuse(Retry::After(Duration::from_secs(90)))]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.commit(&["chat"], &[event("a", Warning, Trigger, 1, ZERO)]).await;
    chat.until(|chat| chat.got().len() == 1).await;
    scene.commit(&["chat"], &[event("b", Warning, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered; 2]);
    for got in &chat.got()[1..] {
        assert!(got.after >= TimeDelta::seconds(90) && got.after <= TimeDelta::seconds(99), "{got:?}");
    }
    scene.close().await;
}

#[tokio::test]
async fn messages_keep_the_pause_that_their_receiver_wants() {
    let chat = Arc::new(Fake::new([]).pausing(Duration::from_secs(10)));
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    let events = ["a", "b", "c"].map(|name| event(name, Warning, Trigger, 1, ZERO));
    scene.commit(&["chat"], &events).await;
    scene.states().await;
    assert_eq!(chat.told(), ["trigger/a/warning @0", "trigger/b/warning @10", "trigger/c/warning @20"]);
    scene.close().await;
}

#[tokio::test]
async fn what_is_rejected_for_good_is_a_dead_letter_and_the_rest_goes_on() {
    let chat = fake([NEVER]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.commit(&["chat"], &[event("a", Warning, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::DeadLettered]);
    let board = scene.board_when(|board| !board.failing(begin()).is_empty()).await;
    let failing = &board.failing(begin())[&ReceiverName::new("chat")];
    assert_eq!((failing.since, failing.failure.reason), (begin(), FailureReason::Rejected));
    assert_eq!(scene.counts.dead_letters.load(Ordering::SeqCst), 1);
    scene.sleep_until(TimeDelta::minutes(1)).await;
    scene.commit(&["chat"], &[event("b", Warning, Trigger, 1, TimeDelta::minutes(1))]).await;
    assert_eq!(scene.states().await, [DeliveryState::DeadLettered, DeliveryState::Delivered]);
    scene.board_when(|board| board.failing(begin()).is_empty()).await;
    scene.close().await;
}

#[tokio::test]
async fn what_is_too_old_is_given_up_at_its_time() {
    let chat = fake(vec![LATER; 500]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    let events = [event("a", Warning, Trigger, 1, ZERO), event("b", Warning, Reminder, 1, ZERO)];
    scene.commit(&["chat"], &events).await;
    assert_eq!(scene.states().await, [DeliveryState::DeadLettered; 2]);
    let after: Vec<_> = scene.rows().await.iter().map(|row| row.ended_at.unwrap() - begin()).collect();
    assert_eq!(after, [TimeDelta::days(3), TimeDelta::days(1)]);
    let attempts = scene.rows().await[0].attempts;
    assert!((70..90).contains(&attempts), "{attempts}");
    scene.close().await;
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt() {
    let (chat, other) = (fake([Treat::Panic]), fake([]));
    let mut scene = Scene::open(&[("chat", &chat), ("other", &other)]).await;
    scene.commit(&["chat", "other"], &[event("a", Warning, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered; 2]);
    assert_eq!(scene.counts.panics.load(Ordering::SeqCst), 1);
    let attempts = scene.counts.attempts.lock().unwrap().clone();
    assert!(attempts.contains(&"chat internal".to_owned()), "{attempts:?}");
    scene.close().await;
}

#[tokio::test]
async fn what_the_store_does_not_know_is_not_sent_again() {
    let chat = fake([]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.store.fail_to_finish(3);
    scene.commit(&["chat"], &[event("a", Warning, Trigger, 1, ZERO)]).await;
    chat.until(|chat| chat.got().len() == 1).await;
    scene.commit(&["chat"], &[event("b", Warning, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered; 2]);
    assert_eq!(words(&chat.told()), ["trigger/a/warning", "trigger/b/warning"]);
    assert_eq!(scene.counts.store_errors.load(Ordering::SeqCst), 3);
    scene.close().await;
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_sent() {
    let chat = fake([]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.store.fail_to_begin(2);
    scene.commit(&["chat"], &[event("a", Warning, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered]);
    assert_eq!(chat.got().len(), 1);
    assert_eq!(scene.counts.store_errors.load(Ordering::SeqCst), 2);
    scene.close().await;
}

#[tokio::test]
async fn what_means_nothing_to_a_receiver_is_not_sent() {
    let chat = Arc::new(Fake::new([]).ignoring(Reminder));
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.commit(&["chat"], &[event("a", Warning, Reminder, 1, ZERO), event("a", Warning, Test, 2, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Collapsed, DeliveryState::Delivered]);
    assert_eq!(words(&chat.told()), ["test/a/warning"]);
    scene.close().await;
}

#[tokio::test]
async fn a_leased_receiver_is_reminded_of_what_stands() {
    let peer = Arc::new(Fake::new([]).leased(Duration::from_mins(1)));
    let memory = Arc::new(MemoryStore::default());
    let mut scene = Scene::open_on(memory, &[("peer", &peer)]).await;
    let events = ["a", "b"].map(|name| event(name, Warning, Trigger, 1, ZERO));
    scene.commit(&["peer"], &events).await;
    scene.rows_when(all_delivered).await;
    scene.sleep_until(TimeDelta::seconds(150)).await;
    let both = vec!["trigger/a/warning".to_owned(), "trigger/b/warning".to_owned()];
    peer.until(|peer| peer.renewals() == [both.clone(), both.clone()]).await;
    scene.commit(&["peer"], &[event("a", Warning, Resolve, 2, ZERO)]).await;
    scene.rows_when(all_delivered).await;
    scene.sleep_until(TimeDelta::seconds(190)).await;
    let one_ended = vec!["resolve/a/warning".to_owned(), "trigger/b/warning".to_owned()];
    peer.until(|peer| peer.renewals().last() == Some(&one_ended)).await;
    scene.sleep_until(TimeDelta::minutes(30)).await;
    let one = vec!["trigger/b/warning".to_owned()];
    peer.until(|peer| peer.renewals().last() == Some(&one)).await;
    scene.close().await;
}

#[tokio::test]
async fn a_restart_reminds_at_once_and_not_of_what_is_ending() {
    let memory = Arc::new(MemoryStore::default());
    let before = fake([]);
    let mut scene = Scene::open_on(memory.clone(), &[("peer", &before)]).await;
    let events = ["a", "b"].map(|name| event(name, Warning, Trigger, 1, ZERO));
    scene.commit(&["peer"], &events).await;
    scene.states().await;
    scene.close().await;

    commit(&*memory, &["peer"], &[event("a", Warning, Resolve, 2, ZERO)]).await;
    let peer = Arc::new(Fake::new([LATER]).leased(Duration::from_mins(1)));
    let mut scene = Scene::open_on(memory, &[("peer", &peer)]).await;
    scene.states().await;
    assert_eq!(peer.renewals()[0], ["trigger/b/warning"]);
    scene.close().await;
}

/// A begin that was received and whose answer is lost must not be ended by the reminder of the end before it.
#[tokio::test]
async fn a_restart_does_not_repeat_an_end_after_the_next_begin() {
    let memory = Arc::new(MemoryStore::default());
    let before = fake([Treat::Take, Treat::Take, Treat::Lose]);
    let mut scene = Scene::open_on(memory.clone(), &[("peer", &before)]).await;
    for (sequence, kind) in (1..).zip([Trigger, Resolve]) {
        scene.commit(&["peer"], &[event("a", Warning, kind, sequence, ZERO)]).await;
        scene.states().await;
    }
    scene.commit(&["peer"], &[event("a", Warning, Trigger, 3, ZERO)]).await;
    before.until(|fake| fake.got().len() == 3).await;
    scene.close().await;

    let peer = Arc::new(Fake::new([]).leased(Duration::from_mins(1)));
    let mut scene = Scene::open_on(memory, &[("peer", &peer)]).await;
    scene.states().await;
    scene.sleep_until(TimeDelta::minutes(3)).await;
    let begun = vec!["trigger/a/warning".to_owned()];
    peer.until(|peer| peer.renewals().len() >= 2).await;
    assert!(peer.renewals().iter().all(|told| *told == begun), "{:?}", peer.renewals());
    scene.close().await;
}

/// What a receiver rejected before a restart is known at once.
#[tokio::test]
async fn a_restart_knows_who_fails_before_anything_is_decided() {
    let memory = Arc::new(MemoryStore::default());
    let before = fake([Treat::Refuse(Retry::Never)]);
    let mut scene = Scene::open_on(memory.clone(), &[("chat", &before)]).await;
    scene.commit(&["chat"], &[event("a", Warning, Trigger, 1, ZERO)]).await;
    scene.states().await;
    scene.close().await;

    let scene = Scene::open_on(memory, &[("chat", &fake([]))]).await;
    scene.deliverers.take_stock().await;
    let now = begin() + TimeDelta::minutes(1);
    assert!(scene.deliverers.board().borrow().failing(now).contains_key(&ReceiverName::new("chat")));
    scene.close().await;
}

#[tokio::test]
async fn a_reload_disturbs_only_what_is_other() {
    let (stays, goes, comes) = (fake([Treat::Stall]), fake([Treat::Stall; 3]), fake([]));
    let scene = Scene::open(&[("stays", &stays), ("goes", &goes)]).await;
    let names = ["stays", "goes"];
    scene.commit(&names, &[event("a", Warning, Trigger, 1, ZERO)]).await;
    stays.until(|fake| fake.got().len() == 1).await;
    goes.until(|fake| fake.got().len() == 1).await;
    let same = Arc::clone(&stays) as Arc<dyn Receiver>;
    let board = scene.board_when(|board| board.receivers.len() == 2).await;
    assert!(board.receivers.contains_key(&ReceiverName::new("goes")));

    let mut next = destinations(&[("comes", &comes)]);
    let running = Destination::plain(same);
    // The wording is another value, so this one begins anew: what was on its way is sent again.
    next.insert("stays".into(), running.clone());
    scene.deliverers.adopt(next.clone()).await;
    stays.until(|fake| fake.got().len() == 2).await;
    scene.deliverers.adopt(next).await;
    scene.commit(&["stays", "comes"], &[event("b", Warning, Trigger, 1, ZERO)]).await;
    comes.until(|fake| fake.got().len() == 1).await;
    let gone = |rows: &[Delivery]| {
        let mut gone = rows.iter().filter(|row| row.receiver == ReceiverName::new("goes"));
        gone.all(|row| row.state == DeliveryState::DeadLettered)
    };
    let rows = scene.rows_when(gone).await;
    let failure = rows.iter().find(|row| row.receiver == ReceiverName::new("goes")).unwrap().last_failure.clone();
    assert_eq!(failure.unwrap().reason, FailureReason::Unconfigured);
    stays.until(|fake| words(&fake.told()).contains(&"trigger/b/warning")).await;
    assert_eq!(stays.got().iter().filter(|got| got.what == "trigger/a/warning").count(), 2, "not a third time");
    assert!(scene.board_when(|board| board.receivers.len() == 2).await.failing(begin()).is_empty());
    scene.close().await;
}

#[tokio::test]
async fn many_rows_that_wait_hide_nothing_behind_them() {
    let chat = fake(vec![LATER; 1_100]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    let many: Vec<_> = (0..1_100).map(|number| event(&format!("a{number}"), Warning, Resolve, 1, ZERO)).collect();
    scene.commit(&["chat"], &many).await;
    chat.until(|chat| chat.got().len() == 1_100).await;
    scene.commit(&["chat"], &[event("late", Critical, Trigger, 1, ZERO)]).await;
    chat.until(|chat| chat.told().last().unwrap() == "trigger/late/critical @0").await;
    scene.states().await;
    scene.close().await;
}

#[tokio::test]
async fn the_board_tells_how_receivers_do() {
    let (chat, stalled) = (fake([]), fake([LATER, Treat::Stall]));
    let scene = Scene::open(&[("chat", &chat), ("stalled", &stalled)]).await;
    scene.commit(&["chat", "stalled"], &[event("a", Critical, Trigger, 1, ZERO)]).await;
    let (chat, stalled) = (ReceiverName::new("chat"), ReceiverName::new("stalled"));
    let tried = |board: &Board| {
        board.receivers.len() == 2 && board.receivers.values().all(|board| board.last_attempt.is_some())
    };
    let board = scene.board_when(tried).await;
    assert_eq!(board.receivers[&chat].last_attempt.as_ref().unwrap().failure, None);
    assert_eq!(board.receivers[&chat].backlog.last_delivered_at, Some(begin()));
    let stalled = &board.receivers[&stalled];
    assert_eq!((stalled.backlog.pending, stalled.backlog.oldest_critical), (1, Some(begin())));
    assert_eq!(stalled.last_attempt.as_ref().unwrap().failure.as_ref().unwrap().reason, FailureReason::ServerError);
    scene.close().await;
}
