//! `docs/cli.md`, made from what the binary's own help says.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};
use snykwatch::commands::{Arguments, Exit};

const HEAD: &str = "# Commands

<!-- Made from the command line's own help by tests/documents.rs: run the tests with SNYKWATCH_UPDATE_GENERATED=1 after a
change; do not edit. -->

Data goes to standard output, everything else to standard error. Colours are for terminals only, and `NO_COLOR` turns
them off. Secrets are never given on the command line: the configuration names files or environment variables.
";

const EXITS: [(Exit, &str); 8] = [
    (Exit::Ok, "done; for `check`: healthy, a set-up that is not yet overdue included"),
    (
        Exit::Problems,
        "`check` found problems; a scenario of `demo` did not go as told; for `healthy`: not, or no answer",
    ),
    (Exit::CouldNotTell, "`check` could not tell (where there are problems too, they win)"),
    (Exit::Usage, "the command line is wrong"),
    (
        Exit::Unavailable,
        "the daemon that is asked does not answer, its address cannot be had, or another one has the store",
    ),
    (Exit::Software, "snykwatch itself failed"),
    (Exit::Storage, "the store, a backup or the place of one cannot be used as it is: the message says what to do"),
    (Exit::Config, "the configuration is wrong"),
];

/// As wide as a line of the other documents.
const WIDTH: usize = 110;

/// The page.
pub(crate) fn page() -> String {
    let mut page = format!("{HEAD}\n| exit code | meaning |\n|---|---|\n");
    for (exit, meaning) in EXITS {
        writeln!(page, "| {} | {meaning} |", exit.code()).unwrap();
    }
    let mut command = Arguments::command().term_width(WIDTH);
    command.build();
    describe(&mut command, "snykwatch", &mut page);
    page
}

fn describe(command: &mut Command, name: &str, page: &mut String) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    writeln!(page, "\n## `{name}`\n\n```text\n{}\n```", help.join("\n").trim()).unwrap();
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        let name = format!("{name} {}", below.get_name());
        describe(below, &name, page);
    }
}
