//! Another wall clock than the machine's for one process, by Debian's `faketime`. The monotonic and the boot clock stay
//! as they are.

use std::path::{Path, PathBuf};

/// Where Debian's package has it, below the directory of each architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The wall clock that a process sees.
pub(crate) struct WallClock {
    library: PathBuf,
    file: PathBuf,
}

impl WallClock {
    /// As the machine's, as long as nobody sets it. `None` without the library, or for a binary that loads none.
    pub(crate) fn of(binary: &Path, directory: &Path) -> Option<Self> {
        let architectures = std::fs::read_dir("/usr/lib").ok()?;
        let library = architectures.flatten().map(|entry| entry.path().join(LIBRARY)).find(|path| path.is_file())?;
        if !loads_libraries(binary) {
            return None;
        }
        let clock = Self { library, file: directory.join("wall-clock") };
        clock.set(0);
        Some(clock)
    }

    /// Ahead of the machine's by so many seconds.
    pub(crate) fn set(&self, seconds: i64) {
        // In one piece: it is read all the time.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}")).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }

    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", self.library.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }
}

/// What libfaketime shares among the children of a process, and leaves behind when that is killed.
pub(super) fn clean_up_after(process: u32) {
    for left in [format!("faketime_shm_{process}"), format!("sem.faketime_sem_{process}")] {
        // Most processes have none.
        let _ = std::fs::remove_file(Path::new("/dev/shm").join(left));
    }
}

/// Whether a 64-bit ELF file names an interpreter. A static one never loads what is preloaded.
fn loads_libraries(binary: &Path) -> bool {
    /// `PT_INTERP`.
    const INTERPRETER: u64 = 3;
    let Ok(bytes) = std::fs::read(binary) else { return false };
    let number = |at: usize, length: usize| {
        let digits = bytes.get(at..at + length).unwrap_or_default();
        digits.iter().rev().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
    };
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (table, size, count) = (place(number(32, 8)), place(number(54, 2)), place(number(56, 2)));
    (0..count).any(|index| number(table.saturating_add(index * size), 4) == INTERPRETER)
}
