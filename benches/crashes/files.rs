//! What people and machines do to a state file.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::breaches::{Breach, Fault};
use super::calm::{Calm, Copy};
use super::daemon::{Birth, Daemon};

/// The store of another installation is made within this time.
const PATIENCE: Duration = Duration::from_secs(20);

impl Calm<'_> {
    /// Removes the state file with its log.
    pub(super) fn remove_store(&self) {
        for suffix in ["", "-wal", "-shm"] {
            remove(&self.beside_store(suffix));
        }
    }

    /// Removes the lock beside it too.
    pub(super) fn remove_lock(&self) {
        remove(&self.beside_store(".lock"));
    }

    /// Cuts the state file: to nothing, to less than a page, to a part of it.
    pub(super) fn cut_store(&mut self) {
        let path = self.stage.store_path();
        let length = std::fs::metadata(&path).map_or(0, |store| store.len());
        let left = match self.dice.between(0, 3) {
            0 => 0,
            1 => self.dice.between(1, 4_095),
            _ => self.dice.between(4_096, length.max(4_097) - 1),
        };
        let cut = OpenOptions::new().write(true).open(&path).and_then(|store| store.set_len(left.min(length)));
        self.note("the state file could not be cut", cut.err());
        // What a log still holds would mend it.
        if self.daemon().is_none() {
            remove(&self.beside_store("-wal"));
            remove(&self.beside_store("-shm"));
        }
    }

    /// A copy of the state file, or of that of another installation, by hand and while nobody runs.
    pub(super) async fn copy(&mut self, is_own: bool) -> Copy {
        let path = self.next_copy();
        if !is_own {
            self.make_another(&path).await;
            return Copy { path, open: BTreeSet::new() };
        }
        self.stop().await;
        let copied = std::fs::copy(self.stage.store_path(), &path);
        self.note("the state file could not be copied", copied.err());
        self.start(Birth::default());
        Copy { path, open: self.stage.open_problems() }
    }

    /// A copy by snykwatch's own command, while it runs.
    pub(super) async fn back_up(&mut self) -> Option<Copy> {
        let path = self.next_copy();
        let text = path.to_string_lossy().into_owned();
        let stage = self.stage;
        // It may not have opened its store yet.
        let is_done = self.until(PATIENCE, || stage.command(&["backup", &text])).await;
        if !is_done {
            self.breaches.push(Breach::new(Fault::Other, "no backup could be made"));
        }
        is_done.then(|| Copy { path, open: stage.open_problems() })
    }

    /// Puts a copy at the place of the state file, as another file.
    pub(super) fn put_in_place(&mut self, copy: &Copy) {
        let new = self.beside_store(".incoming");
        let copied = std::fs::copy(&copy.path, &new);
        for suffix in ["-wal", "-shm"] {
            remove(&self.beside_store(suffix));
        }
        let placed = copied.and_then(|_| std::fs::rename(&new, self.stage.store_path()));
        self.note("the copy could not be put at its place", placed.err());
    }

    /// A daemon of the same configuration that tells nobody makes a store of its own.
    async fn make_another(&mut self, path: &Path) {
        let directory = self.stage.directory().join(format!("other-{}", self.copies));
        let configuration = std::fs::read_to_string(self.stage.directory().join("snykwatch.yaml")).unwrap();
        let sections = configuration.split_once("alerts:").map(|(before, _)| before).unwrap_or_default();
        std::fs::create_dir(&directory).unwrap();
        for entry in std::fs::read_dir(self.stage.directory()).unwrap().flatten() {
            if entry.path().extension().is_none() && entry.path().is_file() {
                std::fs::copy(entry.path(), directory.join(entry.file_name())).unwrap();
            }
        }
        let rest = "storage: { sqlite: { path: snykwatch.db } }\nserver: { listen: \"127.0.0.1:0\" }\n";
        std::fs::write(directory.join("snykwatch.yaml"), format!("{sections}{rest}")).unwrap();
        let log = directory.join("said");
        let daemon = Daemon::start(&self.stage.binary, &directory, &log, Birth::default());
        let store = directory.join("snykwatch.db");
        let is_made = self.until(PATIENCE, || std::fs::metadata(&store).is_ok_and(|store| store.len() > 0)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let ended = daemon.terminate(PATIENCE).await;
        if !is_made || ended.is_none() {
            self.breaches.push(Breach::new(Fault::Other, "another installation could not be made"));
        }
        let copied = std::fs::copy(&store, path);
        self.note("the other installation's store could not be copied", copied.err());
    }

    fn note(&mut self, what: &str, error: Option<std::io::Error>) {
        if let Some(error) = error {
            self.breaches.push(Breach::new(Fault::Other, format!("{what}: {error}")));
        }
    }

    fn next_copy(&mut self) -> PathBuf {
        self.copies += 1;
        self.stage.directory().join(format!("copy-{}.db", self.copies))
    }

    fn beside_store(&self, suffix: &str) -> PathBuf {
        let mut name = self.stage.store_path().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{} could not be removed", path.display());
    }
}
