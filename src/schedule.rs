//! When each probe runs.
//!
//! - a [`cadence::Cadence`] says how often a piece of work is wanted: `every` so long, or at the instants of a
//!   [`cadence::Calendar`] (the cron adapter);
//! - [`planner::Planner`] knows what is planned, what runs and what came of it, and says what is due and when next;
//! - [`last_observed`] reads from the evidence when a piece of work was last done, for the start of the daemon.
//!
//! The planner is a plain value: it is told the time, starts nothing and sleeps nowhere. Whoever drives it asks
//! [`planner::Planner::due`], starts that work, reports its end, and sleeps until [`planner::Planner::next_due`].
//!
//! What it deliberately does not do: it does not count requests (the client's request budget does), it does not know
//! what an outcome says (only whether it concluded anything), and it does not decide that a confirming probe is needed
//! (the evaluation does, and asks for it).

pub mod cadence;
pub mod cron;
pub mod planner;

mod observed;

pub use observed::last_observed;
