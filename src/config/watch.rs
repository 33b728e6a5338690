//! Notices that the configuration's files, or the files of its secrets, have changed.
//!
//! Files are looked at every few seconds rather than by the kernel's notifications: those do not see a swapped link of
//! Kubernetes' volumes, nor anything on a network file system. A look costs one `stat` per file; only when time, length
//! or inode differ is a file read and its hash compared, so that a mere touch changes nothing. Links are followed.
//!
//! The watcher only tells *that* something changed: reading it anew, and deciding what to do with an invalid
//! configuration, is for its user.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::Config;
use super::files::{self, LONGEST_CERTIFICATES};
use super::load::{fragment_directory, fragment_paths};

/// How often files are looked at. Seconds: a rotated token is in use soon, and a look costs next to nothing.
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// The main file or a fragment: the configuration has to be read anew.
    Configuration,
    /// Secrets or certificates alone: the configuration is the same, what it names is not.
    Secrets,
}

/// Watches the files of one configuration.
#[derive(Debug, Clone)]
pub struct ConfigWatcher {
    main: PathBuf,
    configuration: BTreeMap<PathBuf, Print>,
    secrets: BTreeMap<PathBuf, Print>,
}

/// What a file looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Print {
    /// `None` for a file that is not there.
    stat: Option<Stat>,
    hash: Option<[u8; 32]>,
}

/// What is cheap to see of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl ConfigWatcher {
    /// Remembers how all files of `config`, read from `main`, look now. Blocking, but short.
    pub fn new(main: &Path, config: Option<&Config>) -> Self {
        let mut watcher = Self { main: main.to_path_buf(), configuration: BTreeMap::new(), secrets: BTreeMap::new() };
        look(&mut watcher.configuration, &configuration_files(main));
        if let Some(config) = config {
            watcher.follow(config);
        }
        watcher
    }

    /// Watches the secrets of another configuration from now on. What is watched already is not looked at: it may have
    /// changed since it was read, and the next look has to tell. Blocking, but short.
    pub fn follow(&mut self, config: &Config) {
        let files = secret_files(config);
        self.secrets.retain(|path, _| files.contains(path));
        for path in files {
            self.secrets.entry(path).or_insert_with_key(|path| Print::of(path, None));
        }
    }

    /// Waits until a file has changed. Cancel-safe: a change that was not told is found again.
    pub async fn changed(&mut self) -> Changed {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let mut looking = self.clone();
            // A look that does not come back (the runtime ends) saw nothing; the next one starts from what is known.
            let look = tokio::task::spawn_blocking(move || {
                let changed = looking.poll();
                (looking, changed)
            });
            let Ok((looked, changed)) = look.await else { continue };
            *self = looked;
            if let Some(changed) = changed {
                return changed;
            }
        }
    }

    /// Looks at every file once. Blocking, but short.
    pub fn poll(&mut self) -> Option<Changed> {
        let configuration = look(&mut self.configuration, &configuration_files(&self.main));
        let known = self.secrets.keys().cloned().collect();
        let secrets = look(&mut self.secrets, &known);
        match (configuration, secrets) {
            (Difference::Some, _) => Some(Changed::Configuration),
            (Difference::None, Difference::Some) => Some(Changed::Secrets),
            (Difference::None, Difference::None) => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    None,
    Some,
}

/// Looks at `files` and remembers them. A file that is new to the watch, or no longer there, is a difference.
fn look(known: &mut BTreeMap<PathBuf, Print>, files: &BTreeSet<PathBuf>) -> Difference {
    let before = known.len();
    known.retain(|path, _| files.contains(path));
    let mut difference = if known.len() == before { Difference::None } else { Difference::Some };
    for path in files {
        let print = Print::of(path, known.get(path));
        let hash = print.hash;
        let old = known.insert(path.clone(), print);
        if old.is_none_or(|old| old.hash != hash) {
            difference = Difference::Some;
        }
    }
    difference
}

impl Print {
    fn of(path: &Path, known: Option<&Self>) -> Self {
        let stat = fs::metadata(path).ok().map(|metadata| Stat {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: inode(&metadata),
        });
        match known {
            Some(known) if known.stat == stat => known.clone(),
            // Certificates are the longest of what is watched.
            _ => Self {
                stat,
                hash: files::read(path, LONGEST_CERTIFICATES).ok().map(|content| Sha256::digest(content).into()),
            },
        }
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

fn configuration_files(main: &Path) -> BTreeSet<PathBuf> {
    let mut files: BTreeSet<_> = fragment_paths(main).unwrap_or_default().into_iter().collect();
    files.insert(main.to_path_buf());
    files.insert(fragment_directory(main));
    files
}

fn secret_files(config: &Config) -> BTreeSet<PathBuf> {
    let secrets = config.secrets().filter_map(|source| source.file().map(Path::to_path_buf));
    let certificates = config.transports().filter_map(|http| http.ca_file.clone());
    let access = config.server.web_config.iter().flat_map(|web_config| web_config.files()).map(Path::to_path_buf);
    secrets.chain(certificates).chain(access).collect()
}

#[cfg(test)]
mod tests;
