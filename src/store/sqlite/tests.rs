//! What only a file can promise, on real files.

mod belonging;
mod copies;
mod disks;
mod durability;
mod flips;
mod housekeeping;
mod index;
mod openings;
mod overwritten;
mod taken;
mod vigil;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{OpenError, SqliteOptions, SqliteStore};
use crate::store::contract;

/// A directory of this test's own.
fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A process that another test starts meanwhile holds our lock too, until it becomes another program.
async fn open(path: &Path) -> SqliteStore {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match SqliteStore::open(path, SqliteOptions::default()).await {
            Err(OpenError::InUse { .. }) if Instant::now() < deadline => sleep(Duration::from_millis(10)).await,
            opened => return opened.unwrap(),
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn keeps_the_contract() {
    let directory = directory();
    let number = AtomicUsize::new(0);
    let open_another = async || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        open(&directory.path().join(format!("{number}.db"))).await
    };
    contract::check(open_another).await;
}
