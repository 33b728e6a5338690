//! snykwatch knows, at any moment, whether Snyk and a company's Git host are really connected, and why not.
//!
//! The modules stand in the order in which data flows (see `ARCHITECTURE.md`); each imports only from `domain`,
//! `clock` and the modules above it. `app` alone knows every part; `sandbox` knows none of them but `clock`.

pub mod domain;

pub mod clock;

pub mod config;
pub mod schedule;

pub mod client;
pub mod probe;

pub mod health;
pub mod notify;
pub mod store;

pub mod deliver;
pub mod snapshot;

pub mod metrics;
pub mod web;

pub mod app;

pub mod sandbox;

pub mod demo;

pub mod commands;

#[cfg(test)]
mod hostile;
