//! Snapshots as scripts.
