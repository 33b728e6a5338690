//! Why a file cannot be opened.

use std::io;
use std::path::{Path, PathBuf};

use sqlx::migrate::MigrateError;

use super::SqliteFailure;
use crate::store::StoreError;

/// Why the store cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made.
    #[error(
        "could not make the directory of {}: make it, and let it belong to the user that snykwatch runs as",
        path.display()
    )]
    Directory {
        /// Of the file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file, or another beside it, cannot be written.
    #[error(
        "could not write {}: the file and its directory must be writable for the user that snykwatch runs as, and the \
         file system must not be read-only",
        path.display()
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another snykwatch has it.
    #[error(
        "{} is in use by another snykwatch{}: stop that one first, or give this one a path of its own",
        path.display(), holder.map_or_else(String::new, |holder| format!(" (process {holder})"))
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// The other process.
        holder: Option<u32>,
    },
    /// It is no database.
    #[error(
        "{} is no database of snykwatch: give another path, or restore a backup in its place (`snykwatch restore FILE`)",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is no file.
    #[error(
        "{} is no regular file (a directory, a pipe or a device): move it away, or give another path",
        path.display()
    )]
    NoFile {
        /// What is there.
        path: PathBuf,
    },
    /// A symbolic link is there.
    #[error(
        "{} is a symbolic link to {}: give the path of that file itself, since its log and its lock have to be beside it",
        path.display(), target.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// What it leads to.
        target: PathBuf,
    },
    /// It is damaged.
    #[error(
        "{} is damaged: restore a backup (`snykwatch restore FILE`), or move it away to start anew; what is broken \
         pages again then, by the same keys ({detail})",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says of it.
        detail: String,
    },
    /// A newer snykwatch wrote it.
    #[error(
        "{} was written by a newer snykwatch (schema {found}, this one knows {known}): run that version again, or \
         restore a backup from before the upgrade; its own copy is {}",
        path.display(), copy.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
        /// Where an upgrade puts a copy aside.
        copy: PathBuf,
    },
    /// Its schema is not the one of its number.
    #[error(
        "{} has a schema {found} that differs from this build's: run the build that wrote it, or restore a backup",
        path.display()
    )]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// A step from one schema to the next failed; nothing was changed.
    #[error("could not migrate {}: it is as it was; the version that wrote it can still use it", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: MigrateError,
    },
    /// The database failed otherwise.
    #[error("could not open {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SqliteFailure,
    },
    /// What it holds cannot be read.
    #[error("could not read what {} holds", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: StoreError,
    },
}

impl OpenError {
    /// SQLite says it in lines, and puts the file's name among databases into the first.
    pub(in crate::store::sqlite) fn damaged(path: &Path, said: &str) -> Self {
        let lines: Vec<_> = said.lines().filter(|line| *line != "*** in database main ***").collect();
        Self::Damaged { path: path.to_path_buf(), detail: lines.join("; ") }
    }

    /// Whether nothing but room is missing: of the disk, of a quota or of a limit.
    pub(in crate::store::sqlite) fn is_for_want_of_room(&self) -> bool {
        match self {
            Self::Directory { source, .. } | Self::NotWritable { source, .. } => {
                matches!(
                    source.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
                )
            }
            Self::Database { source, .. } => {
                matches!(source, SqliteFailure::DiskFull(_) | SqliteFailure::WriteFailed(_))
            }
            _ => false,
        }
    }
}
