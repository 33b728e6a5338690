//! What an opened store does not remember.

use std::fmt;
use std::path::PathBuf;

use crate::store::sqlite::file::Behind;

/// What was remembered is gone, and nobody was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// There was a store, and its file is gone.
    Removed,
    /// Its file has nothing in it, and is now there; `None`: it could not be renamed, and is used again.
    Blank(Option<PathBuf>),
    /// What came after a backup, which was restored.
    Since,
    /// Critical pages that left while the store took nothing, and what came after them.
    Unstored,
    /// It was lost before an earlier start, which ended before it committed anything.
    Before,
    /// What came after an older copy, which is in the file's place; or what stood in a log that is gone.
    Older,
    /// All of it: the store of another installation is in its place.
    Another,
}

impl From<Behind> for Lost {
    fn from(behind: Behind) -> Self {
        match behind {
            Behind::Restored => Self::Since,
            Behind::Unstored => Self::Unstored,
            Behind::Lost => Self::Before,
            Behind::Older => Self::Older,
            Behind::Another => Self::Another,
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => formatter.write_str("the state file is gone"),
            Self::Since => formatter.write_str("a backup was restored"),
            Self::Unstored => formatter.write_str("the last run ended while the state file took nothing"),
            Self::Before => formatter.write_str("the state file was lost before the last start"),
            Self::Older => formatter.write_str("the state file is older than the last run left it"),
            Self::Another => formatter.write_str("the state file is that of another installation"),
            Self::Blank(None) => formatter.write_str("the state file is empty"),
            Self::Blank(Some(aside)) => write!(formatter, "the state file is empty, and now {}", aside.display()),
        }
    }
}
