//! Receivers against the real things: Debian's own Alertmanager, and a real SMTP server (`aiosmtpd`).
//!
//! Each test starts its peer on a free port of this machine, talks to it through the receiver as delivery does, and looks
//! at what arrived: at a webhook behind the Alertmanager, at the mail server's output. Nothing waits for a fixed time.
//! Where a peer is not installed the tests say that they were skipped, unless `SNYKWATCH_REQUIRE_PEERS=1` asks for them.

#[cfg(test)]
mod alertmanager;
#[cfg(test)]
mod email;
#[cfg(test)]
mod support;
