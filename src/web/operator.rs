//! What people ask the daemon to do, and what they ask about delivery: silences, acknowledgements, tests of receivers.
//!
//! The HTTP side changes nothing itself. It hands a request to the daemon, whose one writer answers it; a change is
//! committed before its answer comes.

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::domain::attention::{Acknowledgement, Silence};
use crate::domain::names::{ReceiverName, SilenceId};
use crate::domain::notification::{Delivery, DeliveryState, NotificationId};
use crate::snapshot::{ReceiverView, SilenceView};

/// Requests beyond these wait.
const WAITING: usize = 16;

/// How much a silence may cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceBreadth {
    /// What its matcher says; one that matches everything is a mistake.
    Matching,
    /// Everything, and the person says so.
    Everything,
}

/// Somebody takes care of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcknowledgementView {
    /// Which, as `rule/subject`.
    pub incident: String,
    /// Who, and since when.
    #[serde(flatten)]
    pub acknowledgement: Acknowledgement,
}

/// What people said about incidents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AttentionView {
    /// Silences that have not ended, and those that ended lately.
    pub silences: Vec<SilenceView>,
    /// Acknowledgements of open incidents.
    pub acknowledgements: Vec<AcknowledgementView>,
}

/// Why the daemon does not do what was asked. Each is one sentence that says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorRefusal {
    /// What was asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    /// There is no such incident, silence or receiver.
    #[error("{0}")]
    Unknown(String),
    /// It does not fit to what is there already.
    #[error("{0}")]
    Conflict(String),
    /// The daemon itself failed; nothing was changed.
    #[error("{0}")]
    Failed(String),
    /// The daemon does not listen: it stops.
    #[error("The daemon is stopping and answers no requests.")]
    Stopping,
}

/// Which deliveries are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedDeliveries {
    /// Of this receiver.
    pub receiver: Option<ReceiverName>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// At most so many.
    pub limit: usize,
}

/// Where an answer goes.
pub type OperatorReply<T> = oneshot::Sender<Result<T, OperatorRefusal>>;

/// What somebody wants of the daemon. Whoever asked may be gone when the answer comes.
#[derive(Debug)]
pub enum OperatorRequest {
    /// Keep what a silence covers from people. The same id with the same content again changes nothing.
    Silence {
        /// Its identity.
        id: SilenceId,
        /// What is asked for.
        silence: Box<Silence>,
        /// How much it may cover.
        breadth: SilenceBreadth,
        /// Gets it as it is now.
        answer: OperatorReply<SilenceView>,
    },
    /// End a silence now.
    ExpireSilence {
        /// Which.
        id: SilenceId,
        /// Told when it is over.
        answer: OperatorReply<()>,
    },
    /// Note that somebody takes care of an incident.
    Acknowledge {
        /// Which, as `rule/subject`.
        incident: String,
        /// Who.
        author: String,
        /// What they say about it; may be empty.
        comment: String,
        /// Gets it as it is now.
        answer: OperatorReply<AcknowledgementView>,
    },
    /// Take an acknowledgement back.
    WithdrawAcknowledgement {
        /// Of which incident, as `rule/subject`.
        incident: String,
        /// Told when it is gone.
        answer: OperatorReply<()>,
    },
    /// Send a test through the whole way.
    TestReceiver {
        /// To whom.
        receiver: ReceiverName,
        /// Gets the notification's id: it is a row by then, and on its way.
        answer: OperatorReply<NotificationId>,
    },
    /// Silences and acknowledgements.
    Attention {
        /// Gets them.
        answer: OperatorReply<AttentionView>,
    },
    /// How the receivers do.
    Receivers {
        /// Gets all of them, by name.
        answer: OperatorReply<Vec<ReceiverView>>,
    },
    /// Deliveries, newest first; those that are only noted (`run --observe`) have the state `withheld`: what would have
    /// paged.
    Deliveries {
        /// Which.
        wanted: WantedDeliveries,
        /// Gets them.
        answer: OperatorReply<Vec<Delivery>>,
    },
}

/// Hands requests to the daemon.
#[derive(Debug, Clone)]
pub struct OperatorHandle(mpsc::Sender<OperatorRequest>);

impl OperatorHandle {
    /// A handle and the end at which the daemon listens.
    pub fn new() -> (Self, mpsc::Receiver<OperatorRequest>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Asks, and waits for the answer: `operator.ask(|answer| OperatorRequest::Receivers { answer })`.
    ///
    /// # Errors
    /// What the daemon says, or that it no longer listens.
    pub async fn ask<T>(
        &self,
        request: impl FnOnce(OperatorReply<T>) -> OperatorRequest,
    ) -> Result<T, OperatorRefusal> {
        let (answer, answered) = oneshot::channel();
        self.0.send(request(answer)).await.map_err(|_| OperatorRefusal::Stopping)?;
        answered.await.map_err(|_| OperatorRefusal::Stopping)?
    }
}
