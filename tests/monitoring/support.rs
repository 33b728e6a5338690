//! Patience with an end, files of the project, and processes as `tests/it` has them.

#[expect(dead_code, reason = "shared with tests/it; here a part of it is used")]
#[path = "../it/support/http.rs"]
pub(crate) mod http;
#[expect(dead_code, reason = "shared with tests/it; here a part of it is used")]
#[path = "../it/support/process.rs"]
pub(crate) mod process;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

pub(crate) mod configuration {
    /// The integration's configuration key.
    pub(crate) const INTEGRATION: &str = "acme-bitbucket";
}

/// A condition that does not come true within this time never will. Far longer than any of them takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until `look` sees something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// A file of the project.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Its text.
pub(crate) fn file(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A YAML file of the project.
pub(crate) fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The list below a key.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The text below a key.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The first of these programs that is there. Where none is, that is said, or fails where it was asked for.
pub(crate) fn installed(programs: &[&'static str]) -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<_> = std::env::split_paths(&path).collect();
    let is_there = |program: &&&str| directories.iter().any(|directory| directory.join(program).is_file());
    let found = programs.iter().find(is_there).copied();
    let is_required = std::env::var_os("SNYKWATCH_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(found.is_some() || !is_required, "{} is not installed", programs[0]);
    if found.is_none() {
        println!("skipped: {} is not installed", programs[0]);
    }
    found
}
