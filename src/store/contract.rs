//! The contract of every store, as one suite: `contract::check(open)` with a function that opens an empty store.
//!
//! What only a durable back end can promise (that a new process finds the last commit) is tested where one is opened,
//! and so is what only memory promises (that the history is bounded in number).

mod commits;
pub(crate) mod fixtures;
mod history;
mod outbox;
mod pruning;
mod standing;

use super::Store;

/// Runs the whole suite; each part on a store of its own.
pub(crate) async fn check<S: Store>(open: impl AsyncFn() -> S) {
    commits::check(&open).await;
    history::check(&open).await;
    outbox::check(&open).await;
    standing::check(&open).await;
    pruning::check(&open).await;
}
