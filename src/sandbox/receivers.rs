//! Stand-ins for what notifications are sent to: a webhook endpoint, Slack, PagerDuty, Alertmanager, and a dead man's
//! switch, each served over real HTTP on loopback.
//!
//! Its words: a [`Letter`] is a request as it came; a [`Reception`] is what became of it; an *effect* is what a human
//! notices of it. A *page* wakes somebody; a *repeat* is told again and wakes nobody, because the receiver knows it; a
//! *breach* was accepted, as the real one would, although it must never be sent (a mention that somebody put into a
//! repository's name, one identity with two contents). [`Trouble`] is how a receiver fails, switched while it runs.
//!
//! Each fake is as strict as the real one or stricter: it refuses what is malformed, and says why. They are written
//! from the protocols alone, by another hand than the code that sends: one hand must not make both lenient. They keep
//! everything they receive until they are dropped; they speak no TLS and wake nobody.

mod alertmanager;
mod heartbeat;
mod letter;
mod pagerduty;
mod slack;
mod webhook;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use super::server::{Loopback, Peer, http_date};
use crate::clock::Clock;

pub use alertmanager::{Alertmanager, AlertmanagerNotification, NotificationStatus};
pub use heartbeat::Heartbeat;
pub use letter::Letter;
pub use pagerduty::{PagerChange, PagerDuty, PagerEvent, PagerIncident};
pub use slack::Slack;
pub use webhook::Webhook;

/// The largest body that is read; what is beyond is answered with 413.
const LARGEST_BODY: usize = 512_000;

/// What a receiver makes of a letter.
pub trait Protocol: fmt::Debug + Send + 'static {
    /// The path that is to be configured, such as `/v2/enqueue`.
    fn path(&self) -> String;

    /// Judges a letter that came at `now`, and remembers it when it is good.
    fn receive(&mut self, letter: &Letter, now: DateTime<Utc>) -> Reply;
}

/// What a receiver answers, and what a human notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers beside the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// What the sender calls this notification, where the protocol has a name for it.
    pub id: Option<Box<str>>,
    /// What a human notices. Empty for what is refused.
    pub effects: Vec<Effect>,
    /// What must never be sent and was accepted all the same.
    pub breaches: Vec<String>,
}

impl Reply {
    fn taken(status: u16, body: impl Into<String>, effects: Vec<Effect>) -> Self {
        let (headers, breaches) = (Vec::new(), Vec::new());
        Self { status, headers, body: body.into(), id: None, effects, breaches }
    }

    fn refused(status: u16, why: impl Into<String>) -> Self {
        Self::taken(status, why, Vec::new())
    }

    /// Whether it was accepted, all of it.
    pub fn is_taken(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What a human notices of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Somebody is woken.
    Page,
    /// The receiver knows it already: nobody is woken again.
    Repeat,
    /// A problem is over.
    Resolve,
    /// A problem is over that the receiver does not know, or that was over: nobody notices.
    Nothing,
    /// A sign of life.
    Beat,
    /// A sign of trouble in place of a sign of life: somebody is told.
    Failure,
}

/// How a receiver fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It reads and never answers; nothing is taken.
    Stall,
    /// It takes everything, so late (real time).
    Slow(Duration),
    /// It takes the letter at once, and answers so late (real time).
    AnswerLate(Duration),
    /// It answers this status; nothing is taken. For outages, 500 to 504.
    Status(u16),
    /// It answers 429 with so many seconds in `Retry-After`; nothing is taken.
    RateLimited(Duration),
    /// It reads, then cuts the connection; nothing is taken.
    Cut,
    /// It takes the letter, then cuts the connection without an answer.
    TakeThenCut,
    /// 302 to another path of itself; nothing is taken.
    Redirect,
    /// 200 with a page for people, as a captive portal answers; nothing is taken.
    HtmlWithOk,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was judged by the receiver, which answered so.
    Judged(Reply),
    /// It was lost in the receiver's trouble.
    Lost,
}

/// A letter and what became of it.
#[derive(Debug, Clone)]
pub struct Reception {
    /// When it came, in domain time.
    pub at: DateTime<Utc>,
    /// What came.
    pub letter: Letter,
    /// How the receiver failed then.
    pub trouble: Option<Trouble>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Reception {
    /// The receiver's answer when it was accepted, whether the sender got to know or not.
    pub fn taken(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Judged(reply) if reply.is_taken() => Some(reply),
            _ => None,
        }
    }
}

/// Everything that was received, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Letters.
    pub letters: usize,
    /// How often somebody was woken.
    pub pages: usize,
    /// How often something known was told again.
    pub repeats: usize,
    /// Problems that were over.
    pub resolves: usize,
    /// Refusals by the protocol: status and why.
    pub refusals: Vec<(u16, String)>,
    /// What must never be sent and was accepted.
    pub breaches: Vec<String>,
}

/// A running receiver. Dropping it stops it.
#[derive(Debug)]
pub struct FakeReceiver<P: Protocol> {
    shared: Arc<Shared<P>>,
    url: Url,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// A trouble, and for how many letters more; `None` until it is taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ailment {
    trouble: Trouble,
    letters: Option<usize>,
}

#[derive(Debug)]
struct Shared<P> {
    clock: Clock,
    protocol: Mutex<P>,
    receptions: Mutex<Vec<Reception>>,
    ailment: watch::Sender<Option<Ailment>>,
    stopped: watch::Receiver<bool>,
}

impl<P: Protocol> FakeReceiver<P> {
    /// Serves on a free port of the loopback interface.
    pub async fn start(clock: Clock, protocol: P) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let url = Url::parse(&format!("{origin}{}", protocol.path())).map_err(io::Error::other)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            clock,
            protocol: Mutex::new(protocol),
            receptions: Mutex::default(),
            ailment: watch::Sender::new(None),
            stopped: stopped.clone(),
        });
        let router = Router::new().fallback(handle::<P>).with_state(Arc::clone(&shared));
        let service = router.into_make_service_with_connect_info::<Peer>();
        let server = tokio::spawn(async move {
            let stop = async move {
                let mut stopped = stopped;
                // An error means that the receiver is gone, which is a stop too.
                let _ = stopped.wait_for(|stopped| *stopped).await;
            };
            // `axum::serve` never fails: our listener retries.
            let _ = axum::serve(Loopback(listener), service).with_graceful_shutdown(stop).await;
        });
        Ok(Self { shared, url, stop, server })
    }

    /// Where letters are to be sent.
    pub fn url(&self) -> Url {
        self.url.clone()
    }

    /// The root of the server, for protocols that are configured by it.
    pub fn root(&self) -> Url {
        let mut root = self.url.clone();
        root.set_path("/");
        root
    }

    /// From now on it fails so; `None`: it is well again.
    pub fn set_trouble(&self, trouble: Option<Trouble>) {
        self.shared.ailment.send_replace(trouble.map(|trouble| Ailment { trouble, letters: None }));
    }

    /// The next `letters` letters meet this trouble, those behind them none.
    pub fn trouble_for(&self, letters: usize, trouble: Trouble) {
        self.shared.ailment.send_replace(Some(Ailment { trouble, letters: Some(letters) }));
    }

    /// Looks at what the receiver knows.
    pub fn look<R>(&self, look: impl FnOnce(&mut P) -> R) -> R {
        look(&mut lock(&self.shared.protocol))
    }

    /// Everything that came, oldest first.
    pub fn receptions(&self) -> Vec<Reception> {
        lock(&self.shared.receptions).clone()
    }

    /// What was accepted, oldest first: the letter, and what was made of it.
    pub fn taken(&self) -> Vec<(Letter, Reply)> {
        let receptions = lock(&self.shared.receptions);
        receptions.iter().filter_map(|one| Some((one.letter.clone(), one.taken()?.clone()))).collect()
    }

    /// Everything that came, counted.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for reception in lock(&self.shared.receptions).iter() {
            tally.letters += 1;
            let Outcome::Judged(reply) = &reception.outcome else { continue };
            for effect in &reply.effects {
                match effect {
                    Effect::Page | Effect::Failure => tally.pages += 1,
                    Effect::Repeat => tally.repeats += 1,
                    Effect::Resolve => tally.resolves += 1,
                    Effect::Nothing | Effect::Beat => {}
                }
            }
            tally.breaches.extend(reply.breaches.iter().cloned());
            if !reply.is_taken() {
                tally.refusals.push((reply.status, reply.body.clone()));
            }
        }
        tally
    }

    /// Forgets what came; what the receiver knows stays.
    pub fn forget_receptions(&self) {
        lock(&self.shared.receptions).clear();
    }

    /// Stops serving: hanging answers are cut.
    pub fn stop(self) {
        drop(self);
    }
}

impl<P: Protocol> Drop for FakeReceiver<P> {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.server.abort();
    }
}

async fn handle<P: Protocol>(
    State(shared): State<Arc<Shared<P>>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response<Body> {
    let mut response = answer_to(&shared, &peer, request).await;
    // By the clock that it judges by.
    if let Ok(date) = HeaderValue::from_str(&http_date(shared.clock.now())) {
        response.headers_mut().insert("date", date);
    }
    response
}

async fn answer_to<P: Protocol>(shared: &Shared<P>, peer: &Peer, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let read = to_bytes(body, LARGEST_BODY).await;
    let is_oversized = read.is_err();
    let letter = Letter::new(&parts, read.unwrap_or_default());
    let trouble = shared.take_trouble();
    if let Some(Trouble::Slow(pause)) = &trouble {
        tokio::time::sleep(*pause).await;
    }
    let outcome = match &trouble {
        None | Some(Trouble::Slow(_) | Trouble::AnswerLate(_) | Trouble::TakeThenCut) => {
            let now = shared.clock.now();
            Outcome::Judged(if is_oversized {
                Reply::refused(413, "the body is too large")
            } else {
                lock(&shared.protocol).receive(&letter, now)
            })
        }
        Some(_) => Outcome::Lost,
    };
    let at = shared.clock.now();
    let location = letter.path.clone();
    let reception = Reception { at, letter, trouble: trouble.clone(), outcome: outcome.clone() };
    lock(&shared.receptions).push(reception);
    match (trouble, outcome) {
        (Some(Trouble::Stall), _) => {
            shared.until_well_or_stopped().await;
            peer.cut();
            Response::new(Body::empty())
        }
        (Some(Trouble::AnswerLate(pause)), Outcome::Judged(reply)) => {
            tokio::time::sleep(pause).await;
            answer(reply.status, &reply.headers, reply.body)
        }
        (Some(Trouble::Cut | Trouble::TakeThenCut), _) => {
            peer.cut();
            Response::new(Body::empty())
        }
        (Some(Trouble::Status(status)), _) => answer(status, &[], "out of order".to_owned()),
        (Some(Trouble::RateLimited(wait)), _) => {
            answer(429, &[("retry-after", wait.as_secs().to_string())], "too many requests".to_owned())
        }
        (Some(Trouble::Redirect), _) => answer(302, &[("location", format!("{location}/elsewhere"))], String::new()),
        (Some(Trouble::HtmlWithOk), _) => {
            let page = "<!doctype html><html><body><h1>Sign in to continue</h1></body></html>";
            answer(200, &[("content-type", "text/html; charset=utf-8".to_owned())], page.to_owned())
        }
        (_, Outcome::Judged(reply)) => answer(reply.status, &reply.headers, reply.body),
        (_, Outcome::Lost) => answer(500, &[], String::new()),
    }
}

impl<P> Shared<P> {
    /// The trouble that this letter meets, counted down.
    fn take_trouble(&self) -> Option<Trouble> {
        let mut taken = None;
        self.ailment.send_if_modified(|ailment| {
            let Some(present) = ailment else { return false };
            taken = Some(present.trouble.clone());
            let Some(letters) = &mut present.letters else { return false };
            *letters = letters.saturating_sub(1);
            if *letters == 0 {
                *ailment = None;
            }
            true
        });
        taken
    }

    async fn until_well_or_stopped(&self) {
        let mut ailment = self.ailment.subscribe();
        let mut stopped = self.stopped.clone();
        let is_well = |ailment: &Option<Ailment>| !matches!(ailment, Some(Ailment { trouble: Trouble::Stall, .. }));
        tokio::select! {
            _ = ailment.wait_for(is_well) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }
}

fn answer(status: u16, headers: &[(&'static str, String)], body: String) -> Response<Body> {
    let media_type = if body.starts_with(['{', '[']) { "application/json" } else { "text/plain" };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static(media_type));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// A protocol that panics leaves what it knew; the test that made it panic fails by itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
