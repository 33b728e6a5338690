//! The demo: the whole product on the embedded sandbox, in scaled time, without an account.
//!
//! A *scenario* says what really happens (deeds done to the sandbox's world at certain times) and what the daemon must
//! make of it (expectations: data, not code). The *stage* sets up the sandbox, a configuration file with secret files,
//! and the real daemon on them, with a *pager* to send to; the *player* lets time run and does the deeds, the *narrator* tells the story on the
//! terminal, the *court* checks the expectations against what the daemon publishes, the *witness* that HTTP says the
//! same. The scenarios are the diagnosis catalogue: the tests play all of them, and `docs/diagnosis.md` is generated
//! from them.

pub mod catalogue;
mod court;
pub mod narrator;
mod pager;
pub mod player;
pub mod scenario;
mod scenarios;
mod stage;
mod witness;

pub use scenario::{Scenario, all, find};

/// The scenario of a plain `snykwatch demo`.
pub const DEFAULT_SCENARIO: &str = "story";
