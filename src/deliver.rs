//! Delivery: from rows of the outbox to receivers.
//!
//! - a **notification** is an incident's event; a **delivery** is its copy for one receiver, a row that is committed
//!   together with the state that caused it; an **attempt** is one try of sending one;
//! - a **receiver** takes messages: one file each below `deliver/receivers/`. A **leased** one forgets what it is not
//!   reminded of. A **destination** is a receiver with the wording of its messages;
//! - a **deliverer** is the task of one receiver; [`Deliverers`] is all of them, and the **board** tells how they do;
//! - a **dead letter** is a delivery that was given up: rejected for good, too old, or its receiver is gone;
//! - the **heartbeat** tells a dead man's switch that we live, and why not.
//!
//! What is promised: at least once, in order per incident, with the same id in every repetition. An attempt is noted
//! before it is made, so that a crash leaves a row that may have been received and is sent again. While the store takes
//! nothing, a critical page alone leaves without a row, once (`unstored`). A receiver that is
//! slow, fails or panics delays nobody else: neither another receiver nor the watcher, who only commits rows and rings.
//!
//! How: `queue` decides what a receiver's pending rows mean now, `schedule` when a failed one is tried again; both are
//! pure. `deliverer` loads, decides, sends. What is due is always computed from the rows, so there is nothing to restore.
//!
//! What it deliberately does not do: it never decides who is told of what (that is [`crate::notify`]), and it never
//! waits for an acknowledgement by a person. Whoever loses messages after having accepted them loses them.

mod attempt;
mod bell;
pub mod board;
mod deliverer;
pub mod deliverers;
pub mod heartbeat;
mod owed_ends;
mod pauses;
mod queue;
pub mod receiver;
pub mod receivers;
mod renewal;
mod schedule;
pub mod telemetry;
pub mod text;
mod unstored;
mod worded;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use self::board::{Board, ReceiverBoard};
pub use self::deliverers::{Deliverers, Destination, Parts};
pub(crate) use self::unstored::is_page;
