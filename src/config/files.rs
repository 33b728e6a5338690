//! Opens and reads files that a configuration names: ordinary ones, and not more of them than such a file can have.
//!
//! What is no ordinary file may be endless (`/dev/zero`), or keep whoever opens it waiting for as long as nobody writes
//! to it. A link to an ordinary file is one.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Certificates and keys: the bundle of a whole system has a quarter of a megabyte. Bytes.
pub(crate) const LONGEST_CERTIFICATES: u64 = 4 * 1024 * 1024;

/// Opens an ordinary file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Asked before it is opened, since that is where one waits.
    let kind = fs::metadata(path)?.file_type();
    // Reading a directory is refused by the system, in its own words.
    if !kind.is_file() && !kind.is_dir() {
        return Err(io::Error::other("it is a pipe or a device: name an ordinary file"));
    }
    File::open(path)
}

/// Reads an ordinary file of at most `longest` bytes.
pub(crate) fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    // Its length is what is read, not what it tells: it may grow meanwhile.
    open(path)?.take(longest + 1).read_to_end(&mut content)?;
    if content.len() as u64 > longest {
        return Err(io::Error::other(format!("it has more than {longest} bytes: is this the right file?")));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_files_are_read_and_not_more_of_them_than_they_can_have() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let check = |name: &str, expected: Result<&[u8], &str>| {
            let found = read(&at(name), 5).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name}");
        };
        fs::write(at("fits"), "12345").unwrap();
        check("fits", Ok(b"12345"));
        fs::write(at("long"), "123456").unwrap();
        check("long", Err("it has more than 5 bytes: is this the right file?"));
        check(".", Err("Is a directory (os error 21)"));
        check("missing", Err("No such file or directory (os error 2)"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink("fits", at("link")).unwrap();
            check("link", Ok(b"12345"));
            symlink("loop", at("loop")).unwrap();
            assert!(read(&at("loop"), 5).is_err());
            symlink("/dev/zero", at("endless")).unwrap();
            check("endless", Err("it is a pipe or a device: name an ordinary file"));
            // Nobody writes to it, so that opening it would not end.
            let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
            assert!(made.success());
            check("pipe", Err("it is a pipe or a device: name an ordinary file"));
        }
    }
}
