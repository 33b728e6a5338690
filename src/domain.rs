//! The words of snykwatch as types: what is watched, what was observed, what follows from it.
//!
//! Plain data with no behaviour beyond what its own meaning gives it: no I/O, no clock, no `async`. Every other module
//! speaks in these types; this one imports none of them.
//!
//! - [`names`]: identities (config keys and Snyk's ids), [`kinds`]: closed lists (level, scm, role);
//! - [`fleet`]: what is watched, resolved from the configuration, and [`policy`]: by which rules;
//! - [`work`]: a probe's work and its outcome, with the [`facts`] it found;
//! - [`evidence`]: facts with their time, and the book that keeps the latest of each;
//! - [`permission`]: what an SCM credential must be allowed to do;
//! - [`condition`], [`status`], [`incident`]: the verdicts;
//! - [`page`]: what a person who is paged reads, [`notification`]: an incident's event and what became of it;
//! - [`attention`]: who was told of what, and what people answered (acknowledgements, silences);
//! - [`decisions`]: what people decided about what is gone (plans, accepted losses);
//! - [`loss`]: what is remembered of a namespace and of its repositories that are seen no more;
//! - [`rotation`]: a new token in the place of an old one, and who still has the old one;
//! - [`state`]: everything the daemon remembers; what the store keeps.
//! - `text`: foreign text made harmless.

pub mod attention;
pub mod condition;
pub mod decisions;
pub mod evidence;
pub mod facts;
pub mod fleet;
pub mod incident;
pub mod kinds;
pub mod loss;
pub mod matcher;
pub mod names;
pub mod notification;
pub mod page;
pub mod permission;
pub mod policy;
pub mod rotation;
pub mod state;
pub mod status;
pub(crate) mod stored;
pub(crate) mod text;
pub mod work;
