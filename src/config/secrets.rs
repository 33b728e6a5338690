//! Where a secret comes from, how it is read, and how two versions of it are told apart without keeping either.
//!
//! A secret never stands in the configuration itself: it is named by `{ file: … }` or `{ env: … }`, read when it is
//! needed, and read anew when its file changes. This file and `config/load.rs` are the only ones that look at the
//! environment.

use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::files;
use super::token::{TokenFlaw, TokenKind};

/// A secret longer than this is not a token: a wrong file was named. In bytes.
const MAXIMUM_LENGTH: u64 = 64 * 1024;

/// systemd's directory of the unit's credentials (`LoadCredential=`); a relative file name is looked up there first.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Where a secret is to be found. Holds no secret, so it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretSource {
    /// The content of a file, without its trailing newline.
    File(PathBuf),
    /// The value of an environment variable.
    Env(String),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Env(variable) => write!(formatter, "env {variable}"),
        }
    }
}

/// Why a secret could not be read. The message never holds a part of the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretReadError {
    /// The file could not be read, or is not text.
    #[error("could not read the secret file {path}")]
    File {
        /// The file that was tried.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The file or variable holds nothing but white space.
    #[error("the secret from {0} is empty")]
    Empty(SecretSource),
    /// The file is far larger than any token.
    #[error("the secret file {0} is larger than {MAXIMUM_LENGTH} bytes")]
    TooLong(PathBuf),
    /// The variable is not set, or is not text.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The secret holds a character that can stand in no HTTP header.
    #[error("the secret from {0} holds a line break or another control character")]
    ControlCharacter(SecretSource),
    /// It can be seen that the secret is no token, or not of its kind.
    #[error("the secret from {place} {flaw}")]
    Flawed {
        /// Where it is.
        place: SecretSource,
        /// What is wrong with it.
        flaw: TokenFlaw,
    },
}

impl SecretSource {
    /// The file of this name: absolute as it is; relative among systemd's credentials if it is there, else in
    /// `directory`. What systemd loads from a directory has no directory any more: `secrets/token` is its credential
    /// `secrets_token`.
    pub fn in_directory(name: &str, directory: &Path) -> Self {
        let path = Path::new(name);
        if path.is_relative()
            && let Some(credentials) = environment(CREDENTIALS_DIRECTORY)
        {
            let credential = Path::new(&credentials).join(name.replace('/', "_"));
            if credential.exists() {
                return Self::File(credential);
            }
        }
        Self::File(directory.join(path))
    }

    /// Reads the secret as it is now. Blocking, but short: a local file or the environment.
    ///
    /// # Errors
    /// When the source is missing, empty, or plainly not a token.
    pub fn read(&self) -> Result<SecretString, SecretReadError> {
        let text = match self {
            Self::File(path) => read_file(path)?,
            Self::Env(variable) => environment(variable).ok_or_else(|| SecretReadError::Unset(variable.clone()))?,
        };
        let secret = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
        if secret.trim().is_empty() {
            return Err(SecretReadError::Empty(self.clone()));
        }
        if secret.chars().any(char::is_control) {
            return Err(SecretReadError::ControlCharacter(self.clone()));
        }
        Ok(SecretString::from(secret))
    }

    /// Reads a token of Snyk or a Git host, of which more can be seen than of a password.
    ///
    /// # Errors
    /// Also when it is no token of this kind, as far as that can be seen.
    pub fn read_token(&self, kind: TokenKind) -> Result<SecretString, SecretReadError> {
        let token = self.read()?;
        kind.check(token.expose_secret()).map_err(|flaw| SecretReadError::Flawed { place: self.clone(), flaw })?;
        Ok(token)
    }

    /// The file behind this secret.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Env(_) => None,
        }
    }

    /// Whether every user of the machine may read the file.
    #[cfg(unix)]
    pub fn exposure(&self) -> Exposure {
        use std::os::unix::fs::PermissionsExt as _;
        /// The `others may read` bit of a file's mode.
        const OTHERS_READ: u32 = 0o004;
        let mode = self.file().and_then(|path| fs::metadata(path).ok()).map_or(0, |found| found.permissions().mode());
        if mode & OTHERS_READ == 0 { Exposure::Guarded } else { Exposure::WorldReadable }
    }

    /// Whether every user of the machine may read the file; not known on this platform.
    #[cfg(not(unix))]
    pub fn exposure(&self) -> Exposure {
        Exposure::Guarded
    }
}

/// Who may read a secret's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Not everybody.
    Guarded,
    /// Every user of the machine: a warning.
    WorldReadable,
}

fn read_file(path: &Path) -> Result<String, SecretReadError> {
    let failed = |source| SecretReadError::File { path: path.to_path_buf(), source };
    // A file that says how long it is, is refused by that.
    if fs::metadata(path).map_err(failed)?.len() > MAXIMUM_LENGTH {
        return Err(SecretReadError::TooLong(path.to_path_buf()));
    }
    let content = files::read(path, MAXIMUM_LENGTH).map_err(failed)?;
    // Not the library's own error: it would hold the secret.
    String::from_utf8(content).map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text")))
}

#[expect(clippy::disallowed_methods, reason = "the one place where secrets of the environment enter")]
fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// Tells two versions of one secret apart, so that a rotation is noticed even across a restart. It is a keyed hash
/// (HMAC-SHA-256, cut to 128 bits): without the key it says nothing about the secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenVersion(String);

impl TokenVersion {
    /// Bytes of the hash that are kept: a collision of two tokens of one credential is out of the question.
    const LENGTH: usize = 16;

    /// The version of `secret` under `key`. The key is random, made once per installation, and kept with the state.
    pub fn of(secret: &SecretString, key: &[u8]) -> Self {
        // A key of any length is fit for HMAC; this constructor pads or hashes it and cannot fail.
        let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(key) else { return Self(String::new()) };
        hash.update(secret.expose_secret().as_bytes());
        let mut text = String::with_capacity(Self::LENGTH * 2);
        for byte in hash.finalize().into_bytes().iter().take(Self::LENGTH) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// A version as it was stored, or as the Git host names it (`x-token-id`; see `docs/apis/bitbucket-cloud.md`).
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The version as text, for storing and comparing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
