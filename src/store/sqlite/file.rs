//! The file itself: who may have it, and how large it is.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, lchown};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::failure::broken;
use crate::store::{Revision, StoreError};

/// The state tells what is watched and who is paged: it is nobody else's business.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// What a lock notes takes some 100 bytes. Its file is somebody else's when it is longer.
const LONGEST_NOTE: u64 = 4_096;

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

/// Whether there is room beside `path` for the index of a log.
pub(super) fn has_room(path: &Path) -> bool {
    /// What SQLite makes it of at first, in bytes.
    const INDEX: usize = 32 * 1024;
    let trial = beside(path, ".room");
    let made = std::fs::write(&trial, vec![0; INDEX]);
    std::fs::remove_file(&trial).and(made).is_ok()
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

/// Whether a file is at `path`, or nothing; not a directory, a pipe or a device.
pub(super) fn is_file_or_nothing(path: &Path) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Opens the file of a store and holds it, whatever becomes of the lock beside it; `None` when another process does. Only a
/// daemon holds it so: a backup, and whoever looks into it, are in nobody's way. It ends with the process.
pub(super) fn hold(path: &Path) -> io::Result<Option<File>> {
    let file = File::open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // A file system that has no such locks has none for the file beside it either, and that one has been locked.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// The bytes of the file and its write-ahead log.
pub(super) fn size(path: &Path) -> Result<u64, StoreError> {
    let file = std::fs::metadata(path).map_err(broken("measure the file"))?.len();
    let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len());
    Ok(file + log)
}

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// Of the file that has this name now; `None` where there is none.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn of_open(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::of(&metadata))
    }

    /// Whether this name is a link to `file`.
    pub(super) fn is_linked(path: &Path, file: &File) -> io::Result<bool> {
        Ok(std::fs::read_link(path).is_ok() && Self::at(path)? == Some(Self::of_open(file)?))
    }

    /// Of the log and its index, which stay the same as long as a connection is open.
    pub(super) fn of_log(path: &Path) -> io::Result<[Option<Self>; 2]> {
        Ok([Self::at(&beside(path, "-wal"))?, Self::at(&beside(path, "-shm"))?])
    }
}

/// Nobody else has the store while this lives. The lock is the operating system's: it ends with the process, however
/// that ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    /// The installation whose store was here, as the holders before noted it: it outlives the store's own file.
    noted: Option<Uuid>,
    /// The latest commit of that store, and when it was, in milliseconds.
    latest: Option<(Revision, i64)>,
    behind: Option<Behind>,
}

/// Why people may have been told more than the store here remembers; a line of the lock's file. It stands until the next
/// commit, which has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// A backup was put here.
    Restored,
    /// What was here is lost.
    Lost,
    /// Critical pages could not be committed, and left all the same.
    Unstored,
    /// The store here is older than what was last written to it.
    Older,
    /// The store of another installation is here.
    Another,
}

impl Behind {
    const ALL: [Self; 5] = [Self::Restored, Self::Lost, Self::Unstored, Self::Older, Self::Another];

    fn line(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Lost => "lost",
            Self::Unstored => "unstored",
            Self::Older => "older",
            Self::Another => "another",
        }
    }
}

/// Why the lock cannot be had.
#[derive(Debug)]
pub(super) enum LockRefused {
    /// Another process has it; its number, where it tells.
    Held(Option<u32>),
    /// A directory, a pipe or a device is at its place.
    NoFile,
    /// The lock's file cannot be made.
    File(io::Error),
}

/// The length of a note that could not be written, in bytes.
const CUT_NOTE: usize = 1;

impl Lock {
    /// Its file, beside the store at `path`.
    pub(super) fn place(path: &Path) -> PathBuf {
        beside(path, ".lock")
    }

    /// Takes the lock of the store at `path`.
    pub(super) fn take(path: &Path) -> Result<Self, LockRefused> {
        let place = Self::place(path);
        // Reading from a pipe would wait for ever.
        if !is_file_or_nothing(&place).map_err(LockRefused::File)? {
            return Err(LockRefused::NoFile);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut file = options.open(place).map_err(LockRefused::File)?;
        let is_locked = file.try_lock();
        let mut text = Vec::new();
        // What it says is a courtesy to people, and the only thing that tells a lost store from a first start.
        let _ = (&mut file).take(LONGEST_NOTE).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines();
        let holder = lines.next().and_then(|line| line.trim().parse().ok());
        match is_locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockRefused::Held(holder)),
            Err(TryLockError::Error(error)) => return Err(LockRefused::File(error)),
        }
        let noted = lines.next().and_then(|line| line.trim().parse().ok());
        let behind = lines.next().and_then(|line| Behind::ALL.into_iter().find(|why| why.line() == line.trim()));
        let behind = behind.or((text.len() == CUT_NOTE).then_some(Behind::Unstored));
        let latest = lines.next().and_then(|line| {
            let (revision, committed_at) = line.trim().split_once(' ')?;
            Some((Revision(revision.parse().ok()?), committed_at.parse().ok()?))
        });
        let mut lock = Self { file, noted, latest, behind };
        lock.write();
        Ok(lock)
    }

    /// The installation whose store was here before.
    pub(super) fn noted(&self) -> Option<Uuid> {
        self.noted
    }

    /// Whether the store here is behind what people were told, as the holders before noted it.
    pub(super) fn behind(&self) -> Option<Behind> {
        self.behind
    }

    /// Notes whether it is.
    pub(super) fn note_behind(&mut self, behind: Option<Behind>) {
        if self.behind != behind {
            self.behind = behind;
            self.write();
        }
    }

    /// Why the store here, with its latest commit, is not the one that the holder before had; `None` when it is.
    ///
    /// One that is ahead of the note is: a process may be killed between a commit and its note, and a power cut may take
    /// back the note, but no commit. One that is ahead by number and not by time was here before another was put in its
    /// place, and is there again; unless it is the very next one, since our clock may have been set back between the two.
    pub(super) fn differs_from(&self, installation: Uuid, latest: Option<(Revision, i64)>) -> Option<Behind> {
        if self.noted.is_some_and(|noted| noted != installation) {
            return Some(Behind::Another);
        }
        let noted = self.latest?;
        let is_ahead = |(revision, committed_at): (Revision, i64)| {
            revision == noted.0.next() || (revision > noted.0 && committed_at >= noted.1)
        };
        let is_ours = latest.is_some_and(|latest| latest == noted || is_ahead(latest));
        (!is_ours).then_some(Behind::Older)
    }

    /// The latest commit, as it was noted.
    pub(super) fn latest(&self) -> Option<(Revision, i64)> {
        self.latest
    }

    /// Notes whose store is here and open, and its latest commit, for whoever finds the lock without it, or with another.
    pub(super) fn note(&mut self, installation: Uuid, latest: Option<(Revision, i64)>) {
        if (self.noted, self.latest) != (Some(installation), latest) {
            (self.noted, self.latest) = (Some(installation), latest);
            self.write();
        }
    }

    /// Notes a commit: it has all of what people were told.
    pub(super) fn note_commit(&mut self, latest: Option<(Revision, i64)>) {
        let is_set_back = latest.zip(self.latest).is_some_and(|(latest, before)| latest.1 < before.1);
        (self.latest, self.behind) = (latest, None);
        self.write();
        if is_set_back {
            // Behind a note from before the step, the store would look like another one. When it fails, only a power cut
            // soon after shows it.
            let _ = self.file.sync_data();
        }
    }

    /// On a full disk a line may be missing, and the lock holds all the same. Where nothing at all can be written, that
    /// people were told more is noted by cutting it to a length that it has by nothing else.
    fn write(&mut self) {
        let process = std::process::id();
        let noted = self.noted.map(|installation| installation.to_string()).unwrap_or_default();
        let behind = self.behind.map(Behind::line).unwrap_or_default();
        let latest = self.latest.map(|(Revision(revision), committed_at)| format!("{revision} {committed_at}"));
        let latest = latest.unwrap_or_default();
        let text = format!("{process}\n{noted}\n{behind}\n{latest}\n");
        let length = u64::try_from(text.len()).unwrap_or_default();
        // Over what is there: a file that was emptied first could not be filled again on a full disk.
        let written = self.file.rewind().and_then(|()| self.file.write_all(text.as_bytes()));
        let length = match written {
            Ok(()) => length,
            Err(_) if self.behind.is_some() => CUT_NOTE as u64,
            Err(_) => return,
        };
        // Where it fails, the end of the longer text before stays, and is not read.
        let _ = self.file.set_len(length);
    }

    /// Whether the lock of the store at `path` is this one: where its file was removed, another process finds none.
    pub(super) fn is_in_place(&self, path: &Path) -> io::Result<bool> {
        Ok(Identity::at(&Self::place(path))? == Some(Identity::of_open(&self.file)?))
    }
}

/// A name beside `path` that is free, with `what` in it.
pub(super) fn free_name(path: &Path, what: &str) -> PathBuf {
    let first = beside(path, &format!(".{what}"));
    let mut name = first.clone();
    let mut number = 1;
    while name.exists() {
        number += 1;
        name = beside(&first, &format!("-{number}"));
    }
    name
}

/// Renames the file at `path`, with its log, to a free name with `what` in it.
pub(super) fn put_aside(path: &Path, what: &str) -> io::Result<PathBuf> {
    let aside = free_name(path, what);
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            // Any of them may be missing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
    }
    Ok(aside)
}

/// Removes a file that we made, with its log.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    remove_each(path, &["", "-wal", "-shm"])
}

/// Removes the log of a file that is gone.
pub(super) fn remove_log(path: &Path) -> io::Result<()> {
    remove_each(path, &["-wal", "-shm"])
}

fn remove_each(path: &Path, suffixes: &[&str]) -> io::Result<()> {
    for suffix in suffixes {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    Ok(())
}

/// What stands at the place of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing; a log without its file at most.
    Nothing {
        /// There is one.
        has_log: bool,
    },
    /// A file in which nothing is: empty, or of zeros, as a crash of the machine or a clumsy hand leaves it. SQLite takes
    /// an empty one, and one of a single byte, for a new database.
    Blank,
    /// A directory, a pipe, a device: never ours, and never opened.
    NoFile,
    /// Something else.
    Something,
}

impl Found {
    /// Looks. Not for a file that this process has open: closing it again would drop SQLite's locks.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => return Ok(Self::NoFile),
            Ok(metadata) if metadata.len() <= 1 => return Ok(Self::Blank),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let has_log = std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
                return Ok(Self::Nothing { has_log });
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let mut file = File::open(path)?;
        let mut piece = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut piece)?;
            match piece.get(..read) {
                None | Some([]) => return Ok(Self::Blank),
                Some(bytes) if bytes.iter().any(|byte| *byte != 0) => return Ok(Self::Something),
                Some(_) => {}
            }
        }
    }
}
