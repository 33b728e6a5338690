//! The HTTP side: one listener an API, every request through one door, answers delivered as they are meant to be.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body as HttpBody, Bytes, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::serve::{IncomingStream, Listener};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use super::answer::{Answer, Body, Delivery};
use super::call::Call;
use super::requests::{Authorization, RequestRecord};
use super::world::World;
use super::{Api, Shared, atlassian, bitbucket, faults, ids, snyk_oauth, snyk_rest, snyk_v1};

/// The largest request body that is read.
const LARGEST_REQUEST: usize = 1 << 20;
/// An oversized body leaves in pieces of this length.
const FILLER_LENGTH: usize = 64 * 1024;
/// How long to wait after a failed `accept`, which is for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves one API until told to stop.
pub(super) async fn serve(
    api: Api,
    listener: TcpListener,
    url: Url,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    let door = Arc::new(Door { api, origin: url.origin().ascii_serialization(), shared, stopped: stopped.clone() });
    let router = Router::new().fallback(handle).with_state(door);
    let service = router.into_make_service_with_connect_info::<Peer>();
    let stop = async move {
        let mut stopped = stopped;
        // An error means that the sandbox is gone, which is a stop too.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    // `axum::serve` never fails: our listener retries.
    let _ = axum::serve(Loopback(listener), service).with_graceful_shutdown(stop).await;
}

#[derive(Debug)]
struct Door {
    api: Api,
    origin: String,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
}

async fn handle(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response<HttpBody> {
    let (parts, body) = request.into_parts();
    let path_and_query = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let body = to_bytes(body, LARGEST_REQUEST).await.unwrap_or_default();
    let call = Call::new(parts.method, &parts.uri, parts.headers, body, door.origin.clone());
    let (answer, now, skew) = {
        let mut world = door.shared.world();
        let answer = answer(&mut world, door.api, &call, &door.shared.elsewhere);
        let skew = world.clock_skew.get(&door.api).copied().unwrap_or_default();
        (answer, world.now, skew)
    };
    let silent = matches!(answer.delivery, Delivery::Reset | Delivery::Hang);
    let present = call.headers.contains_key("authorization");
    door.shared.requests().record(RequestRecord {
        at: now,
        api: door.api,
        method: call.method.to_string(),
        path_and_query,
        status: (!silent).then_some(answer.status),
        credential: answer.credential.clone(),
        authorization: if present { Authorization::Present } else { Authorization::Absent },
    });
    match answer.delivery {
        Delivery::Reset => {
            peer.cut();
            Response::new(HttpBody::empty())
        }
        Delivery::Hang => {
            let mut stopped = door.stopped.clone();
            let _ = stopped.wait_for(|stopped| *stopped).await;
            peer.cut();
            Response::new(HttpBody::empty())
        }
        _ => deliver(answer, now + skew),
    }
}

/// What an API answers, faults and budgets included.
fn answer(world: &mut World, api: Api, call: &Call, elsewhere: &str) -> Answer {
    let fault = faults::take(&mut world.faults, api, &call.path, world.now);
    if let Some(answer) = fault.as_ref().and_then(|kind| faults::instead(kind, api, call, elsewhere, world.now)) {
        return answer;
    }
    let now = world.now;
    if let Some(budget) = world.budgets.get_mut(&api) {
        let who = ids::hex(call.header("authorization").unwrap_or_default());
        let retry_after = budget.retry_after;
        if let Some(wait) = budget.spend(who, now) {
            let wait = (wait + TimeDelta::milliseconds(999)).to_std().unwrap_or_default();
            return faults::rate_limited(api, &call.path, faults::retry_after(retry_after, wait, now));
        }
    }
    if api == Api::Bitbucket && faults::is_later_page(call) {
        world.turn_page(&call.path);
    }
    let answer = match api {
        Api::Snyk => match call.path_segments().first() {
            Some(&"rest") => snyk_rest::answer(world, call),
            Some(&"v1") => snyk_v1::answer(world, call),
            Some(&"oauth2") if call.path == "/oauth2/token" => snyk_oauth::token(world, call),
            _ => snyk_v1::error(404, "Not found"),
        },
        Api::Bitbucket => bitbucket::answer(world, call),
        Api::Atlassian => atlassian::answer(world, call),
        Api::Elsewhere => Answer::text(200, "text/html", "<html><body>Somebody else's host.</body></html>"),
    };
    match fault {
        Some(kind) => faults::bend(&kind, call, elsewhere, answer),
        None => answer,
    }
}

/// As the header `Date` has it.
pub(super) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn deliver(answer: Answer, date: DateTime<Utc>) -> Response<HttpBody> {
    let bytes = match answer.body {
        Body::Empty => Bytes::new(),
        Body::Json(value) => Bytes::from(value.to_string()),
        Body::Text(text) => Bytes::from(text),
    };
    let body = match answer.delivery {
        Delivery::Truncated => HttpBody::from(bytes.slice(..bytes.len() / 2)),
        Delivery::Trickled(pause) => trickle(bytes, pause),
        Delivery::Oversized(length) => filler(length),
        _ => HttpBody::from(bytes),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let date = http_date(date);
    for (name, value) in
        answer.headers.iter().map(|(name, value)| (*name, value.as_str())).chain([("date", date.as_str())])
    {
        // Names set in the world are hostile text: what cannot be a header is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The bytes one at a time.
fn trickle(bytes: Bytes, pause: Duration) -> HttpBody {
    HttpBody::from_stream(stream::unfold((bytes, 0), move |(bytes, at)| async move {
        if at >= bytes.len() {
            return None;
        }
        if at > 0 && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let piece = bytes.slice(at..=at);
        Some((Ok::<_, Infallible>(piece), (bytes, at + 1)))
    }))
}

/// A JSON string that does not end before `length` bytes.
fn filler(length: u64) -> HttpBody {
    let piece = Bytes::from(vec![b'x'; FILLER_LENGTH]);
    let pieces = length.div_ceil(FILLER_LENGTH as u64);
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{\"data\":\""))]);
    let rest = stream::unfold(0, move |sent| {
        let piece = piece.clone();
        async move { (sent < pieces).then_some((Ok(piece), sent + 1)) }
    });
    HttpBody::from_stream(futures_util::StreamExt::chain(first, rest))
}

/// A listener without Nagle's delay, whose connections can be cut by their handler.
pub(super) struct Loopback(pub(super) TcpListener);

impl Listener for Loopback {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Small answers in two segments would cost 40 ms; a socket that refuses is slow, not wrong.
                    let _ = stream.set_nodelay(true);
                    return (Connection { stream, cut: Arc::default() }, address);
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection that fails as soon as its handler says so.
pub(super) struct Connection {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

/// The handler's end of it.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    cut: Arc<AtomicBool>,
}

impl Peer {
    /// Cuts the connection before another byte is sent.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Loopback>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Self {
        Self { cut: stream.io().cut.clone() }
    }
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
