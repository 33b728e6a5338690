//! `/metrics`: encoded and compressed once, served many times.
//!
//! A page is made at most once in [`MINIMUM_GAP`]. While somebody scrapes, the page of a new snapshot is made when the
//! snapshot is published, so that a scrape finds it ready; a page without a newer snapshot is renewed by the scrape
//! that finds it old, for the sake of our own counters. Scrapes at the same time share one encoding.

use std::io::{self, Read as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tokio::time::Instant;

use super::{Shared, problem};
use crate::metrics::Exporter;
use crate::metrics::text::Sink;
use crate::snapshot::{Published, SnapshotReader};

/// The text format 0.0.4: the one format that every Prometheus reads, whatever its `Accept` prefers.
const TEXT_FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Two encodings are at least so far apart: a large fleet's page costs a tenth of a second of one core.
const MINIMUM_GAP: Duration = Duration::from_secs(5);

/// A page of the latest snapshot is served for so long before our own counters on it count as old.
const SAME_SNAPSHOT_FOR: Duration = Duration::from_secs(15);

/// Without a scrape for so long nobody needs pages ahead.
const SCRAPED_WITHIN: Duration = Duration::from_mins(5);

/// A longer page is kept compressed only; a client without gzip waits for its decompression.
const PLAIN_KEPT_UP_TO_BYTES: usize = 4 * 1024 * 1024;

/// One encoded page.
#[derive(Debug, Clone)]
struct Page {
    made_at: Instant,
    /// When the snapshot it shows was published.
    shows: Option<Instant>,
    gzip: Bytes,
    plain: Option<Bytes>,
}

/// The current page and how to make the next.
#[derive(Debug)]
pub(super) struct Scrapes {
    exporter: Arc<Exporter>,
    snapshots: SnapshotReader,
    current: Mutex<Option<Page>>,
    scraped_at: Mutex<Option<Instant>>,
    /// Held while a page is made.
    encoding: tokio::sync::Mutex<()>,
}

impl Scrapes {
    pub(super) fn new(exporter: Arc<Exporter>, snapshots: SnapshotReader) -> Self {
        Self {
            exporter,
            snapshots,
            current: Mutex::new(None),
            scraped_at: Mutex::new(None),
            encoding: tokio::sync::Mutex::new(()),
        }
    }

    /// The current page, made anew when it is due.
    async fn page(&self) -> io::Result<Page> {
        *lock(&self.scraped_at) = Some(Instant::now());
        if let Some(page) = self.good_enough() {
            return Ok(page);
        }
        let _encoding = self.encoding.lock().await;
        match self.good_enough() {
            Some(page) => Ok(page),
            None => self.encode().await,
        }
    }

    fn good_enough(&self) -> Option<Page> {
        let age = |page: &Page| Instant::now().saturating_duration_since(page.made_at);
        let latest = self.snapshots.latest().map(|published| published.published_at);
        lock(&self.current)
            .clone()
            .filter(|page| age(page) < MINIMUM_GAP || (page.shows == latest && age(page) < SAME_SNAPSHOT_FOR))
    }

    /// Makes a page, on a thread where it is in nobody's way.
    async fn encode(&self) -> io::Result<Page> {
        let published = self.snapshots.latest();
        let exporter = Arc::clone(&self.exporter);
        let made = tokio::task::spawn_blocking(move || encode(&exporter, published.as_ref())).await;
        let page = made.map_err(io::Error::other)??;
        *lock(&self.current) = Some(page.clone());
        Ok(page)
    }

    /// Makes pages of new snapshots ahead of their scrapes. Ends when no more snapshots come.
    pub(super) async fn keep_ahead(&self) {
        let mut snapshots = self.snapshots.clone();
        while snapshots.next().await.is_some() {
            let is_scraped = lock(&self.scraped_at).is_some_and(|at| at.elapsed() < SCRAPED_WITHIN);
            let made_at = lock(&self.current).as_ref().map(|page| page.made_at);
            let Some(made_at) = made_at.filter(|_| is_scraped) else { continue };
            tokio::time::sleep_until(made_at + MINIMUM_GAP).await;
            let _encoding = self.encoding.lock().await;
            if self.good_enough().is_none()
                && let Err(error) = self.encode().await
            {
                tracing::error!(%error, "the metrics page could not be made");
            }
        }
    }
}

fn encode(exporter: &Exporter, published: Option<&Published>) -> io::Result<Page> {
    let snapshot = published.map(|published| published.snapshot.as_ref());
    let sink = Compressing::new();
    let (gzip, plain) = exporter.write(snapshot, sink).finish()?;
    let shows = published.map(|published| published.published_at);
    Ok(Page { made_at: Instant::now(), shows, gzip: gzip.into(), plain: plain.map(Bytes::from) })
}

/// Compresses what it is given, and keeps the text too as long as it is short.
struct Compressing {
    encoder: GzEncoder<Vec<u8>>,
    plain: Option<String>,
    failure: Option<io::Error>,
}

impl Compressing {
    fn new() -> Self {
        let encoder = GzEncoder::new(Vec::new(), Compression::fast());
        Self { encoder, plain: Some(String::new()), failure: None }
    }

    fn finish(self) -> io::Result<(Vec<u8>, Option<String>)> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok((self.encoder.finish()?, self.plain)),
        }
    }
}

impl Sink for Compressing {
    const WANTS_TEXT: bool = true;

    fn push(&mut self, text: &str) {
        if let Err(failure) = self.encoder.write_all(text.as_bytes()) {
            self.failure.get_or_insert(failure);
        }
        self.plain = self.plain.take().filter(|plain| plain.len() + text.len() <= PLAIN_KEPT_UP_TO_BYTES);
        if let Some(plain) = &mut self.plain {
            plain.push_str(text);
        }
    }
}

pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let page = match shared.scrapes.page().await {
        Ok(page) => page,
        Err(error) => return failed(&error),
    };
    if accepts_gzip(&headers) {
        let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return ([encoding, content_type(), vary()], Body::from(page.gzip)).into_response();
    }
    let plain = match page.plain {
        Some(plain) => Ok(plain),
        None => decompressed(page.gzip).await,
    };
    match plain {
        Ok(plain) => ([content_type(), vary()], Body::from(plain)).into_response(),
        Err(error) => failed(&error),
    }
}

async fn decompressed(gzip: Bytes) -> io::Result<Bytes> {
    let decompressed = tokio::task::spawn_blocking(move || {
        let mut plain = Vec::new();
        GzDecoder::new(&*gzip).read_to_end(&mut plain).map(|_| Bytes::from(plain))
    });
    decompressed.await.map_err(io::Error::other)?
}

fn failed(error: &io::Error) -> Response {
    tracing::error!(%error, "the metrics page could not be made");
    problem::text(StatusCode::INTERNAL_SERVER_ERROR, "The metrics page could not be made.")
}

const fn content_type() -> (header::HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, TEXT_FORMAT)
}

const fn vary() -> (header::HeaderName, HeaderValue) {
    (header::VARY, HeaderValue::from_static("accept-encoding"))
}

/// Whether `Accept-Encoding` lets us answer with gzip.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let offers: Vec<_> = values.flat_map(|value| value.split(',')).collect();
    let weight = |wanted: &str| {
        let mut offers = offers.iter().filter_map(|offer| {
            let (name, parameters) = offer.split_once(';').unwrap_or((offer, ""));
            let quality = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |quality| quality.parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case(wanted).then_some(quality.unwrap_or(0.0))
        });
        offers.next()
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|quality| quality > 0.0)
}

/// Nothing here panics while it holds a lock, so a poisoned lock holds a sound value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{BuildInfo, Options, OwnMetrics};
    use crate::snapshot::{SnapshotPublisher, sample};

    #[test]
    fn gzip_is_sent_to_those_who_accept_it() {
        for (accepted, gzip) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0, *", false),
            ("gzip; q=0.000", false),
            ("gzip;q=nonsense", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_str(accepted).unwrap())]);
            assert_eq!(accepts_gzip(&headers), gzip, "{accepted}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_long_page_is_kept_compressed_only() {
        let mut sink = Compressing::new();
        let line = "x".repeat(PLAIN_KEPT_UP_TO_BYTES / 2);
        sink.push(&line);
        sink.push("end");
        assert!(sink.plain.is_some());
        sink.push(&line);
        let (gzip, plain) = sink.finish().unwrap();
        assert_eq!(plain, None);
        let plain = decompressed(gzip.into()).await.unwrap();
        assert_eq!(plain.len(), 2 * line.len() + "end".len());
    }

    fn scrapes() -> (SnapshotPublisher, SnapshotReader, Scrapes) {
        let (publisher, reader) = SnapshotPublisher::new(sample::own());
        let own = OwnMetrics::new(BuildInfo::current(), &[]).unwrap();
        let exporter = Arc::new(Exporter::new(own, Options::default()));
        let scrapes = Scrapes::new(exporter, reader.clone());
        (publisher, reader, scrapes)
    }

    fn publish(publisher: &mut SnapshotPublisher) {
        publisher.publish(&sample::fleet(), &sample::state(), None, sample::now());
    }

    /// When the snapshot on the current page was published; `None` without a page or a snapshot.
    fn shown(scrapes: &Scrapes) -> Option<Instant> {
        lock(&scrapes.current).as_ref().and_then(|page| page.shows)
    }

    #[tokio::test(start_paused = true)]
    async fn while_somebody_scrapes_the_next_page_is_ready_before_its_scrape() {
        let (mut publisher, reader, scrapes) = scrapes();
        publish(&mut publisher);
        scrapes.page().await.unwrap();
        let (began, first) = (Instant::now(), shown(&scrapes));
        tokio::time::advance(Duration::from_secs(1)).await;
        publish(&mut publisher);
        let latest = reader.latest().map(|published| published.published_at);
        assert!(first.is_some() && first != latest);
        let ready = async {
            while shown(&scrapes) != latest {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            () = scrapes.keep_ahead() => unreachable!("the publisher lives"),
            () = ready => assert!(began.elapsed() >= MINIMUM_GAP),
            () = tokio::time::sleep(SAME_SNAPSHOT_FOR) => unreachable!("no page was made ahead"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_nobody_scrapes_no_page_is_made() {
        let (mut publisher, _reader, scrapes) = scrapes();
        publish(&mut publisher);
        scrapes.page().await.unwrap();
        let first = shown(&scrapes);
        tokio::time::advance(SCRAPED_WITHIN).await;
        publish(&mut publisher);
        tokio::select! {
            () = scrapes.keep_ahead() => unreachable!("the publisher lives"),
            () = tokio::time::sleep(SCRAPED_WITHIN) => assert_eq!(shown(&scrapes), first),
        }
    }
}
