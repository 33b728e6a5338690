//! The index of the write-ahead log: a file that SQLite maps into memory.
//!
//! It has to be a file. In the memory of this process alone, the store would be locked against every other one, and a
//! backup is made by another while this one runs. Whoever cuts the file takes pages away from under the mapping, and the
//! next look at them ends the process (SIGBUS). So its length is looked at before each use, and one that was cut is filled
//! with zeros: SQLite takes that for an index that nobody has made yet, and makes it of the log, which has everything. A
//! cut in the middle of a query is not noticed in time; that process ends, and the next one finds all in the log.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::file::beside;
use super::open::Manner;

/// SQLite makes it longer by so much each time. Bytes.
const REGION: usize = 1 << 15;

/// Of a log of 32 GB: what is longer was not made so by SQLite. Bytes.
const LONGEST: u64 = 64 << 20;

/// How it begins: <https://www.sqlite.org/walformat.html#the_wal_index_header>
const HEAD: usize = 136;
/// How much of the log is merged.
const MERGED: Range<usize> = 96..100;
/// How much of it readers still need, and who holds a lock.
const READERS: Range<usize> = 100..128;
/// How much of it was to be merged when the last merge began.
const TO_BE_MERGED: Range<usize> = 128..132;

/// The index of an open store's log. It is kept open as long as the connections are: closing it before would drop SQLite's
/// locks.
#[derive(Debug)]
pub(super) struct Index {
    file: File,
    /// The longest that it was.
    length: AtomicU64,
    was_cut: AtomicBool,
}

/// What is different whenever SQLite has written something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark([u8; HEAD]);

impl Index {
    /// Of the store at `path`, to which somebody is connected in this manner; `None`: it is in memory.
    pub(super) fn of(path: &Path, manner: Manner) -> io::Result<Option<Self>> {
        // On a full disk SQLite leaves what it began to make.
        if manner == Manner::Alone {
            return Ok(None);
        }
        match OpenOptions::new().read(true).write(true).open(beside(path, "-shm")) {
            Ok(file) => {
                let length = AtomicU64::new(file.metadata()?.len());
                Ok(Some(Self { file, length, was_cut: AtomicBool::new(false) }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it is as long as it was.
    pub(super) fn is_whole(&self) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        Ok(length >= self.length.fetch_max(length.min(LONGEST), Ordering::Relaxed))
    }

    /// Makes it whole again. Not while somebody writes: what a transaction adds to an index without what was before it
    /// would be taken for all of it.
    pub(super) fn make_whole(&self) -> io::Result<()> {
        if self.is_whole()? {
            return Ok(());
        }
        self.was_cut.store(true, Ordering::Relaxed);
        let length = self.length.load(Ordering::Relaxed);
        // All of it, since what is left of its head speaks of what is gone; and written, since what is only made longer
        // has no room on a full disk when it is used.
        let nothing = vec![0; REGION];
        for place in (0..length).step_by(REGION) {
            self.file.write_all_at(&nothing, place)?;
        }
        Ok(())
    }

    /// Whether it was cut since this was asked last.
    pub(super) fn take_cut(&self) -> bool {
        self.was_cut.swap(false, Ordering::Relaxed)
    }

    /// `None` when it cannot be read.
    pub(super) fn mark(&self) -> Option<Mark> {
        let mut head = [0; HEAD];
        self.file.read_exact_at(&mut head, 0).ok()?;
        head.get_mut(READERS)?.fill(0);
        Some(Mark(head))
    }
}

impl Mark {
    /// Somebody merges the log, or could not do it to the end.
    pub(super) fn is_merging(&self) -> bool {
        self.0.get(MERGED) != self.0.get(TO_BE_MERGED)
    }
}
