//! What only a file can promise, on real files.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::{SqliteOptions, SqliteStore};
use crate::store::contract;

/// A directory of this test's own.
fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn open(path: &PathBuf) -> SqliteStore {
    SqliteStore::open(path, SqliteOptions::default()).await.unwrap()
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
