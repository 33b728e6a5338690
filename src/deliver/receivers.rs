//! The receivers, one file each.

use crate::client::http::HttpBuildError;
use crate::config::secrets::SecretReadError;

pub mod alertmanager;
pub mod email;

/// Why a receiver cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverBuildError {
    /// One of its secrets cannot be read.
    #[error("could not read a secret of the receiver")]
    Secret(#[from] SecretReadError),
    /// The way to it cannot be set up.
    #[error("could not set up the way to the receiver")]
    Client(#[from] HttpBuildError),
    /// One of its addresses cannot be used.
    #[error("{address} cannot be an address of the receiver: {reason}")]
    Address {
        /// The address, without secrets.
        address: String,
        /// Why not.
        reason: String,
    },
}
