//! `hash-password`: what a web-config file keeps of a password, on machines that have no `htpasswd`: in a container, on a
//! bare server.

use std::io::{BufRead, IsTerminal as _};

use bcrypt::BcryptError;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Exit, Terminal};

/// What a check costs, as the exponent of bcrypt's rounds: tens of milliseconds, and the same as `htpasswd -C 10`.
const COST: u32 = 10;

/// Prints the hash of the password on the first line of standard input, where it shows in no list of processes.
pub(super) fn hash_password(terminal: &Terminal) -> anyhow::Result<Exit> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        terminal.note("The password (it is shown as you type), and Enter:");
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    let password = SecretString::from(line.trim_end_matches(['\r', '\n']));
    if password.expose_secret().is_empty() {
        terminal.error("there is no password on standard input");
        return Ok(Exit::Usage);
    }
    match bcrypt::non_truncating_hash(password.expose_secret(), COST) {
        Ok(hash) => {
            terminal.data(&hash);
            Ok(Exit::Ok)
        }
        Err(BcryptError::Truncation(_)) => {
            terminal.error("the password is too long: bcrypt looks at 71 bytes and no more");
            Ok(Exit::Usage)
        }
        Err(error) => Err(error.into()),
    }
}
