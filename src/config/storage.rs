//! The `storage` section: where the daemon's memory is.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;

/// Where the state is kept, and for how long its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageSettings {
    /// Where.
    pub backend: StorageBackend,
    /// Transitions and ended deliveries are kept for so long.
    pub retention: TimeDelta,
}

/// What keeps the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageBackend {
    /// One file.
    Sqlite {
        /// Which.
        path: PathBuf,
    },
}

/// The file of the state unless told otherwise.
pub const DEFAULT_PATH: &str = "snykwatch.db";

/// Transitions and ended deliveries are kept for so long: a year, and what an auditor needs to ask about it. Days.
pub const DEFAULT_RETENTION: TimeDelta = TimeDelta::days(400);

/// Where a path leads: an absolute one is what it is; a relative one lies in the state directory that systemd made
/// (`StateDirectory=`), else beside the configuration file.
pub fn placed(path: &Path, state_directory: Option<&Path>, configuration_directory: &Path) -> PathBuf {
    state_directory.unwrap_or(configuration_directory).join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_lies_in_the_state_directory_or_beside_the_configuration() {
        let check = |path: &str, state: Option<&str>, expected: &str| {
            assert_eq!(placed(Path::new(path), state.map(Path::new), Path::new("/etc/snykwatch")), Path::new(expected));
        };
        check("snykwatch.db", None, "/etc/snykwatch/snykwatch.db");
        check("snykwatch.db", Some("/var/lib/snykwatch"), "/var/lib/snykwatch/snykwatch.db");
        check("/data/state.db", Some("/var/lib/snykwatch"), "/data/state.db");
        check("/data/state.db", None, "/data/state.db");
    }
}
