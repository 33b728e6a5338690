//! Exit codes.

use std::process::ExitCode;

/// What a command's exit code says. 64 and up follow sysexits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; for `check`: healthy.
    Ok,
    /// `check` found problems; a scenario of `demo` did not go as told.
    Problems,
    /// `check` could not tell.
    CouldNotTell,
    /// The command line is wrong.
    Usage,
    /// The daemon that a command talks to does not answer, a port cannot be had, or another daemon has the store.
    Unavailable,
    /// We ourselves are broken.
    Software,
    /// The store, a backup or the place of one cannot be used as it is: the message says what to do.
    Storage,
    /// The configuration is wrong.
    Config,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Problems => 1,
            Self::CouldNotTell => 2,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::Storage => 74,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
