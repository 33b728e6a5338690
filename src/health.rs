//! The heart: from evidence to conditions, statuses and transitions.
//!
//! ```text
//! ProbeRun --observe--> State.evidence and memory --evaluate--> conditions, statuses, credentials, transitions
//! ```
//!
//! - [`observe()`] writes what a finished probe found into the evidence book. It decides nothing but whether a fact may
//!   replace an older one (a first rejection of a credential waits to be confirmed), and keeps what only the sequence
//!   of facts can tell: canaries, rotations, arrivals, lost projects, Organizations that vanish.
//! - [`evaluate()`] recomputes every condition and status from the evidence that is fresh, and stores the clocks (since
//!   when, last connected). Asking twice at one instant changes nothing the second time.
//! - [`status`] holds the two status tables as pure functions over truths. `connected` is proved, never a fallthrough.
//! - [`forget_other_subjects()`] drops what was observed of something that the configuration no longer names.
//! - [`resume()`] continues a state after a time in which nobody watched.
//! - [`rebase()`] moves our own times when the wall clock jumped; [`take_back()`] undoes a jump, [`bring_back()`] one of
//!   a process before.
//! - [`loss`] settles what became of repositories that are seen no more.
//! - [`decisions`] takes what people say of losses, and what they plan.
//! - [`first_pass`] tells which Organizations nobody has asked about yet; [`rights_to_count()`] what one pass has to ask
//!   twice.
//! - [`incidents`] turns states into problems a person should act on.
//!
//! A *verdict* is a truth with its reason, one sentence, and the evidence it rests on. Times inside a walk (lag,
//! coverage, lateness of tests) are measured to the time of the evidence, not to now: a failing poll can only make a
//! verdict unknown by age, never change it.
//!
//! Nothing here is `async`, reads a clock or does I/O.

pub mod decisions;
pub mod first_pass;
pub mod incidents;
pub mod loss;
pub mod plan_end;
pub mod status;

mod access;
mod advice;
mod canary;
mod clocks;
mod credential;
mod eligibility;
mod emptied;
mod evaluate;
mod group;
mod in_step;
mod many;
mod matching;
mod observe;
mod organization;
mod progress;
mod prune;
mod readings;
mod rebase;
mod resume;
mod rights;
mod subjects;
mod survey;
mod unseen;
mod vanishing;
mod verdict;
pub(crate) mod words;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use advice::{step_after_answer, step_after_failure};
pub use clocks::partially_connected_since;
pub use evaluate::evaluate;
pub use observe::{FollowUp, Policy, observe};
pub use readings::{SECOND_READING_AFTER, second_readings};
pub use rebase::{bring_back, rebase, take_back};
pub use resume::{ASKING_AGAIN, SHORTEST_GAP, resume};
pub use rights::rights_to_count;
pub use subjects::{asked_about, forget_other_subjects};
pub use unseen::{NotFound, Unlisted, not_found, unlisted};
