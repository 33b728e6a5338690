//! Typed requests to, and answers of, the outside APIs: Snyk, Bitbucket Cloud and Atlassian's organisation admin API.
//!
//! **Words.** A *call* is one request to one API; its result is an [`Answer`](answer::Answer) or a
//! [`Failure`](answer::Failure), both data. A *walk* follows a paged list to its last page. A *target* is the one base
//! URL a secret is bound to, together with the *host role* it plays. The *budget* is how many requests a credential may
//! still make.
//!
//! **How it works.** [`snyk`], [`bitbucket_cloud`] and [`atlassian_admin`] build calls; the `exchange` module takes each
//! through the credential's [`budget`], the compiled allow-list ([`allowed`]) and the hardened transport ([`http`]),
//! and classifies what came back ([`answer`]). Every call is counted through [`telemetry`].
//!
//! [`post`] and [`smtp`] stand apart: they bring notifications to receivers that the operator chose.
//!
//! **What it does not do.** It knows nothing about health: whether an outcome is conclusive is for the probes to say. It
//! never writes to a watched API, follows no redirect, retries nothing, and reads no environment variable and no file but a CA
//! bundle. The outside facts it rests on are in `docs/apis/snyk.md` and `docs/apis/bitbucket-cloud.md`.

pub mod allowed;
pub mod answer;
pub mod atlassian_admin;
pub mod bitbucket_cloud;
pub mod budget;
pub mod daemon;
mod exchange;
pub mod http;
pub mod post;
pub mod smtp;
pub mod snyk;
pub mod telemetry;

pub use exchange::{ClientContext, RefusedSecret};

#[cfg(test)]
pub(crate) mod hostile;
#[cfg(test)]
pub(crate) mod testing;
