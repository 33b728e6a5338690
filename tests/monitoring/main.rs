//! What we ship for Prometheus, Alertmanager and Grafana, against the real things.
//!
//! [`story`] is the whole way of an alert: the real binary on the sandbox, Debian's own Prometheus with the rules of
//! `deploy/prometheus`, Debian's own Alertmanager with the routes of `deploy/alertmanager`, a webhook at their end. On the
//! same Prometheus every query of every dashboard must have an answer. [`quiet`] is the same way for a problem whose cause is
//! found later. See them told with `cargo test --test monitoring -- --nocapture`. [`rules`] holds the rules to the code, and
//! [`tested`] looks that each has its tests.
//!
//! Where a peer is not installed the tests say that they were skipped, unless `SNYKWATCH_REQUIRE_PEERS=1` asks for them.

#[cfg(test)]
mod dashboards;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod quiet;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod story;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tested;
