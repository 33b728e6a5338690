//! The file seen from outside of SQLite, against how it was left after our own last write.
//!
//! With a write-ahead log, SQLite writes into the file itself when it merges the log, and at no other time; and whoever
//! does that, in whichever process, notes it in the index of the log. What was written otherwise came past every database,
//! such as an older copy that was copied over the file. Nothing that SQLite reads tells it: the latest commit stands in the
//! log, which goes with the file that is gone.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::sync::Arc;

use super::failure::Adrift;
use super::index::{Index, Mark};

/// The head of a database: <https://www.sqlite.org/fileformat.html#the_database_header>
const HEAD: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
const PAGE_SIZE: Range<usize> = 16..18;
const PAGES: Range<usize> = 28..32;

/// The file of an open store.
pub(super) struct Watched {
    file: Arc<File>,
    index: Option<Arc<Index>>,
    /// `None`: it could not be looked at.
    left: Option<Look>,
}

struct Look {
    length: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// `None`: it is shorter than that.
    head: Option<[u8; HEAD]>,
    mark: Option<Mark>,
}

/// What is to be made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    AsLeft,
    Harmed(Adrift),
    Doubtful(Doubt),
}

/// Somebody has written into it, and what it holds has to tell whether it is ours. The worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// A database did; unless its index was overwritten too.
    Merged,
    /// No database did, and its length and its head are as they were.
    Unexplained,
}

impl Watched {
    pub(super) fn new(file: Arc<File>, index: Option<Arc<Index>>) -> Self {
        let mut watched = Self { file, index, left: None };
        watched.note();
        watched
    }

    /// Takes the file for as we have left it.
    pub(super) fn note(&mut self) {
        // The mark first: who merges meanwhile changes it once more.
        let mark = self.mark();
        self.left = self.look_at(|| mark).ok();
    }

    /// Whether it was cut. That is told by its length even where we have written ourselves.
    pub(super) fn is_cut(&self) -> bool {
        let Some(left) = &self.left else { return false };
        // What cannot be looked at is looked at again.
        self.look_at(|| None).is_ok_and(|now| !now.is_whole(left.length))
    }

    /// What became of it since it was left.
    pub(super) fn look(&self) -> Seen {
        let Some(left) = &self.left else { return Seen::AsLeft };
        // The mark last: who merges has changed it before he writes.
        let Ok(now) = self.look_at(|| self.mark()) else { return Seen::AsLeft };
        if !now.is_whole(left.length) {
            return Seen::Harmed(Adrift::Cut);
        }
        if now.modified == left.modified {
            return Seen::AsLeft;
        }
        let is_same = (now.length, now.head) == (left.length, left.head);
        match (left.mark, now.mark) {
            (Some(before), Some(after)) if before != after => Seen::Doubtful(Doubt::Merged),
            (Some(_), Some(after)) if !is_same && !after.is_merging() => Seen::Harmed(Adrift::Overwritten),
            // Somebody may only have touched it, or have changed nothing but what is behind its head.
            _ => Seen::Doubtful(Doubt::Unexplained),
        }
    }

    fn mark(&self) -> Option<Mark> {
        self.index.as_ref()?.mark()
    }

    fn look_at(&self, mark: impl FnOnce() -> Option<Mark>) -> io::Result<Look> {
        let found = self.file.metadata()?;
        let mut head = [0; HEAD];
        let head = match self.file.read_exact_at(&mut head, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            read => Some(read.map(|()| head)?),
        };
        Ok(Look { length: found.len(), modified: (found.mtime(), found.mtime_nsec()), head, mark: mark() })
    }
}

impl Look {
    /// Whether the database, which had this length, is not cut: it is as long as it was, or as its own head says, since
    /// whoever writes may make it shorter. The head alone tells nothing: a merge that finds no room has written that first.
    fn is_whole(&self, length: u64) -> bool {
        let Some(head) = &self.head else { return false };
        let number = |place| {
            let bytes: &[u8] = head.get(place).unwrap_or_default();
            bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
        };
        // A page of 65,536 bytes is told as 1.
        let page = match number(PAGE_SIZE) {
            1 => 65_536,
            page => page,
        };
        head.starts_with(MAGIC) && self.length >= length.min(page * number(PAGES))
    }
}
