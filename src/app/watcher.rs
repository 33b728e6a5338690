//! The watcher: the single writer of the state, and the only task that starts probes.
//!
//! Its day is a loop: start what is due, take in what came back, evaluate, commit, publish. It waits for no probe and
//! no reader: probes run beside it and bring their outcome together with a hold on the clock, so that scaled time does
//! not move on before an outcome was evaluated.

mod clock;
mod commit;
mod held;
mod operator;
mod own_clock;
mod quiet;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::held::HeldBack;
use self::own_clock::OwnClock;
use super::daemon::PassProgress;
use super::herald::{Herald, Telling};
use super::journal;
use super::wiring::Wiring;
use crate::clock::{Clock, Hold, Participant};
use crate::deliver::heartbeat::Pulse;
use crate::domain::evidence::EvidenceBook;
use crate::domain::fleet::Fleet;
use crate::domain::kinds::Truth;
use crate::domain::names::{CredentialName, Revision as SubjectRevision};
use crate::domain::notification::Notification;
use crate::domain::page::Gap;
use crate::domain::state::{State, Transition};
use crate::domain::work::{Finding, Outcome, ProbeRun, Work};
use crate::health::{self, FollowUp};
use crate::metrics::Exporter;
use crate::notify;
use crate::probe::{Context, Prober};
use crate::schedule::last_observed;
use crate::schedule::planner::{OutcomeClass, Planner};
use crate::snapshot::SnapshotPublisher;
use crate::store::{Revision, Store, StoreError};
use crate::web::OperatorRequest;

/// How often everything is evaluated although nothing came back: evidence goes stale and incidents open by time alone.
const EVALUATION_INTERVAL: TimeDelta = TimeDelta::seconds(30);

/// After an evaluation that took a while, rest this many times as long: a large fleet costs at most a tenth of a core.
const REST_FACTOR: u32 = 9;

/// What the watcher is asked from outside.
#[derive(Debug)]
pub(super) enum Request {
    /// Take over new wiring (a reload); answered when it is in force.
    Adopt(Arc<Wiring>, oneshot::Sender<()>),
    /// What people ask for that changes the state; answered when it is committed.
    Operator(Box<OperatorRequest>),
    /// Answered when nothing is due, running or waiting to be confirmed: one pass over everything is complete.
    WhenQuiet(oneshot::Sender<()>),
    /// The same, after what that pass could not count yet was asked once more; dropped where nothing is left to be asked.
    LookAgain(oneshot::Sender<()>),
    /// Notifications that waited to be sent were lost with the store's file.
    TellAnew,
}

/// A probe that came back. Its hold keeps scaled time still until its outcome is evaluated.
struct Finished {
    run: ProbeRun,
    panicked: bool,
    /// In real time.
    took: Duration,
    hold: Hold,
    /// What it asked about when it was started.
    asked_about: Option<SubjectRevision>,
    /// How often the clock had been set by then.
    clock_steps: u64,
}

/// What the watcher is made of.
pub(super) struct Parts {
    pub(super) clock: Clock,
    pub(super) wiring: Arc<Wiring>,
    pub(super) state: Arc<State>,
    pub(super) revision: Revision,
    /// When what was restored was committed; until the clock was set.
    pub(super) restored_at: Option<DateTime<Utc>>,
    pub(super) store: Arc<dyn Store>,
    pub(super) policy: health::Policy,
    pub(super) publisher: SnapshotPublisher,
    pub(super) exporter: Arc<Exporter>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) transitions: broadcast::Sender<Transition>,
    /// Has people told; `None`: nobody is told of anything (one pass).
    pub(super) herald: Option<Herald>,
    /// Tells the heartbeat that we are at work.
    pub(super) pulse: Pulse,
    /// What is wrong with the store, as whoever looks after it found.
    pub(super) store_trouble: watch::Receiver<Option<String>>,
}

/// The single writer.
pub(super) struct Watcher {
    parts: Parts,
    participant: Participant,
    born: Instant,
    fleet: Arc<Fleet>,
    /// Counts the steps of the clock, and the gaps: what a probe brings that began before one is of another time.
    clock_steps: u64,
    own_clock: OwnClock,
    prober: Arc<Prober>,
    planner: Planner,
    probes: JoinSet<Finished>,
    /// Holds of outcomes that are taken in and not yet evaluated.
    unevaluated: Vec<Hold>,
    needs_evaluation: bool,
    next_evaluation: DateTime<Utc>,
    rest_until: Instant,
    waiting_for_quiet: Vec<oneshot::Sender<()>>,
    /// What is to be committed next; what failed to be stays in it.
    held: HeldBack,
    /// The latest evaluation was committed.
    is_stored: bool,
    /// Set when somebody else has committed to our store: we must not go on writing.
    is_displaced: bool,
    /// Probes that came back since the start.
    probed: usize,
    progress: Option<watch::Sender<PassProgress>>,
}

impl Watcher {
    pub(super) fn new(mut parts: Parts) -> Self {
        let now = parts.clock.now();
        // What was stored may be about what an earlier configuration named. What is missing then is asked for at once.
        let fleet = parts.wiring.fleet(&parts.state.evidence);
        let state = Arc::make_mut(&mut parts.state);
        health::forget_other_subjects(state, &fleet);
        let evidence = &parts.state.evidence;
        let fleet = parts.wiring.fleet(evidence);
        let lost_at = parts.state.attention.forgotten.as_ref().map(|forgotten| forgotten.since);
        Self {
            participant: parts.clock.participant(),
            prober: parts.wiring.prober(Arc::clone(&fleet)),
            fleet,
            born: Instant::now(),
            clock_steps: 0,
            own_clock: OwnClock::default(),
            planner: Planner::new(parts.wiring.plan(evidence), |work| last_observed(evidence, work, lost_at), now),
            probes: JoinSet::new(),
            unevaluated: Vec::new(),
            needs_evaluation: true,
            next_evaluation: now,
            rest_until: Instant::now(),
            waiting_for_quiet: Vec::new(),
            held: HeldBack::default(),
            is_stored: true,
            is_displaced: false,
            probed: 0,
            progress: None,
            parts,
        }
    }

    /// When the latest loss of the state was noticed.
    pub(super) fn lost_at(&self) -> Option<DateTime<Utc>> {
        self.parts.state.attention.forgotten.as_ref().map(|forgotten| forgotten.since)
    }

    /// The times in which nobody watched.
    pub(super) fn gaps(&self) -> &[Gap] {
        &self.parts.state.attention.gaps
    }

    /// Has people told of what happens.
    pub(super) fn have_people_told(&mut self, herald: Herald) {
        self.parts.herald = Some(herald);
    }

    /// Tells of every probe that comes back.
    pub(super) fn report_progress(&mut self, progress: watch::Sender<PassProgress>) {
        self.progress = Some(progress);
    }

    /// Watches until `stop`. Running probes are dropped: they would only have read. What is known by then is committed.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            self.follow_clock();
            let is_rested = self.parts.clock.is_scaled() || Instant::now() >= self.rest_until;
            if self.needs_evaluation && is_rested {
                // What could not be committed stays with us and goes with the next.
                let _ = self.evaluate().await;
            }
            if self.is_displaced {
                break;
            }
            self.start_due_probes();
            self.parts.pulse.on_schedule();
            self.answer_when_quiet();
            let wake_at = self.planner.next_due().map_or(self.next_evaluation, |due| due.min(self.next_evaluation));
            let rest_until = self.rest_until;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(finished) = self.probes.join_next() => self.take_in_all(finished),
                Some(request) = self.parts.requests.recv() => self.on_request(request).await,
                () = tokio::time::sleep_until(rest_until), if self.needs_evaluation => {}
                () = self.participant.sleep_until(wake_at) => self.on_time(),
            }
        }
        self.probes.shutdown().await;
        if !self.is_displaced && (self.needs_evaluation || !self.is_stored) {
            // The last chance of what could not be committed before, such as a silence that somebody was told of.
            if self.evaluate().await.is_err() {
                tracing::error!(
                    "stopped without having stored the latest state: the next start continues from the one before"
                );
            }
        }
    }

    fn on_time(&mut self) {
        self.needs_evaluation |= self.parts.clock.now() >= self.next_evaluation;
    }

    async fn on_request(&mut self, request: Request) {
        match request {
            Request::Adopt(wiring, done) => {
                let now = self.parts.clock.now();
                let rotated = wiring.rotated_since(&self.parts.wiring);
                let mended = wiring.mended_since(&self.parts.wiring);
                self.parts.wiring = wiring;
                let others = self.adopt_fleet();
                self.planner.run_soon(rotated.into_iter().chain(others), now);
                // Nothing that hangs on these could be asked.
                for name in &mended {
                    self.planner.hasten(name, now);
                }
                // The asker may have gone away; the wiring is in force all the same.
                let _ = done.send(());
            }
            Request::Operator(request) => self.on_operator(*request).await,
            Request::WhenQuiet(done) => self.waiting_for_quiet.push(done),
            Request::LookAgain(done) => self.look_again(done),
            Request::TellAnew => {
                notify::requests::tell_anew(Arc::make_mut(&mut self.parts.state), self.parts.clock.now());
                self.needs_evaluation = true;
            }
        }
    }

    fn start_due_probes(&mut self) {
        let now = self.parts.clock.now();
        for work in self.planner.due(now) {
            if let Err(refused) = self.planner.on_started(&work, now) {
                tracing::debug!(%refused, "a due probe was not started");
                continue;
            }
            let prober = Arc::clone(&self.prober);
            let context = Context { state: Arc::clone(&self.parts.state) };
            let (clock, hold) = (self.parts.clock.clone(), self.parts.clock.hold());
            let (asked_about, clock_steps) = (health::asked_about(&self.fleet, &work), self.clock_steps);
            self.probes.spawn(async move {
                let begin = Instant::now();
                let probing = AssertUnwindSafe(prober.run(&work, &context)).catch_unwind().await;
                let panicked = probing.is_err();
                let run = probing.unwrap_or_else(|_| ProbeRun {
                    work,
                    started_at: now,
                    finished_at: clock.now(),
                    outcome: Outcome::default(),
                });
                Finished { run, panicked, took: begin.elapsed(), hold, asked_about, clock_steps }
            });
        }
    }

    /// Takes in the probe that came back, and every other that is back by now.
    fn take_in_all(&mut self, first: Result<Finished, JoinError>) {
        let mut next = Some(first);
        while let Some(finished) = next {
            match finished {
                Ok(finished) => {
                    self.take_in(&finished);
                    self.unevaluated.push(finished.hold);
                }
                Err(error) => tracing::error!(%error, "the task of a probe was lost"),
            }
            next = self.probes.try_join_next();
        }
        self.needs_evaluation = true;
    }

    fn take_in(&mut self, finished: &Finished) {
        let run = &finished.run;
        let now = self.parts.clock.now();
        self.probed += 1;
        self.hear_dates(run);
        if let Some(progress) = &self.progress {
            let planned = self.planner.planned();
            progress.send_replace(PassProgress::Probed { done: self.probed, planned, last: run.work.to_string() });
        }
        let mut class = OutcomeClass::of(&run.outcome);
        if finished.panicked {
            self.parts.exporter.own().on_panic();
            tracing::error!(probe = %run.work, "{} panicked; its evidence ages", run.work);
            class = OutcomeClass::Inconclusive { retry_after: None };
        }
        self.parts.exporter.own().on_probe(run.work.kind, &run.outcome, class, finished.took);
        journal::log_failures(run);
        self.planner.on_finished(&run.work, class, now);
        // A reload brought another secret or subject, or the clock was set: what began before tells nothing of it.
        let is_overtaken = finished.asked_about != health::asked_about(&self.fleet, &run.work);
        if is_overtaken || finished.clock_steps != self.clock_steps {
            tracing::debug!(probe = %run.work, "{} began before something changed; asking again", run.work);
            self.planner.schedule_confirmation(&run.work, now);
            return;
        }
        let has_news = changes_the_plan(run, &self.parts.state.evidence);
        let state = Arc::make_mut(&mut self.parts.state);
        let mut soon = Vec::new();
        for follow_up in health::observe(state, &self.fleet, self.parts.policy, run) {
            match follow_up {
                FollowUp::Confirm(work) => {
                    tracing::info!(probe = %work, "{work} gave a bad answer for the first time; asking again to confirm it");
                    self.planner.schedule_confirmation(&work, now + self.parts.policy.confirm_after);
                }
                FollowUp::Ask(work) => soon.push(work),
            }
        }
        if has_news {
            soon.extend(self.adopt_fleet());
        }
        self.planner.run_soon(soon, now);
    }

    /// Takes over what the configuration names now. Returns the work that is to be asked anew, because what was known
    /// was about something else.
    fn adopt_fleet(&mut self) -> Vec<Work> {
        let now = self.parts.clock.now();
        let fleet = self.parts.wiring.fleet(&self.parts.state.evidence);
        let state = Arc::make_mut(&mut self.parts.state);
        let others = health::forget_other_subjects(state, &fleet);
        // What was forgotten may have named Organizations.
        let evidence = &self.parts.state.evidence;
        self.fleet = self.parts.wiring.fleet(evidence);
        self.prober = self.parts.wiring.prober(Arc::clone(&self.fleet));
        self.planner.replan(self.parts.wiring.plan(evidence), now);
        self.needs_evaluation = true;
        others
    }

    /// Evaluates, commits and publishes; gives what became of the commit.
    async fn evaluate(&mut self) -> Result<(), StoreError> {
        let begin = Instant::now();
        let now = self.parts.clock.now();
        let state = Arc::make_mut(&mut self.parts.state);
        let rejected = rejected_credentials(state);
        let mut transitions = health::evaluate(state, &self.fleet, now);
        for work in health::second_readings(&transitions) {
            self.planner.schedule_confirmation(&work, now + health::SECOND_READING_AFTER);
        }
        let accepted = rejected.into_iter().filter(|name| is_accepted(state, name));
        for name in accepted {
            self.planner.hasten(&name, now);
        }
        health::decisions::prune(state, now);
        transitions.extend(health::incidents::evaluate(state, &self.fleet, now));
        if let Some(herald) = &self.parts.herald {
            let telling = telling(&self.parts.wiring, &self.fleet, now);
            self.held.notifications.extend(herald.due(Arc::make_mut(&mut self.parts.state), &transitions, telling));
        }
        let waiting = Instant::now();
        let committed = self.commit(transitions, now).await;
        // Waiting for a store costs no time of a processor: a locked one must not delay what is told next.
        let waited = waiting.elapsed();
        self.parts.pulse.on_evaluation();
        self.publish(now);
        self.measure(now);
        self.needs_evaluation = false;
        self.next_evaluation = now + EVALUATION_INTERVAL;
        self.rest_until = Instant::now() + rest_after(begin.elapsed().saturating_sub(waited));
        self.unevaluated.clear();
        committed
    }

    fn publish(&mut self, now: DateTime<Utc>) {
        let Parts { publisher, state, wiring, herald, .. } = &mut self.parts;
        let fleet = &self.fleet;
        match herald {
            None => drop(publisher.publish(fleet, state, None, now)),
            Some(herald) => herald.with_telling(telling(wiring, fleet, now), &wiring.config().receivers, |telling| {
                publisher.publish(fleet, state, Some(telling), now);
            }),
        }
    }

    fn measure(&self, now: DateTime<Utc>) {
        let own = self.parts.exporter.own();
        for (kind, lag) in self.planner.lags(now) {
            own.set_schedule_lag(kind, lag);
            if let Some(interval) = self.planner.longest_gap(kind) {
                own.set_schedule_interval(kind, interval);
            }
        }
        for (credential, requests) in self.parts.wiring.budgets() {
            own.set_budget_remaining(credential, requests);
        }
    }
}

/// Whether it leaves although the store does not take it.
fn leaves_without_a_row(notification: &Notification) -> bool {
    crate::deliver::is_page(notification)
}

fn telling<'a>(wiring: &'a Wiring, fleet: &'a Fleet, now: DateTime<Utc>) -> Telling<'a> {
    Telling { fleet, routing: &wiring.config().routing, external_url: wiring.external_url(), now }
}

fn rejected_credentials(state: &State) -> Vec<CredentialName> {
    let rejected = state.credentials.iter().filter(|(_, credential)| credential.valid.truth == Truth::False);
    rejected.map(|(name, _)| name.clone()).collect()
}

fn is_accepted(state: &State, name: &CredentialName) -> bool {
    state.credentials.get(name).is_some_and(|credential| credential.valid.truth == Truth::True)
}

fn rest_after(evaluation: Duration) -> Duration {
    evaluation * REST_FACTOR
}

/// Whether a probe brought Organizations to ask about that were not known, or new names of known ones.
fn changes_the_plan(run: &ProbeRun, known: &EvidenceBook) -> bool {
    run.outcome.findings.iter().any(|finding| match finding {
        Finding::Organizations(integration, listing) => {
            let before = known.groups.get(integration).and_then(|group| group.organizations.as_ref());
            before.is_none_or(|before| before.value != *listing)
        }
        Finding::Presence(key, presence) => {
            let before = known.organizations.get(key).and_then(|organization| organization.presence.as_ref());
            before.is_none_or(|before| before.value != *presence)
        }
        _ => false,
    })
}
