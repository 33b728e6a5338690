//! Fakes for the tests of the clients: a context with loopback transport, a listener that remembers, and a server that
//! answers with raw bytes, as no well-behaved one does.
//!
//! The certificates beside this file are for `localhost` alone, made for these tests; their keys are no secret.

pub(crate) mod script;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::TimeDelta;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::ClientContext;
use super::answer::{KnownSecrets, VersionNotice};
use super::budget::{BudgetLimits, RequestBudget};
use super::http::{HttpClient, HttpOptions};
use super::telemetry::ApiTelemetry;
use crate::clock::Clock;

/// The authority that issued the certificate of the TLS fake.
pub(crate) const AUTHORITY: &[u8] = include_bytes!("testing/authority.pem");
const LOCALHOST: &[u8] = include_bytes!("testing/localhost.pem");
const LOCALHOST_KEY: &[u8] = include_bytes!("testing/localhost-key.pem");
/// 200 KB of JSON in 243 bytes.
pub(crate) const BOMB: &[u8] = include_bytes!("testing/spaces.json.gz");

/// Remembers what it was told.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) codes: Mutex<Vec<String>>,
    pub(crate) skews: Mutex<Vec<TimeDelta>>,
    pub(crate) versions: Mutex<Vec<VersionNotice>>,
}

impl ApiTelemetry for Recorder {
    fn on_request(&self, api: &str, code: &str, _took: Duration) {
        self.codes.lock().unwrap().push(format!("{api} {code}"));
    }

    fn on_date(&self, _api: &str, skew: TimeDelta) {
        self.skews.lock().unwrap().push(skew);
    }

    fn on_version(&self, _api: &str, notice: &VersionNotice) {
        self.versions.lock().unwrap().push(notice.clone());
    }
}

/// A context without limits, and its recorder.
pub(crate) fn context(clock: &Clock) -> (ClientContext, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let limits = BudgetLimits { limits: Vec::new(), shortest_pause: Duration::from_mins(1) };
    let context = ClientContext {
        api: "acme".to_owned(),
        http: HttpClient::build(&HttpOptions::default()).unwrap(),
        budget: RequestBudget::new(limits, clock),
        clock: clock.clone(),
        telemetry: recorder.clone(),
        secrets: KnownSecrets::default(),
    };
    (context, recorder)
}

/// Answers this path with this template.
pub(crate) async fn answer(server: &MockServer, verb: &str, at: &str, template: ResponseTemplate) {
    Mock::given(method(verb)).and(path(at)).respond_with(template).mount(server).await;
}

/// An answer with a JSON body.
pub(crate) fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_owned(), "application/json")
}

/// What the raw server does with a connection after reading the head of the request.
#[derive(Clone)]
pub(crate) enum Play {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Sends these bytes, keeps the connection, and closes it without a word when the next request comes.
    SendAndLeave(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Sends these bytes and keeps the connection.
    SendAndHang(Vec<u8>),
    /// Sends these bytes, then one byte every few milliseconds for as long as anybody listens.
    Trickle(Vec<u8>),
    /// Sends these bytes before anybody asked, and keeps the connection.
    Greet(Vec<u8>),
    /// Is a proxy that accepts the tunnel and answers in it itself, with the certificate for localhost.
    Intercept,
    /// Speaks TLS with the certificate for localhost, then sends these bytes.
    Tls(Vec<u8>),
}

/// A server for one play.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RawServer {
    pub(crate) fn start(play: Play) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stop) = (connections.clone(), done.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                // The client may leave at any time; that is what some tests are about.
                let _ = act(&play, stream.unwrap(), &stop);
            }
        });
        Self { address, connections, done, thread: Some(thread) }
    }

    pub(crate) fn url(&self, scheme: &str, below: &str) -> url::Url {
        format!("{scheme}://localhost:{}{below}", self.address.port()).parse().unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.done.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is done.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn act(play: &Play, mut stream: TcpStream, stop: &AtomicBool) -> std::io::Result<()> {
    let tick = Duration::from_millis(5);
    if let Play::Intercept = play {
        read_head(&mut stream)?;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        return act(&Play::Tls(Vec::new()), stream, stop);
    }
    if let Play::Tls(bytes) = play {
        let mut connection = rustls::ServerConnection::new(server_config()).unwrap();
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        read_head(&mut tls)?;
        tls.write_all(bytes)?;
        tls.conn.send_close_notify();
        return tls.flush();
    }
    if let Play::Greet(bytes) = play {
        stream.write_all(bytes)?;
        stream.set_read_timeout(Some(tick))?;
        while !stop.load(Ordering::SeqCst) && still_open(&mut stream) {}
        return Ok(());
    }
    read_head(&mut stream)?;
    match play {
        Play::Send(bytes) => {
            stream.write_all(bytes)?;
            stream.shutdown(Shutdown::Write)
        }
        Play::SendAndLeave(bytes) => {
            stream.write_all(bytes)?;
            stream.set_read_timeout(Some(tick))?;
            while !stop.load(Ordering::SeqCst) && is_silent(&mut stream) {}
            Ok(())
        }
        Play::Reset => reset(stream),
        Play::SendAndHang(bytes) => {
            stream.write_all(bytes)?;
            stream.set_read_timeout(Some(tick))?;
            while !stop.load(Ordering::SeqCst) && still_open(&mut stream) {}
            Ok(())
        }
        Play::Trickle(bytes) => {
            stream.write_all(bytes)?;
            while !stop.load(Ordering::SeqCst) {
                stream.write_all(b" ")?;
                std::thread::sleep(tick);
            }
            Ok(())
        }
        Play::Intercept | Play::Greet(_) | Play::Tls(_) => Ok(()),
    }
}

/// Closes without lingering, which sends a reset.
fn reset(stream: TcpStream) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _guard = runtime.enter();
    stream.set_nonblocking(true)?;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    stream.set_zero_linger()
}

fn still_open(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(read) => read > 0,
        Err(error) => matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

/// Whether nothing came, and the connection is still there.
fn is_silent(stream: &mut TcpStream) -> bool {
    let came = stream.read(&mut [0; 4096]).map_err(|error| error.kind());
    matches!(came, Err(std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut))
}

fn read_head(stream: &mut impl std::io::Read) -> std::io::Result<()> {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..read]);
    }
    Ok(())
}

fn server_config() -> Arc<rustls::ServerConfig> {
    let certificates = CertificateDer::pem_slice_iter(LOCALHOST).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(LOCALHOST_KEY).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(certificates, key).unwrap())
}
