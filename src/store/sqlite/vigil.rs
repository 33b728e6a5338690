//! What becomes of the file while it is open, seen from outside of it.
//!
//! SQLite goes on in a file that was removed or renamed: what it commits there is gone with the process, and nobody is
//! told. So the name is looked at, and the head of the file, and who wrote into it last. One that is not ours any more takes
//! no commit. It is written anew where nothing is in the way: a copy of the removed one, which can still be read, or what is
//! in memory. What somebody put at its place is theirs, and is left alone; what somebody wrote over ours is put aside.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::failure::{self, Adrift, SqliteFailure, broken, failed};
use super::file::{self, Identity};
use super::index::Index;
use super::open::{self, Blueprint, MIGRATOR, Manner, OpenError};
use super::outbox;
use super::watched::{Doubt, Watched};
use super::writer::{MERGE_LOG, Writer};
use super::{SqliteOptions, SqliteStore, Tenure};
use crate::domain::notification::{DeliveryState, Dispatch, Outgoing};
use crate::store::{DeliveryFilter, Installation, Mended, StoreError};

const LOOK: &str = "look after the state file";
const RESCUE: &str = "write the state file anew";
const VERIFY: &str = "verify the state file";

/// A whole store under another name, on its way to the place of the file that is no longer ours. Nothing is connected to
/// either meanwhile.
pub(super) struct Rescue {
    /// `None`: nothing that people would miss was harmed.
    told: Option<Mended>,
}

/// Looks whether the file and its lock are where they were, and mends what can be mended.
pub(super) async fn look_after(store: &SqliteStore) -> Result<Option<Mended>, StoreError> {
    // Nothing is merged into the file while we look at it.
    let mut writer = store.writer.lock().await;
    let mut tenure = store.tenure.lock().await;
    if tenure.rescue.is_none() {
        writer.adrift = match whereabouts(&store.path, &tenure).map_err(broken(LOOK))? {
            None => match writer.find_harm() {
                None => find_harm_within(store, &mut writer).await,
                harm => harm,
            },
            Some(Adrift::Unlogged) => writer.find_harm().or(Some(Adrift::Unlogged)),
            adrift => adrift,
        };
        // Nobody could make a backup.
        let is_unshared = writer.manner == Manner::Alone && file::has_room(&store.path);
        writer.adrift = writer.adrift.or(is_unshared.then_some(Adrift::Unshared));
    }
    let is_locked_again = keep_locked(store, &mut tenure)?;
    let Some(adrift) = writer.adrift else {
        let was_cut = store.index().is_some_and(|index| index.take_cut());
        let what = match (is_locked_again, was_cut) {
            (false, false) => return Ok(None),
            (true, false) => "the lock file was removed while snykwatch runs, and is there again",
            (_, true) => {
                "the index of the write-ahead log of the state file was cut while snykwatch runs, and is made anew of the \
                 log; leave that file (its name ends in -shm) alone: a cut at another moment ends snykwatch"
            }
        };
        return Ok(Some(Mended { what: what.to_owned(), lost_deliveries: false }));
    };
    let told = |obstacle: Option<StoreError>| {
        let source = SqliteFailure::Adrift { adrift, obstacle: obstacle.map(Box::new) };
        StoreError::Backend { action: LOOK, source: Box::new(source) }
    };
    if tenure.rescue.is_none() {
        let made = match adrift {
            Adrift::Replaced | Adrift::Linked => return Err(told(None)),
            Adrift::Removed => copy(store, &mut writer).await,
            Adrift::Unlogged => merge(store, &mut writer).await,
            Adrift::Cut | Adrift::Overwritten => make_anew(store, &mut writer, adrift).await,
            Adrift::Unshared => Ok(Rescue { told: None }),
        };
        let rescue = made.map_err(|error| told(Some(error)))?;
        // Before the new file is in its place: with the last connection SQLite removes the log of that name.
        disconnect(store, &mut writer).await.map_err(|error| told(Some(error)))?;
        tenure.rescue = Some(rescue);
    }
    put_in_place(store, &mut writer, &mut tenure).await.map_err(|error| told(Some(error)))?;
    store.is_suspect.store(false, Ordering::Relaxed);
    Ok(tenure.rescue.take().and_then(|rescue| rescue.told))
}

/// Reads the whole file and compares its indexes with it. Readers do, so that no commit waits.
pub(super) async fn verify(store: &SqliteStore) -> Result<(), StoreError> {
    let (found,): (String,) =
        sqlx::query_as("PRAGMA integrity_check(1)").fetch_one(&store.readers()).await.map_err(failed(VERIFY))?;
    if found == "ok" {
        return Ok(());
    }
    Err(broken(VERIFY)(OpenError::damaged(&store.path, &found)))
}

/// Whether the lock had to be taken again.
fn keep_locked(store: &SqliteStore, tenure: &mut Tenure) -> Result<bool, StoreError> {
    if tenure.lock.is_in_place(&store.path).map_err(broken(LOOK))? {
        return Ok(false);
    }
    // Where it cannot be made, the lock says so.
    let _ = file::make_directory(&store.path);
    let mut lock = open::take_lock(&store.path).map_err(broken(LOOK))?;
    lock.note(store.installation.id, tenure.lock.latest());
    lock.note_behind(tenure.lock.behind());
    tenure.lock = lock;
    Ok(true)
}

fn whereabouts(path: &Path, tenure: &Tenure) -> std::io::Result<Option<Adrift>> {
    let Tenure { held, log, .. } = tenure;
    let ours = Identity::of_open(held)?;
    Ok(match Identity::at(path)? {
        None => Some(Adrift::Removed),
        Some(there) if there != ours => Some(Adrift::Replaced),
        Some(_) if Identity::is_linked(path, held)? => Some(Adrift::Linked),
        Some(_) => {
            let there = Identity::of_log(path)?;
            let is_gone = |(ours, there): (&Option<Identity>, &Option<Identity>)| ours.is_some() && ours != there;
            log.iter().zip(&there).any(is_gone).then_some(Adrift::Unlogged)
        }
    })
}

/// What became of the file, as its contents tell: where the database has called it damaged, or somebody else has written into
/// it. Often it is sound: a log that was harmed and is made anew leaves a file that is, and so does whoever touches it. And
/// where it is not, its length tells nothing any more once a merge has filled it up. Another connection reads it, as the disk
/// has it: ours keep pages in memory.
async fn find_harm_within(store: &SqliteStore, writer: &mut Writer) -> Option<Adrift> {
    let is_suspect = store.is_suspect.load(Ordering::Relaxed);
    if !is_suspect && writer.doubt.is_none() {
        return None;
    }
    let is_unexplained = writer.doubt == Some(Doubt::Unexplained);
    let read = async {
        let mut reader = store.readers().connect_options().connect().await.map_err(failed(LOOK))?;
        let found = if is_suspect || is_unexplained {
            let found = sqlx::query_as("PRAGMA integrity_check(1)").fetch_one(&mut reader).await;
            found.map(|(found,): (String,)| found == "ok").map_err(failed(LOOK))?
        } else {
            true
        };
        let is_ours = writer.doubt.is_none() || writer.is_read_by(&mut reader, is_unexplained).await?;
        sqlx::Connection::close(reader).await.map_err(failed(LOOK))?;
        Ok::<_, StoreError>((found, is_ours))
    };
    match read.await {
        Ok((true, true)) => {
            store.is_suspect.store(false, Ordering::Relaxed);
            writer.settle_doubt();
            writer.adrift
        }
        Ok((false, _)) => Some(Adrift::Cut),
        Err(error) if failure::is_damage(&error) => Some(Adrift::Cut),
        // It is asked again.
        Err(error) if writer.doubt.is_none() || failure::is_passing(&error) => None,
        // What it holds is not ours, or cannot be understood.
        Ok((true, false)) | Err(_) => Some(Adrift::Overwritten),
    }
}

/// Merges the log that has no name any more into the file, which is whole then; connecting to it makes another log.
async fn merge(store: &SqliteStore, writer: &mut Writer) -> Result<Rescue, StoreError> {
    writer.roll_back_interrupted().await;
    // What an earlier rescue left behind is not put in place.
    file::remove(&open::name_of_new(&store.path)).map_err(broken(RESCUE))?;
    // Nobody commits meanwhile, and what a reader still reads from the log stays in it.
    let (is_busy, _, _): (i64, i64, i64) =
        sqlx::query_as(MERGE_LOG).fetch_one(&mut writer.connection).await.map_err(failed(RESCUE))?;
    if is_busy != 0 {
        return Err(broken(RESCUE)(std::io::Error::from(std::io::ErrorKind::ResourceBusy)));
    }
    let what =
        "the write-ahead log of the state file, or its index, was removed or replaced while snykwatch runs; all \
                that it held is in the state file"
            .to_owned();
    Ok(Rescue { told: Some(Mended { what, lost_deliveries: false }) })
}

/// Copies the file that has no name any more.
async fn copy(store: &SqliteStore, writer: &mut Writer) -> Result<Rescue, StoreError> {
    let new = open::name_of_new(&store.path);
    writer.roll_back_interrupted().await;
    file::make_directory(&store.path).and_then(|()| file::remove(&new)).map_err(broken(RESCUE))?;
    let made = file::create_new(&new).map_err(broken(RESCUE))?;
    let copied = sqlx::query("VACUUM INTO ?1").bind(new.to_string_lossy()).execute(&mut writer.connection).await;
    let copied = copied.map_err(failed(RESCUE)).and_then(|_| made.sync_all().map_err(broken(RESCUE)));
    drop(made);
    if copied.is_err() {
        // What made it fail is told.
        let _ = file::remove(&new);
    }
    copied?;
    let path = store.path.display();
    let what = format!("the state file was removed while snykwatch runs; all that it held is in {path} again");
    Ok(Rescue { told: Some(Mended { what, lost_deliveries: false }) })
}

/// Makes a new one of what is in memory, and puts what is left of the old one aside.
async fn make_anew(store: &SqliteStore, writer: &mut Writer, adrift: Adrift) -> Result<Rescue, StoreError> {
    let path = &store.path;
    writer.roll_back_interrupted().await;
    let (harm, pending) = match adrift {
        // What waited when another file was copied is not what waits now, however well it can be read.
        Adrift::Overwritten => ("overwritten", None),
        _ => ("cut or overwritten", pending(store).await),
    };
    let Ours { path: place, options, installation } = Ours::of(store);
    let making = move || async move {
        let blueprint = Blueprint { options, migrator: &MIGRATOR, installation: Some(&installation) };
        open::make(&place, blueprint, |_| Ok(())).await
    };
    open::apart(RESCUE, making).await?;
    let new = open::name_of_new(path);
    let connection = open::connect(&new, store.options, Manner::Shared).await.map_err(broken(RESCUE))?;
    let mut anew = Writer::new(connection);
    anew.committed.clone_from(&writer.committed);
    anew.committed_at = writer.committed_at;
    anew.write_anew(pending.as_deref().unwrap_or_default()).await?;
    anew.finish().await.map_err(failed(RESCUE))?;
    let aside = file::put_aside(path, "unreadable").map_err(broken(RESCUE))?;
    let what = format!(
        "the state file was {harm} while snykwatch runs: what is left of it is {}, the history before now is \
         in there alone, and what snykwatch remembers is in a new {}",
        aside.display(),
        path.display()
    );
    Ok(Rescue { told: Some(Mended { what, lost_deliveries: pending.is_none() }) })
}

/// Gives the new file its place, and connects to it. Not over what somebody has put there meanwhile.
async fn put_in_place(store: &SqliteStore, writer: &mut Writer, tenure: &mut Tenure) -> Result<(), StoreError> {
    let path = &store.path;
    let new = open::name_of_new(path);
    if new.exists() {
        if !path.exists() {
            // SQLite leaves the log of a file that was moved, and would apply it to the new one.
            file::remove_log(path).map_err(broken(RESCUE))?;
        }
        std::fs::hard_link(&new, path).and_then(|()| std::fs::remove_file(&new)).map_err(broken(RESCUE))?;
        file::sync_directory(path).map_err(broken(RESCUE))?;
    }
    // What is held of the file before is closed while nothing is connected, since SQLite's locks would go with it.
    writer.watch(None);
    *store.index.write().unwrap_or_else(PoisonError::into_inner) = None;
    if Identity::at(path).map_err(broken(RESCUE))? != Some(Identity::of_open(&tenure.held).map_err(broken(RESCUE))?) {
        tenure.held = Arc::new(open::hold(path).map_err(broken(RESCUE))?);
    }
    let Ours { path: place, options, installation } = Ours::of(store);
    let connecting = move || async move {
        let blueprint = Blueprint { options, migrator: &MIGRATOR, installation: Some(&installation) };
        open::connections(&place, blueprint).await
    };
    let (Writer { connection, manner, .. }, readers, _) = open::apart(RESCUE, connecting).await?;
    (writer.connection, writer.manner) = (connection, manner);
    *store.readers.write().unwrap_or_else(PoisonError::into_inner) = readers;
    let index = Index::of(path, manner).map_err(broken(RESCUE))?.map(Arc::new);
    writer.watch(Some(Watched::new(Arc::clone(&tenure.held), index.clone())));
    *store.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    tenure.log = Identity::of_log(path).map_err(broken(RESCUE))?;
    (writer.adrift, writer.doubt) = (None, None);
    Ok(())
}

/// What waits to be sent, if it can still be read.
async fn pending(store: &SqliteStore) -> Option<Vec<Outgoing>> {
    let state = Some(DeliveryState::Pending);
    let filter = DeliveryFilter { state, limit: usize::MAX, ..DeliveryFilter::default() };
    let mut rows = outbox::deliveries(&store.readers(), &filter).await.ok()?;
    rows.sort_by_key(|row| row.id);
    let mut outgoing: Vec<Outgoing> = Vec::new();
    for row in rows {
        match outgoing.iter_mut().find(|known| known.notification.id == row.notification.id) {
            Some(known) => known.receivers.push(row.receiver),
            None => outgoing.push(Outgoing {
                notification: row.notification,
                receivers: vec![row.receiver],
                dispatch: Dispatch::Deliver,
            }),
        }
    }
    Some(outgoing)
}

async fn disconnect(store: &SqliteStore, writer: &mut Writer) -> Result<(), StoreError> {
    let nowhere: SqliteConnection =
        SqliteConnectOptions::new().in_memory(true).connect().await.map_err(failed(RESCUE))?;
    store.readers().close().await;
    let old = std::mem::replace(&mut writer.connection, nowhere);
    // Whatever it could not merge is in the copy.
    let _ = sqlx::Connection::close(old).await;
    Ok(())
}

/// What makes a new file the same store.
struct Ours {
    path: PathBuf,
    options: SqliteOptions,
    installation: Installation,
}

impl Ours {
    fn of(store: &SqliteStore) -> Self {
        Self { path: store.path.clone(), options: store.options, installation: store.installation.clone() }
    }
}
