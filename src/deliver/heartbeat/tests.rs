use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::http::{HttpOptions, install_tls_provider};
use crate::clock::Pace;
use crate::config::http::HttpSettings;
use crate::config::secrets::SecretSource;
use crate::deliver::board::ReceiverBoard;
use crate::deliver::testing::{begin, commit, event};
use crate::domain::names::ReceiverName;
use crate::domain::notification::{AttemptFailure, DeliveryId, FailureReason, NotificationKind, Reach};
use crate::store::AttemptEnd;
use crate::store::Outbox as _;
use crate::store::memory::MemoryStore;

#[derive(Debug, Default)]
struct Counts {
    beats: AtomicUsize,
    at: Mutex<Option<DateTime<Utc>>>,
}

impl DeliveryTelemetry for Counts {
    fn on_attempt(&self, _receiver: &ReceiverName, _end: Result<(), FailureReason>) {}
    fn on_dead_letter(&self, _receiver: &ReceiverName) {}
    fn on_store_error(&self) {}
    fn on_panic(&self) {}

    fn on_heartbeat(&self, at: DateTime<Utc>) {
        self.beats.fetch_add(1, Ordering::SeqCst);
        *self.at.lock().unwrap() = Some(at);
    }
}

/// A heart, the switch that listens to it, and what it rests on.
struct Scene {
    switch: MockServer,
    board: watch::Sender<Board>,
    store: Arc<MemoryStore>,
    counts: Arc<Counts>,
    heart: Heartbeat,
}

impl Scene {
    async fn open(every: Duration) -> Self {
        install_tls_provider();
        let switch = MockServer::start().await;
        let url: Url = format!("{}/ping/acme", switch.uri()).parse().unwrap();
        let settings = HeartbeatSettings {
            url: AddressSource::Plain(url),
            failure_url: None,
            every,
            http: HttpSettings::default(),
        };
        let (store, counts) = (Arc::new(MemoryStore::default()), Arc::new(Counts::default()));
        let board = watch::Sender::new(Board::default());
        let client = PostClient::build(&HttpOptions::default()).unwrap();
        let heart = Heartbeat::new(
            Switch { settings, client },
            HeartbeatParts {
                pulse: Pulse::default(),
                store: store.clone(),
                board: board.subscribe(),
                clock: Clock::scaled(begin() + TimeDelta::minutes(11), Pace::Immediate),
                telemetry: counts.clone(),
            },
        );
        Self { switch, board, store, counts, heart }
    }

    async fn answers(&self, at: &str, status: u16) {
        Mock::given(method("POST")).and(path(at)).respond_with(ResponseTemplate::new(status)).mount(&self.switch).await;
    }

    /// What the switch was told so far: paths and bodies.
    async fn told(&self) -> Vec<String> {
        let requests = self.switch.received_requests().await.unwrap();
        let show = |request: &wiremock::Request| {
            format!("{} {}", request.url.path(), String::from_utf8_lossy(&request.body).trim())
        };
        requests.iter().map(show).collect()
    }

    fn rejecting(&self, names: &[(&str, bool)]) {
        let failure = AttemptFailure { reason: FailureReason::Rejected, detail: "as scripted".to_owned() };
        let failing = crate::notify::situation::FailingReceiver {
            since: begin(),
            failure,
            lost: std::collections::BTreeMap::new(),
        };
        let board = |fails: bool| ReceiverBoard { failing: fails.then(|| failing.clone()), ..ReceiverBoard::default() };
        let receivers = names.iter().map(|(name, fails)| (ReceiverName::new(name), board(*fails))).collect();
        self.board.send_replace(Board { receivers });
    }

    async fn refresh_board(&self, names: &[&str]) {
        let configured: BTreeMap<_, _> = names.iter().map(|name| (ReceiverName::new(name), None)).collect();
        let backlogs = self.store.backlogs().await.unwrap();
        self.board.send_replace(Board::default().refreshed(configured, backlogs, BTreeMap::new()));
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_sign_of_life_is_sent_once_in_its_time() {
    let mut scene = Scene::open(HOUR).await;
    scene.answers("/ping/acme", 200).await;
    scene.heart.look().await;
    scene.heart.look().await;
    assert_eq!(scene.told().await, ["/ping/acme snykwatch is well"]);
    assert_eq!(scene.counts.beats.load(Ordering::SeqCst), 1);
    assert_eq!(*scene.counts.at.lock().unwrap(), Some(begin() + TimeDelta::minutes(11)));
}

#[tokio::test]
async fn a_failure_is_told_at_once_and_so_is_its_end() {
    let mut scene = Scene::open(HOUR).await;
    scene.answers("/ping/acme", 200).await;
    scene.answers("/ping/acme/fail", 200).await;
    scene.heart.look().await;
    scene.rejecting(&[("chat", true)]);
    scene.heart.look().await;
    scene.heart.look().await;
    scene.rejecting(&[("chat", false)]);
    scene.heart.look().await;
    let expected = [
        "/ping/acme snykwatch is well",
        "/ping/acme/fail every receiver rejects what it is sent",
        "/ping/acme snykwatch is well",
    ];
    assert_eq!(scene.told().await, expected);
    assert_eq!(scene.counts.beats.load(Ordering::SeqCst), 2, "a failure is no sign of life");
}

#[tokio::test]
async fn one_receiver_that_rejects_stops_nothing() {
    let mut scene = Scene::open(HOUR).await;
    scene.answers("/ping/acme", 200).await;
    scene.rejecting(&[("chat", true), ("on-call", false)]);
    scene.heart.look().await;
    assert_eq!(scene.told().await, ["/ping/acme snykwatch is well"]);
}

#[tokio::test]
async fn a_switch_that_does_not_answer_is_told_again_at_the_next_look() {
    let mut scene = Scene::open(HOUR).await;
    scene.heart.look().await;
    assert!(scene.heart.is_unheard);
    scene.answers("/ping/acme", 204).await;
    scene.heart.look().await;
    assert!(!scene.heart.is_unheard);
    scene.heart.look().await;
    assert_eq!(scene.told().await.len(), 2);
    assert_eq!(scene.counts.beats.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_critical_notification_waits_only_while_nobody_has_taken_it() {
    use crate::domain::incident::Severity::{Critical, Warning};
    let scene = Scene::open(HOUR).await;
    let (trigger, minute) = (NotificationKind::Trigger, TimeDelta::minutes(1));
    let critical = event("a", Critical, trigger, 1, TimeDelta::zero());
    let warning = event("b", Warning, trigger, 1, TimeDelta::zero());
    let fresh = event("c", Critical, trigger, 1, minute * 2);
    commit(&*scene.store, &["chat", "on-call"], &[critical, warning, fresh]).await;
    let waits = async || {
        scene.refresh_board(&["chat", "on-call"]).await;
        scene.heart.vitals().await.critical_waits
    };
    assert_eq!(waits().await, Some(minute * 11));

    let end = |delivery, state, reach| AttemptEnd {
        delivery: DeliveryId(delivery),
        at: begin(),
        failure: None,
        reach,
        state,
        next_attempt_at: begin(),
    };
    scene.store.finish_attempt(end(1, DeliveryState::Pending, Reach::Unclear)).await.unwrap();
    assert_eq!(waits().await, Some(minute * 11), "perhaps is not taken");
    scene.store.finish_attempt(end(1, DeliveryState::Delivered, Reach::Received)).await.unwrap();
    assert_eq!(waits().await, None, "chat took it; on-call still waits");
}

#[tokio::test]
async fn a_watcher_that_stands_still_is_told() {
    let mut scene = Scene::open(HOUR).await;
    scene.answers("/ping/acme/fail", 200).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(4)).await;
    scene.heart.parts.pulse.on_evaluation();
    let vitals = scene.heart.vitals().await;
    let ailments = verdict(&vitals).unwrap_err();
    assert!(matches!(ailments[..], [Ailment::SchedulerStands(since)] if since.as_secs() == 240), "{ailments:?}");
    scene.heart.parts.pulse.on_schedule();
    scene.heart.parts.pulse.on_commit();
    assert_eq!(verdict(&scene.heart.vitals().await), Ok(()));
    tokio::time::resume();
    scene.rejecting(&[("chat", true)]);
    scene.heart.look().await;
    assert_eq!(scene.told().await.len(), 1);
}

#[tokio::test]
async fn the_addresses_may_be_secrets_and_the_failure_may_have_its_own() {
    let mut scene = Scene::open(HOUR).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}/secret-failure?key=1\n", scene.switch.uri())).unwrap();
    let secret = SecretSource::File(file.path().to_owned());
    scene.heart.switch.settings.failure_url = Some(AddressSource::Secret(secret));
    scene.rejecting(&[("chat", true)]);
    Mock::given(path("/secret-failure"))
        .and(body_string_contains("rejects"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&scene.switch)
        .await;
    scene.heart.look().await;
    assert!(!scene.heart.is_unheard);
    std::fs::remove_file(file.path()).unwrap();
    scene.heart.told = None;
    scene.heart.look().await;
    assert!(scene.heart.is_unheard);
}

#[test]
fn the_failure_address_is_below_that_of_life() {
    let check = |url: &str, expected: &str| {
        assert_eq!(below(&url.to_owned().into()).unwrap().expose_secret(), expected);
    };
    check("https://hc.example.com/ping/uuid", "https://hc.example.com/ping/uuid/fail");
    check("https://hc.example.com/ping/uuid/", "https://hc.example.com/ping/uuid/fail");
    check("https://hc.example.com/ping?key=a", "https://hc.example.com/ping/fail?key=a");
}

/// Waits until the switch was told so often.
async fn until_told(scene: &Scene, times: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let told = scene.told().await;
        if told.len() >= times {
            return told;
        }
        assert!(Instant::now() < deadline, "{told:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until it was told so often and has answered: only then a sign counts as told, and is not repeated.
async fn until_heard(scene: &Scene, times: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while scene.counts.beats.load(Ordering::SeqCst) < times {
        assert!(Instant::now() < deadline, "{:?}", scene.told().await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    scene.told().await
}

#[tokio::test]
async fn the_task_beats_until_it_is_told_to_stop() {
    let scene = Scene::open(Duration::from_millis(20)).await;
    scene.answers("/ping/acme", 200).await;
    let stop = CancellationToken::new();
    let (_wanted, wanted) = watch::channel(Some(scene.heart.switch.clone()));
    let task = tokio::spawn(follow(scene.heart.parts.clone(), wanted, stop.clone()));
    until_told(&scene, 3).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_switch_that_is_added_changed_or_removed_is_followed_at_once() {
    let scene = Scene::open(HOUR).await;
    scene.answers("/ping/acme", 200).await;
    scene.answers("/ping/other", 200).await;
    let first = scene.heart.switch.clone();
    let other: Url = format!("{}/ping/other", scene.switch.uri()).parse().unwrap();
    let settings = HeartbeatSettings { url: AddressSource::Plain(other), ..first.settings.clone() };
    let other = Switch { settings, ..first.clone() };
    let (wanted, followed) = watch::channel(None);
    let stop = CancellationToken::new();
    let task = tokio::spawn(follow(scene.heart.parts.clone(), followed, stop.clone()));

    wanted.send(Some(first.clone())).unwrap();
    assert_eq!(until_heard(&scene, 1).await, ["/ping/acme snykwatch is well"], "an hour is not waited for");
    wanted.send(Some(other.clone())).unwrap();
    until_heard(&scene, 2).await;
    // The same one again, with another client: what it was told counts for the hour. And without one nobody is told.
    for wish in [Some(other), None] {
        wanted.send(wish).unwrap();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    wanted.send(Some(first)).unwrap();
    let told = until_heard(&scene, 3).await;
    let at: Vec<_> = told.iter().map(|told| told.split(' ').next().unwrap()).collect();
    assert_eq!(at, ["/ping/acme", "/ping/other", "/ping/acme"]);
    stop.cancel();
    task.await.unwrap();
}
