//! Holds the architecture invariants about direction: who may import whom (see `ARCHITECTURE.md`).
//!
//! The checker reads the source as text: comments, literals and `#[cfg(test)]` modules are blanked, then every path is
//! resolved and judged. It is tested on sources that break each rule, so that its silence means something.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test's helper fails")]

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

mod architecture {
    pub(crate) mod paths;
    pub(crate) mod source;
}

use architecture::paths::{ImportedPath, paths_of};
use architecture::source::blank;

/// The modules from left to right, and what each may import: everything to its left, unless it is named here.
const LINE: [&str; 17] = [
    "domain", "clock", "config", "schedule", "client", "probe", "health", "notify", "store", "deliver", "snapshot",
    "metrics", "web", "app", "sandbox", "demo", "commands",
];

/// Files that cannot fail, because they only compute.
const CORE: [&str; 7] = [
    "domain",
    "health",
    "notify",
    "schedule/planner",
    "deliver/queue",
    "deliver/schedule",
    "deliver/heartbeat/verdict",
];

/// What the core must not touch.
const FORBIDDEN_IN_CORE: [&str; 12] = [
    "tokio",
    "reqwest",
    "axum",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
    "crate::clock",
];

/// Libraries that enter at few places: the library and its homes, the first of which is its own.
const CONFINED: [(&str, &[&str]); 11] = [
    ("serde_saphyr", &["config"]),
    ("reqwest", &["client"]),
    ("sqlx", &["store"]),
    ("minijinja", &["config"]),
    ("miette", &["config"]),
    ("clap", &["commands"]),
    ("pulldown_cmark", &["web"]),
    // Its error is one of those that keep the daemon from starting.
    ("prometheus", &["metrics", "app/daemon"]),
    // Addresses are checked where they are configured, messages written where their text is.
    ("lettre", &["client", "config", "deliver/receivers/email"]),
    ("maud", &["web", "deliver/receivers/email"]),
    // The machine's clocks.
    ("rustix", &["clock"]),
];

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "src/{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Whether `module` may import the top-level module `imported`.
fn may_import(module: &str, imported: &str) -> bool {
    let place = |name: &str| LINE.iter().position(|candidate| *candidate == name);
    match module {
        "lib" | "main" => true,
        _ if module == imported => true,
        // The stand-in for the outside world shares nothing with what it is to test.
        "sandbox" => imported == "clock",
        // Readers see a snapshot; no page and no scrape asks the store.
        "metrics" | "web" if imported == "store" => false,
        _ => matches!((place(module), place(imported)), (Some(own), Some(other)) if other < own),
    }
}

/// Whether `file` (without its extension) lies at or below `part`.
fn is_within(file: &str, part: &str) -> bool {
    file.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every breach of the rules in one source. `file` is relative to `src`, such as `health/status.rs`.
fn violations(file: &str, source: &str) -> Vec<Violation> {
    let stem = file.trim_end_matches(".rs");
    let module = stem.split('/').next().unwrap_or_default();
    let source = blank(source);
    let mut found = Vec::new();
    let mut report = |line: usize, what: String| found.push(Violation { file: file.to_owned(), line, what });
    for ImportedPath { line, path } in paths_of(stem, &source) {
        let starts_with = |prefix: &str| path == prefix || path.starts_with(&format!("{prefix}::"));
        if let Some(imported) = path.strip_prefix("crate::").and_then(|rest| rest.split("::").next())
            && LINE.contains(&imported)
            && !may_import(module, imported)
        {
            report(line, format!("{module} must not import {imported}"));
        }
        for (library, homes) in CONFINED {
            if starts_with(library) && !homes.iter().any(|home| is_within(stem, home)) {
                let homes: Vec<String> = homes.iter().map(|home| format!("src/{home}")).collect();
                report(line, format!("{library} belongs to {} alone", homes.join(", ")));
            }
        }
        if CORE.iter().any(|part| is_within(stem, part)) {
            if path == "async" || path == "await" {
                report(line, format!("the core has no {path}"));
            }
            if let Some(forbidden) = FORBIDDEN_IN_CORE.into_iter().find(|forbidden| starts_with(forbidden)) {
                report(line, format!("the core must not use {forbidden}"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Files that are compiled for tests only, declared as `#[cfg(test)] mod name;` in their parent.
fn is_test_file(root: &Path, file: &Path) -> bool {
    let mut module = file.with_extension("");
    while module != root {
        let parent = module.parent().unwrap_or(root).to_owned();
        let declared_in = if parent == root { root.join("lib.rs") } else { parent.with_extension("rs") };
        let name = module.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let declaration = fs::read_to_string(declared_in).unwrap_or_default();
        if architecture::source::test_modules(&declaration).contains(&name) {
            return true;
        }
        module = parent;
    }
    false
}

#[test]
fn every_module_imports_only_from_its_left() {
    let root = source_folder();
    let files: Vec<_> = rust_files(&root).into_iter().filter(|file| !is_test_file(&root, file)).collect();
    assert!(files.len() >= LINE.len(), "the walk found only {} files", files.len());
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        found.extend(violations(&name, &fs::read_to_string(&file).unwrap()));
    }
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

#[test]
fn the_line_is_the_order_of_lib_rs() {
    let library = fs::read_to_string(source_folder().join("lib.rs")).unwrap();
    let declared: Vec<&str> =
        (library.lines()).filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, LINE);
}

#[track_caller]
fn check(file: &str, source: &str, expected: &[&str]) {
    let told: Vec<String> = violations(file, source).iter().map(ToString::to_string).collect();
    assert_eq!(told, expected, "{source}");
}

#[test]
fn imports_to_the_left_are_fine() {
    check("health/status.rs", "use crate::domain::state::State;\nuse super::rules::Rule;\n", &[]);
    check("app.rs", "use crate::{clock::Clock, config, schedule::planner::Planner, web};", &[]);
    check("sandbox/snyk.rs", "use crate::clock::Clock;\nuse crate::sandbox::world::World;", &[]);
    check("config/load.rs", "let value = serde_saphyr::from_str(text);", &[]);
    check("main.rs", "use snykwatch::commands;", &[]);
}

#[test]
fn imports_to_the_right_are_found() {
    check(
        "domain/work.rs",
        "use crate::clock::Clock;",
        &[
            "src/domain/work.rs:1: domain must not import clock",
            "src/domain/work.rs:1: the core must not use crate::clock",
        ],
    );
    check(
        "store.rs",
        "\nuse crate::health::evaluate;\nuse crate::web::page;",
        &["src/store.rs:3: store must not import web"],
    );
    check(
        "probe/scm.rs",
        "use crate::{\n  domain::{names, work},\n  store::{self, Commit},\n};",
        &["src/probe/scm.rs:3: probe must not import store"],
    );
    check(
        "client/http.rs",
        "fn f() -> crate :: app :: App { todo() }",
        &["src/client/http.rs:1: client must not import app"],
    );
    check("sandbox.rs", "use crate::domain::kinds::Scm;", &["src/sandbox.rs:1: sandbox must not import domain"]);
    check("metrics/text.rs", "use crate::store::Store;", &["src/metrics/text.rs:1: metrics must not import store"]);
    check("config.rs", "use snykwatch::web;", &["src/config.rs:1: config must not import web"]);
}

#[test]
fn roundabout_paths_are_found() {
    check("config.rs", "use super::web::page;", &["src/config.rs:1: config must not import web"]);
    check("config/load.rs", "use super::super::web;", &["src/config/load.rs:1: config must not import web"]);
    check("config/load.rs", "use super::web;", &[]);
    check(
        "config/load.rs",
        "mod inner { use super::super::super::web; use super::super::web; }",
        &["src/config/load.rs:1: config must not import web"],
    );
    check("config.rs", "use crate::web as pages;", &["src/config.rs:1: config must not import web"]);
    check(
        "config.rs",
        "use { crate::{ domain::{ names::* }, web } };",
        &["src/config.rs:1: config must not import web"],
    );
}

#[test]
fn the_core_is_kept_pure() {
    check("schedule/planner.rs", "pub async fn due() {}", &["src/schedule/planner.rs:1: the core has no async"]);
    check("schedule.rs", "pub async fn due() {}", &[]);
    check("health.rs", "use crate::clock::Clock;", &["src/health.rs:1: the core must not use crate::clock"]);
    check(
        "health/rules.rs",
        "use std::{collections::BTreeMap, fs, net::IpAddr};",
        &[
            "src/health/rules.rs:1: the core must not use std::fs",
            "src/health/rules.rs:1: the core must not use std::net",
        ],
    );
    check("domain.rs", "fn f() { tokio::spawn(g()); }", &["src/domain.rs:1: the core must not use tokio"]);
}

#[test]
fn libraries_stay_at_their_place() {
    check("probe.rs", "use reqwest::Client;", &["src/probe.rs:1: reqwest belongs to src/client alone"]);
    check(
        "commands/check.rs",
        "fn f(e: &reqwest::Error) {}",
        &["src/commands/check.rs:1: reqwest belongs to src/client alone"],
    );
    check("web.rs", "serde_saphyr::from_str(x)", &["src/web.rs:1: serde_saphyr belongs to src/config alone"]);
    check("deliver/queue.rs", "sqlx::query(x)", &["src/deliver/queue.rs:1: sqlx belongs to src/store alone"]);
    check("deliver/receivers/email/letter.rs", "use maud::html;", &[]);
    check(
        "deliver/receivers/slack.rs",
        "use maud::html;",
        &["src/deliver/receivers/slack.rs:1: maud belongs to src/web, src/deliver/receivers/email alone"],
    );
    check("web.rs", "use ::reqwest as http;", &["src/web.rs:1: reqwest belongs to src/client alone"]);
}

#[test]
fn comments_literals_and_test_modules_do_not_count() {
    check("domain.rs", "// use crate::web;\n/* crate::app /* nested */ crate::web */\n//! [`crate::web`]\n", &[]);
    check(
        "domain.rs",
        r##"const A: &str = "crate::web"; const B: &str = r#"x " crate::web"#; const C: char = '"';"##,
        &[],
    );
    check("domain.rs", "fn f<'a>(x: &'a str) {}\nuse crate::web;", &["src/domain.rs:2: domain must not import web"]);
    check("domain.rs", "#[cfg(test)]\nmod tests {\n use crate::web; mod deep { fn f() {} }\n}\n", &[]);
    check("domain.rs", "#[cfg(test)]\nmod tests;\nuse crate::web;", &["src/domain.rs:3: domain must not import web"]);
    check(
        "domain.rs",
        "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::web;",
        &["src/domain.rs:3: domain must not import web"],
    );
}
