//! The `snykwatch` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    snykwatch::commands::main()
}
