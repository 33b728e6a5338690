//! What can be typed, with the help that teaches it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Knows, at any moment, whether Snyk and your Git host are really connected, and says why not.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Try it without an account:  snykwatch demo\nStart for real:            snykwatch config validate, \
                  then snykwatch check, then snykwatch run"
)]
pub struct Arguments {
    /// Configuration file (and conf.d/*.yaml beside it)
    #[arg(long, short, global = true, value_name = "FILE", default_value = "snykwatch.yaml")]
    pub config: PathBuf,

    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap would take it for the help text")]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell the whole story on an embedded sandbox, without an account
    ///
    /// Starts a stand-in for Snyk and Bitbucket Cloud on loopback and the real daemon on it, and lets time run fast: a
    /// Group is configured, stays Partially connected, fills, connects, breaks, is diagnosed and repaired.
    Demo(DemoOptions),
    /// Run the daemon
    ///
    /// Watches until it gets SIGTERM or SIGINT. SIGHUP, POST /-/reload and a changed file load the configuration anew.
    Run(RunOptions),
    /// Look at everything once, now, and print what is wrong and what to do
    ///
    /// Exit code: 0 healthy, 1 problems, 2 could not tell (problems win), 64 usage, 78 configuration.
    Check(CheckOptions),
    /// Work with the configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask a running daemon why an integration is what it is
    Explain(DaemonOptions),
    /// Ask a running daemon which repositories are missing from the Inventory
    Missing(DaemonOptions),
    /// Copy the daemon's memory to a new file, while it runs or not
    ///
    /// The copy is of one commit, and it is checked. Nothing is overwritten.
    Backup {
        /// Where to; it must not exist
        file: PathBuf,
    },
    /// Put a backup in the place of the daemon's memory, while it does not run
    ///
    /// The backup is checked first. The file that is replaced is kept beside it, under a name with the date.
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// Print shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command into a directory
    Man {
        /// Where to write them
        #[arg(long, value_name = "DIRECTORY")]
        directory: Option<PathBuf>,
    },
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Which story (see --list)
    #[arg(long, value_name = "NAME", default_value = crate::demo::DEFAULT_SCENARIO)]
    pub scenario: String,
    /// List the scenarios
    #[arg(long)]
    pub list: bool,
    /// Keep the daemon and the sandbox running at the end of the story
    #[arg(long)]
    pub keep_running: bool,
    /// Where the daemon listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
    /// Do not wait between the steps of the story
    #[arg(long)]
    pub fast: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Which log messages: a level, or `target=level` pairs as tracing's filters have them
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// How log messages look
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Also print every unverified fact about the outside APIs as held, refuted or not seen (safe to publish)
    #[arg(long)]
    pub assumptions: bool,
}

/// The commands about the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check it strictly and print the next times of every schedule
    Validate {
        /// Do not read the secrets (on another machine than the daemon's)
        #[arg(long)]
        without_secrets: bool,
    },
    /// Print its JSON Schema
    Schema,
    /// Print it with every default filled in and every secret hidden
    Show {
        /// Print every host and port that the daemon will contact instead
        #[arg(long)]
        egress: bool,
    },
}

/// Options of the commands that talk to a running daemon.
#[derive(Debug, Args)]
pub struct DaemonOptions {
    /// Configuration key of the integration
    pub integration: String,
    /// One Organization (its UUID) instead of the Group
    #[arg(long, value_name = "UUID")]
    pub organization: Option<uuid::Uuid>,
    /// Where the daemon listens (taken from the configuration file if left out)
    #[arg(long, value_name = "URL")]
    pub url: Option<url::Url>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// How a command prints its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

/// How log messages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// One line for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}
