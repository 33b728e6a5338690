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
    /// Configuration file (and conf.d/*.yaml beside it); left out: snykwatch.yaml here, else in /etc/snykwatch
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

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
    /// Ask a running daemon how everything does, in a few lines
    Status(AskOptions),
    /// Ask a running daemon whether it is alive, for a container's health check
    ///
    /// Exit code: 0 healthy, 1 not, or no answer.
    Healthy(ConnectOptions),
    /// Ask a running daemon what is wrong now, worst first, and what to do
    Incidents(IncidentsOptions),
    /// Ask a running daemon what it told to whom, newest first, and what became of it
    Notifications(NotificationsOptions),
    /// Tell a running daemon that you take care of an incident
    ///
    /// Reminders, growth and digests stop until it resolves. An escalation and the end are told all the same.
    ///
    /// Example: `snykwatch ack CredentialInvalid/credential/bitbucket-acme --author alex`
    Ack(AcknowledgeOptions),
    /// Confirm that what an incident misses is meant to be gone, or reject that
    ///
    /// Repositories, Organizations, assets or projects that are gone, deactivated or unscheduled: what is there now
    /// becomes the reference. A pattern answers several incidents at once.
    ///
    /// Example: `snykwatch accept RepositoriesVanished/namespace/acme-bitbucket/acme --author alex --reason "archived"`
    Accept(Box<AcceptOptions>),
    /// Say beforehand what is going to go, move or be rotated
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Keep incidents from people for a while
    #[command(subcommand)]
    Silence(SilenceCommand),
    /// Send a test through a running daemon to one of its receivers
    ///
    /// Exit code: 0 accepted, 1 not accepted, 64 no such receiver, 69 no daemon.
    TestReceiver(TestReceiverOptions),
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
    /// Hash a password for a web-config file: it is read from standard input
    ///
    /// The first line is the password, the file that Prometheus reads it from for example. Exit code: 0 hashed, 64 no
    /// password, or one that is too long for bcrypt.
    HashPassword,
    /// Print shell completions
    ///
    /// Example: `snykwatch completions bash > /etc/bash_completion.d/snykwatch`
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
    /// Do everything but send: note what would have been sent, and list it once a day and under `notifications`
    #[arg(long)]
    pub observe: bool,
    /// Which log messages, until `PUT /-/log-filter` says otherwise: a level, or `target=level` pairs as tracing's
    /// filters have them
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
    #[command(flatten)]
    pub ask: AskOptions,
}

/// Which daemon is asked, and who asks.
#[derive(Debug, Args)]
pub struct ConnectOptions {
    /// Where the daemon listens (taken from the configuration file if left out)
    #[arg(long, value_name = "URL")]
    pub url: Option<url::Url>,
    /// Who asks, where the daemon wants to know
    #[arg(long, value_name = "USER", requires = "password_file")]
    pub username: Option<String>,
    /// File with the password
    #[arg(long, value_name = "FILE", requires = "username")]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) to trust beside the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Our own certificate (PEM, with its chain), where the daemon wants one
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
}

/// Which daemon is asked, and how its answer is printed.
#[derive(Debug, Args)]
pub struct AskOptions {
    #[command(flatten)]
    pub connect: ConnectOptions,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `incidents`.
#[derive(Debug, Args)]
pub struct IncidentsOptions {
    /// Also those whose time has not come yet
    #[arg(long)]
    pub pending: bool,
    #[command(flatten)]
    pub ask: AskOptions,
}

/// Options of `notifications`.
#[derive(Debug, Args)]
pub struct NotificationsOptions {
    /// Only in this state: `pending`, `delivered`, `dead_lettered`, `collapsed`, `withheld` (`run --observe`)
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Only to this receiver, by its configuration key
    #[arg(long, value_name = "NAME")]
    pub receiver: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub limit: usize,
    #[command(flatten)]
    pub ask: AskOptions,
}

/// Options of `ack`.
#[derive(Debug, Args)]
pub struct AcknowledgeOptions {
    /// The incident, as `snykwatch incidents` names it: RULE/SUBJECT
    pub incident: String,
    /// Who takes care of it
    #[arg(long, value_name = "NAME", required_unless_present = "withdraw")]
    pub author: Option<String>,
    /// What to say about it
    #[arg(long, value_name = "TEXT", conflicts_with = "withdraw")]
    pub comment: Option<String>,
    /// Take an acknowledgement back
    #[arg(long, conflicts_with = "author")]
    pub withdraw: bool,
    #[command(flatten)]
    pub ask: AskOptions,
}

/// Options of `accept`.
#[derive(Debug, Args)]
pub struct AcceptOptions {
    /// The incident, as `snykwatch incidents` names it: RULE/SUBJECT, or a pattern with `*`
    #[arg(required_unless_present_any = ["list", "undo"])]
    pub incident: Option<String>,
    /// It is not meant to be so
    #[arg(long, conflicts_with_all = ["list", "undo"])]
    pub reject: bool,
    /// Who decides
    #[arg(long, value_name = "NAME", required_unless_present_any = ["list", "undo"])]
    pub author: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["list", "undo"])]
    pub reason: Option<String>,
    /// List what was accepted and rejected
    #[arg(long, conflicts_with_all = ["incident", "undo"])]
    pub list: bool,
    /// Take a decision back (see --list)
    #[arg(long, value_name = "ID", conflicts_with = "incident")]
    pub undo: Option<String>,
    #[command(flatten)]
    pub ask: AskOptions,
}

/// The commands about plans.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Repositories (WORKSPACE/SLUG) or Organizations (name or id) go away
    ///
    /// Covered is what matches now; what matches later is not. More than half of a workspace, or of the Organizations of
    /// an integration, asks for the count again.
    ///
    /// Example: `snykwatch plan retire "acme/old-*" --until 2026-12-24T00:00:00Z --author alex --reason "team dissolved"`
    Retire(Box<NewPlanOptions>),
    /// Repositories (WORKSPACE/SLUG) or Organizations (name or id) go elsewhere
    Move(Box<NewPlanOptions>),
    /// The token of a credential (its configuration key) is replaced
    Rotate(Box<NewPlanOptions>),
    /// List plans in force, and those that ended lately
    List {
        #[command(flatten)]
        ask: AskOptions,
    },
    /// End one now
    End {
        /// Which (see `plan list`)
        id: String,
        #[command(flatten)]
        ask: AskOptions,
    },
}

/// Options of `plan retire`, `plan move` and `plan rotate`.
#[derive(Debug, Args)]
pub struct NewPlanOptions {
    /// What it covers; `*` stands for any characters
    pub pattern: String,
    /// Until when, such as 2026-12-24T08:00:00Z; 30 days at most
    #[arg(long, value_name = "INSTANT")]
    pub until: chrono::DateTime<chrono::Utc>,
    /// Who plans it
    #[arg(long, value_name = "NAME")]
    pub author: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How many it covers, repeated where it covers much
    #[arg(long, value_name = "COUNT")]
    pub count: Option<usize>,
    /// The old token was revoked (rotations)
    #[arg(long)]
    pub revoked: bool,
    #[command(flatten)]
    pub ask: AskOptions,
}

/// The commands about silences.
#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// Make one; everything that is given must match
    ///
    /// Example: `snykwatch silence add --integration acme-bitbucket --for 2h --author alex --reason "new workspace"`
    Add(Box<NewSilenceOptions>),
    /// List those in force
    List {
        /// Also those that have not begun, or ended lately
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        ask: AskOptions,
    },
    /// End one now
    Expire {
        /// Which (see `silence list`)
        id: String,
        #[command(flatten)]
        ask: AskOptions,
    },
}

/// Options of `silence add`.
#[derive(Debug, Args)]
pub struct NewSilenceOptions {
    /// One incident: RULE/SUBJECT
    #[arg(long, value_name = "INCIDENT")]
    pub incident: Option<String>,
    /// A rule, as incidents name it (may be given several times, like all below)
    #[arg(long = "rule", value_name = "RULE")]
    pub rules: Vec<String>,
    /// A severity: info, warning, critical
    #[arg(long = "severity", value_name = "SEVERITY")]
    pub severities: Vec<String>,
    /// A level: group, organization
    #[arg(long = "level", value_name = "LEVEL")]
    pub levels: Vec<String>,
    /// A Git host, such as bitbucket-cloud
    #[arg(long = "scm", value_name = "SCM")]
    pub scms: Vec<String>,
    /// A pattern of integrations' configuration keys, such as acme-*
    #[arg(long = "integration", value_name = "PATTERN")]
    pub integrations: Vec<String>,
    /// A pattern of owners
    #[arg(long = "owner", value_name = "PATTERN")]
    pub owners: Vec<String>,
    /// A pattern of credentials' configuration keys
    #[arg(long = "credential", value_name = "PATTERN")]
    pub credentials: Vec<String>,
    /// Everything is meant: nothing needs to match
    #[arg(long)]
    pub everything: bool,
    /// For how long, such as 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = crate::config::duration::parse_duration,
          required_unless_present = "until", conflicts_with = "until")]
    pub length: Option<std::time::Duration>,
    /// Until when, such as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<chrono::DateTime<chrono::Utc>>,
    /// From when on (now if left out)
    #[arg(long, value_name = "INSTANT")]
    pub from: Option<chrono::DateTime<chrono::Utc>>,
    /// Who wants it
    #[arg(long, value_name = "NAME")]
    pub author: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub ask: AskOptions,
}

/// Options of `test-receiver`.
#[derive(Debug, Args)]
pub struct TestReceiverOptions {
    /// Configuration key of the receiver
    pub receiver: String,
    #[command(flatten)]
    pub ask: AskOptions,
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
