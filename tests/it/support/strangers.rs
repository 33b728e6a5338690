//! Servers that are neither Snyk nor Bitbucket: a proxy that refuses, a host with a certificate of its own making, a port
//! where nobody listens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// The certificates of the client's own tests: for `localhost`, by an authority that no system knows.
const LOCALHOST: &[u8] = include_bytes!("../../../src/client/testing/localhost.pem");
const LOCALHOST_KEY: &[u8] = include_bytes!("../../../src/client/testing/localhost-key.pem");

/// A server that stops when it is dropped.
pub(crate) struct Stranger {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Stranger {
    async fn serve<F: Future<Output = ()> + Send + 'static>(act: impl Fn(TcpStream) -> F + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(act(stream));
            }
        });
        Self { address, serving }
    }

    /// A proxy that answers 403 to everybody.
    pub(crate) async fn refusing_proxy() -> Self {
        Self::serve(async |mut stream| {
            // The client may leave at any time.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        })
        .await
    }

    /// A server for `localhost` that speaks TLS with a certificate nobody trusts, as an intercepting firewall does.
    pub(crate) async fn with_unknown_issuer() -> Self {
        let config = server_config();
        Self::serve(move |mut stream| {
            let config = Arc::clone(&config);
            async move {
                let _ = shake_hands(config, &mut stream).await;
            }
        })
        .await
    }
}

/// A way to a server on which every request is late, and which counts how many are on it at once.
pub(crate) struct SlowWay {
    stranger: Stranger,
    busiest: Arc<AtomicUsize>,
}

impl SlowWay {
    pub(crate) async fn to(server: &Url, delay: Duration) -> Self {
        let server = server.socket_addrs(|| None).unwrap()[0];
        let (busy, busiest) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&busiest);
        let stranger = Stranger::serve(move |client| {
            let (busy, counted) = (Arc::clone(&busy), Arc::clone(&counted));
            async move {
                let Ok(server) = TcpStream::connect(server).await else { return };
                let ((mut asks, mut hears), (mut answers, mut asked)) = (client.into_split(), server.into_split());
                let asking = async {
                    let mut buffer = vec![0; 65_536];
                    while let Ok(read @ 1..) = asks.read(&mut buffer).await {
                        counted.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        tokio::time::sleep(delay).await;
                        busy.fetch_sub(1, Ordering::SeqCst);
                        if asked.write_all(&buffer[..read]).await.is_err() {
                            return;
                        }
                    }
                };
                // Whichever end goes away first ends both.
                tokio::select! {
                    () = asking => {}
                    _ = tokio::io::copy(&mut answers, &mut hears) => {}
                }
            }
        })
        .await;
        Self { stranger, busiest }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.stranger.address)
    }

    /// The most requests that were on the way at once.
    pub(crate) fn busiest(&self) -> usize {
        self.busiest.load(Ordering::SeqCst)
    }
}

/// Takes the server's part in a handshake until the client goes away.
async fn shake_hands(config: Arc<rustls::ServerConfig>, stream: &mut TcpStream) -> std::io::Result<()> {
    let mut tls = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut buffer = [0; 4096];
    loop {
        while tls.wants_write() {
            let mut records = Vec::new();
            tls.write_tls(&mut records)?;
            stream.write_all(&records).await?;
        }
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        tls.read_tls(&mut &buffer[..read])?;
        tls.process_new_packets().map_err(std::io::Error::other)?;
    }
}

fn server_config() -> Arc<rustls::ServerConfig> {
    let certificates = CertificateDer::pem_slice_iter(LOCALHOST).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(LOCALHOST_KEY).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(certificates, key).unwrap())
}
