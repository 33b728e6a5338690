//! Files in which a disk, or somebody, changed a few bytes.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::{chain, directory, open};
use crate::domain::notification::Delivery;
use crate::domain::state::Transition;
use crate::store::contract::fixtures::{all, at, commit, deliver_all, integration, state, status, to, trigger};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{Commit, DeliveryFilter, Outbox as _, Store, StoreError, Stored};

/// Everything that a store gives back.
#[derive(Debug, PartialEq)]
struct Contents {
    stored: Option<Stored>,
    history: Vec<Transition>,
    deliveries: Vec<Delivery>,
}

async fn contents(store: &SqliteStore) -> Result<Contents, StoreError> {
    let limited = DeliveryFilter { limit: usize::MAX, ..DeliveryFilter::default() };
    let (stored, deliveries) = (store.load().await?, store.deliveries(limited).await?);
    let history = store.history(integration("acme"), usize::MAX).await?;
    store.standing("chat".into(), at(0)).await?;
    store.backlogs().await?;
    Ok(Contents { stored, history, deliveries })
}

/// A sound file, and what is in it.
async fn sound() -> (Vec<u8>, Contents) {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    let transitions = (0..60).map(|minute| status("acme", minute)).collect();
    let notifications = (0..20).map(|minute| to(&["chat"], trigger("acme", minute))).collect();
    store.commit(Commit { notifications, ..commit(0, "acme", transitions) }).await.unwrap();
    deliver_all(&store, "chat", 30).await;
    let contents = contents(&store).await.unwrap();
    assert_eq!((contents.deliveries.len(), all(&store).await.len()), (20, 20));
    store.close().await;
    (fs::read(&path).unwrap(), contents)
}

/// How a changed file is taken: refused with what to do, or used as far as it can be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Taken {
    Refused,
    FailsLater,
    AsItWas,
    Otherwise,
}

async fn take(path: &Path, before: &Contents) -> Taken {
    let store = match SqliteStore::open(path, SqliteOptions::default()).await {
        Ok(store) => store,
        Err(error) => {
            let told = chain(&error);
            let ways_out = ["restore a backup", "another path", "Restore a backup", "run that version", "could not"];
            assert!(ways_out.iter().any(|way| told.contains(way)), "{told}");
            return Taken::Refused;
        }
    };
    let taken = match contents(&store).await {
        Ok(contents) if contents == *before => Taken::AsItWas,
        Ok(_) => Taken::Otherwise,
        Err(_) => Taken::FailsLater,
    };
    // Whatever it holds, it goes on or says that it cannot.
    if let Ok(Some(stored)) = store.load().await {
        let next = Commit { state: state("next"), ..commit(stored.revision.0, "next", vec![status("acme", 99)]) };
        if let Ok(revision) = store.commit(next).await {
            assert_eq!(store.load().await.unwrap().unwrap().revision, revision);
        }
    }
    taken
}

static SOUND: OnceLock<(Vec<u8>, Contents)> = OnceLock::new();

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn changed_bytes_are_survived(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (bytes, before) = SOUND.get_or_init(|| runtime.block_on(sound()));
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let mut changed = bytes.clone();
        for (place, flip) in flips {
            let place = place.index(changed.len());
            changed[place] ^= flip;
        }
        fs::write(&path, changed).unwrap();
        let taken = runtime.block_on(take(&path, before));
        println!("{taken:?}");
    }
}

/// Without a change, and with each page overwritten in turn.
#[tokio::test]
async fn a_page_that_is_lost_is_never_taken_for_contents() {
    let (bytes, before) = sound().await;
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    fs::write(&path, &bytes).unwrap();
    assert_eq!(take(&path, &before).await, Taken::AsItWas);
    for page in 0..bytes.len() / 4096 {
        let path = directory.path().join(format!("{page}.db"));
        let mut changed = bytes.clone();
        changed[page * 4096..][..4096].fill(0);
        fs::write(&path, changed).unwrap();
        let taken = take(&path, &before).await;
        assert!(taken != Taken::Otherwise, "page {page}");
    }
}
