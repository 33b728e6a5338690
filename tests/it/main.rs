//! The whole daemon as a user runs it: the real binary as a process of its own, against the sandbox over real HTTP, on
//! the real clock.
//!
//! Each test reads like a story: a scene is set ([`support::Scene`]), snykwatch is started on it, something happens,
//! and what snykwatch says is looked at from outside. Nothing waits for a fixed time; everything waits for a condition
//! with a deadline. Processes are killed when their test ends, however it ends.

// Real peers as programs, shared with the tests of receivers.
#[cfg(test)]
#[path = "../receivers/alertmanager/peer.rs"]
mod alertmanager_peer;
#[cfg(test)]
#[path = "../receivers/email/server.rs"]
mod smtp_peer;

#[cfg(test)]
mod access;
#[cfg(test)]
mod checking;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod defects;
#[cfg(test)]
mod installing;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod lives;
#[cfg(test)]
mod logging;
#[cfg(test)]
mod one_page;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod our_network;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod refused_secrets;
#[cfg(test)]
mod reloading;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod supervision;
#[cfg(test)]
mod support;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod wrecked_files;
