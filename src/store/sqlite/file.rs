//! The file itself: who may have it, and how large it is.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, lchown};
use std::path::{Path, PathBuf};

use super::failure::broken;
use crate::store::StoreError;

/// The state tells what is watched and who is paged: it is nobody else's business.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// `path` with something behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the directory of `path`, with those above it, unless it is there.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() && !directory.exists() => {
            DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)
        }
        _ => Ok(()),
    }
}

/// Makes an empty file that is ours alone.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// Makes the file unless it is there; an error when it cannot be written.
pub(super) fn make_writable(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path).map(drop)
}

/// Gives what root made at `path` to the user whose store it becomes: the owner of the store that is there, else of its
/// directory. That user's daemon could not open it otherwise.
pub(super) fn hand_over(path: &Path, store: &Path) -> io::Result<()> {
    /// The user who makes files for others.
    const ROOT: u32 = 0;
    let heir = std::fs::metadata(store).or_else(|_| std::fs::metadata(directory_of(store)))?;
    if heir.uid() == ROOT || std::fs::symlink_metadata(path)?.uid() != ROOT {
        return Ok(());
    }
    // Not through a link: whoever owns the directory could have made one to any file of root's.
    lchown(path, Some(heir.uid()), Some(heir.gid()))
}

/// Brings the names in the directory of `path` to the disk.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The bytes of the file and its write-ahead log.
pub(super) fn size(path: &Path) -> Result<u64, StoreError> {
    let file = std::fs::metadata(path).map_err(broken("measure the file"))?.len();
    let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len());
    Ok(file + log)
}

/// Nobody else has the store while this lives. The lock is the operating system's: it ends with the process, however
/// that ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// Why the lock cannot be had.
#[derive(Debug)]
pub(super) enum LockRefused {
    /// Another process has it; its number, where it tells.
    Held(Option<u32>),
    /// The lock's file cannot be made.
    File(io::Error),
}

impl Lock {
    /// Takes the lock of the store at `path`.
    pub(super) fn take(path: &Path) -> Result<Self, LockRefused> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut file = options.open(beside(path, ".lock")).map_err(LockRefused::File)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is, is a courtesy.
                let _ = file.read_to_string(&mut holder);
                return Err(LockRefused::Held(holder.trim().parse().ok()));
            }
            Err(TryLockError::Error(error)) => return Err(LockRefused::File(error)),
        }
        // On a full disk the number is missing and the lock holds all the same.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self(file))
    }
}
