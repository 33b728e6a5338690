//! The composition root: the one module that knows every part.
//!
//! [`Daemon`] is the whole product at work: [`targets`] turns a configuration into clients, fleet and plan; the watcher
//! (one task) probes and judges; the web server shows what it publishes; reloads replace the targets. `run`, `check` and
//! the demo all start this same daemon; they differ in the clock and in who stops it.

mod daemon;
mod fleet;
mod journal;
mod plan;
mod rules;
mod targets;
mod watcher;

pub use daemon::{Daemon, DaemonOptions, StartError};
