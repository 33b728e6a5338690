//! The embedded, stateful stand-in for Snyk, Bitbucket Cloud and Atlassian's admin API, served over real HTTP on
//! loopback.
//!
//! Its words: a [`World`] is the state of both ends (accounts, credentials, repositories, Group, Organizations, assets);
//! a *deed* is something a person or a vendor does to it (`revoke_credential`, `rename_workspace`); a [`Fault`] is a way
//! in which an API misbehaves; a [`RequestRecord`] is what a client asked.
//!
//! The world has no thread of its own. Every request and every [`Sandbox::world`] access first advances it to
//! `clock.now()`: repositories get commits, Snyk's sync cycles run with the credential that is *saved in Snyk*, assets
//! arrive, projects are tested. So a scaled clock gives months of history in a moment, and two runs agree.
//!
//! It answers as strictly and as moodily as the vendors do (`docs/apis/snyk.md`, `docs/apis/bitbucket-cloud.md`), and is
//! held to their own API descriptions by `tests/sandbox_contract/`. It shares no code with `client`: one hand must not
//! make both lenient. It deliberately changes nothing through HTTP: any method but the read-only ones is recorded and
//! refused with 405. Every token in it is fake.

mod answer;
mod atlassian;
mod base64;
mod bitbucket;
mod call;
mod faults;
mod ids;
mod paging;
pub mod receivers;
mod requests;
mod scm_auth;
mod server;
mod snyk_auth;
mod snyk_oauth;
mod snyk_rest;
mod snyk_v1;
mod sync;
pub mod world;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::clock::Clock;

pub use faults::{APPROVAL_REQUIRED, Fault, FaultKind, IP_NOT_ALLOWED, TWO_STEP_REQUIRED};
pub use requests::{Authorization, RequestCount, RequestRecord};
pub use world::World;

/// One of the servers of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    /// Snyk: REST, V1 and the OAuth token endpoint.
    Snyk,
    /// Bitbucket Cloud: the 2.0 API and the site's OAuth token endpoint.
    Bitbucket,
    /// Atlassian's admin API.
    Atlassian,
    /// A host that nobody was told to trust: a client that follows a foreign `next` or a redirect ends here.
    Elsewhere,
}

impl Api {
    const ALL: [Self; 4] = [Self::Snyk, Self::Bitbucket, Self::Atlassian, Self::Elsewhere];
}

/// The ports on 127.0.0.1; 0 takes a free one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// Snyk's port.
    pub snyk: u16,
    /// Bitbucket's port.
    pub bitbucket: u16,
    /// The port of Atlassian's admin API.
    pub atlassian: u16,
}

/// How long [`Sandbox::stop`] waits for open connections, in real time.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// A running sandbox. Dropping it stops its servers.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
    snyk: Url,
    bitbucket: Url,
    atlassian: Url,
    elsewhere: Url,
}

/// What every server works on.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    world: Mutex<World>,
    requests: Mutex<requests::RequestLog>,
    /// Where a lying answer points to: the origin of [`Api::Elsewhere`].
    elsewhere: String,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(self.clock.now());
        world
    }

    fn requests(&self) -> MutexGuard<'_, requests::RequestLog> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    /// Serves `world` on free ports of the loopback interface. A world that begins in the past is lived through up to
    /// `clock.now()` at the first access.
    pub async fn start(clock: Clock, world: World) -> io::Result<Self> {
        Self::start_on(Ports::default(), clock, world).await
    }

    /// Serves `world` on the given ports.
    pub async fn start_on(ports: Ports, clock: Clock, world: World) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for api in Api::ALL {
            let port = match api {
                Api::Snyk => ports.snyk,
                Api::Bitbucket => ports.bitbucket,
                Api::Atlassian => ports.atlassian,
                Api::Elsewhere => 0,
            };
            let listener = TcpListener::bind(("127.0.0.1", port)).await?;
            let url = origin(&listener)?;
            listeners.push((api, listener, url));
        }
        let url_of = |wanted: Api| {
            let found = listeners.iter().find(|(api, ..)| *api == wanted).map(|(.., url)| url.clone());
            found.ok_or_else(|| io::Error::other("every API has a listener"))
        };
        let (snyk, bitbucket) = (url_of(Api::Snyk)?, url_of(Api::Bitbucket)?);
        let (atlassian, elsewhere) = (url_of(Api::Atlassian)?, url_of(Api::Elsewhere)?);
        let shared = Arc::new(Shared {
            clock,
            world: Mutex::new(world),
            requests: Mutex::default(),
            elsewhere: elsewhere.origin().ascii_serialization(),
        });
        let (stop, stopped) = watch::channel(false);
        let servers = listeners
            .into_iter()
            .map(|(api, listener, url)| {
                tokio::spawn(server::serve(api, listener, url, shared.clone(), stopped.clone()))
            })
            .collect();
        Ok(Self { shared, stop, servers, snyk, bitbucket, atlassian, elsewhere })
    }

    /// The root of Snyk's API, as `https://api.snyk.io` is: `/rest`, `/v1` and `/oauth2/token` are below it.
    pub fn snyk_api_url(&self) -> Url {
        self.snyk.clone()
    }

    /// The root of Bitbucket's API, as `https://api.bitbucket.org` is: `/2.0` is below it.
    pub fn bitbucket_api_url(&self) -> Url {
        self.bitbucket.clone()
    }

    /// The root of Bitbucket's site, as `https://bitbucket.org` is: `/site/oauth2/access_token` is below it.
    pub fn bitbucket_site_url(&self) -> Url {
        self.bitbucket.clone()
    }

    /// The root of Atlassian's admin API, as `https://api.atlassian.com` is: `/admin` is below it.
    pub fn atlassian_admin_url(&self) -> Url {
        self.atlassian.clone()
    }

    /// The host that a careful client never calls. Requests there are recorded as [`Api::Elsewhere`].
    pub fn elsewhere_url(&self) -> Url {
        self.elsewhere.clone()
    }

    /// Reads or changes the world, advanced to now.
    pub fn world<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        work(&mut self.shared.world())
    }

    /// The latest requests, oldest first; at most 20,000 are kept.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.requests().records()
    }

    /// How many requests there were since the start or the last [`Sandbox::forget_requests`], by API, method and
    /// status.
    pub fn request_counts(&self) -> Vec<RequestCount> {
        self.shared.requests().counts()
    }

    /// Empties the request log and its counters.
    pub fn forget_requests(&self) {
        *self.shared.requests() = requests::RequestLog::default();
    }

    /// Stops serving: listeners close, hanging answers are cut.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for mut server in std::mem::take(&mut self.servers) {
            if tokio::time::timeout(STOP_PATIENCE, &mut server).await.is_err() {
                server.abort();
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for server in &self.servers {
            server.abort();
        }
    }
}

fn origin(listener: &TcpListener) -> io::Result<Url> {
    let address = listener.local_addr()?;
    Url::parse(&format!("http://{address}/")).map_err(io::Error::other)
}
