//! Delivery: rows of the outbox on their way to receivers.

pub mod receiver;
pub mod receivers;

#[cfg(test)]
mod testing;
