//! What people ask the daemon to do, and what they ask about delivery: silences, acknowledgements, tests of receivers.
//!
//! The HTTP side changes nothing itself. It hands a request to the daemon, whose one writer answers it; a change is
//! committed before its answer comes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::domain::attention::{Acknowledgement, Silence};
use crate::domain::decisions::{PlanKind, Verdict};
use crate::domain::names::{CredentialName, DecisionId, ReceiverName, SilenceId};
use crate::domain::notification::{Delivery, DeliveryState, NotificationId};
use crate::domain::state::State;
use crate::health::decisions::{NewAnswer, NewPlan, item_name};
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

/// An answer to a loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerView {
    /// Its identity.
    pub id: DecisionId,
    /// Which incident, as `rule/subject`.
    pub incident: String,
    /// Accepted or rejected.
    pub verdict: Verdict,
    /// What it covers, by name as far as it is known; hostile text.
    pub items: Vec<String>,
    /// Who.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanView {
    /// Its identity.
    pub id: DecisionId,
    /// What is going to happen.
    pub kind: PlanKind,
    /// The pattern that it was made with.
    pub pattern: String,
    /// How many repositories it covers.
    pub repositories: usize,
    /// How many Organizations it covers.
    pub organizations: usize,
    /// Credentials that it covers.
    pub credentials: Vec<CredentialName>,
    /// The old token of a rotation was revoked.
    pub revoked: bool,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Whether it is in force.
    pub active: bool,
    /// Who.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// What people decided about what is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DecisionsView {
    /// Answers to losses.
    pub answers: Vec<AnswerView>,
    /// Plans in force, and those that ended lately.
    pub plans: Vec<PlanView>,
}

impl AnswerView {
    /// The answer `id` as people see it.
    pub fn of(state: &State, id: &DecisionId) -> Option<Self> {
        let answer = state.decisions.answers.get(id)?;
        Some(Self {
            id: id.clone(),
            incident: answer.incident.to_string(),
            verdict: answer.verdict,
            items: answer.items.iter().map(|item| item_name(state, item)).collect(),
            author: answer.author.clone(),
            reason: answer.reason.clone(),
            at: answer.at,
        })
    }
}

impl PlanView {
    /// The plan `id` as people see it.
    pub fn of(state: &State, id: &DecisionId, now: DateTime<Utc>) -> Option<Self> {
        let plan = state.decisions.plans.get(id)?;
        Some(Self {
            id: id.clone(),
            kind: plan.kind,
            pattern: plan.pattern.clone(),
            repositories: plan.repositories.values().map(BTreeSet::len).sum(),
            organizations: plan.organizations.values().map(BTreeSet::len).sum(),
            credentials: plan.credentials.iter().cloned().collect(),
            revoked: plan.revoked,
            from: plan.from,
            until: plan.until,
            active: plan.is_active(now),
            author: plan.author.clone(),
            reason: plan.reason.clone(),
        })
    }
}

impl DecisionsView {
    /// Everything that was decided, as people see it.
    pub fn of(state: &State, now: DateTime<Utc>) -> Self {
        let decisions = &state.decisions;
        Self {
            answers: decisions.answers.keys().filter_map(|id| AnswerView::of(state, id)).collect(),
            plans: decisions.plans.keys().filter_map(|id| PlanView::of(state, id, now)).collect(),
        }
    }
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
    /// Accept or reject a loss.
    Answer {
        /// Its identity.
        id: DecisionId,
        /// What is said.
        new: Box<NewAnswer>,
        /// Gets it as it is now.
        answer: OperatorReply<AnswerView>,
    },
    /// Say what is going to happen.
    Plan {
        /// Its identity.
        id: DecisionId,
        /// What.
        new: Box<NewPlan>,
        /// Gets it as it is now.
        answer: OperatorReply<PlanView>,
    },
    /// Take an answer or a plan back.
    Undo {
        /// Which.
        id: DecisionId,
        /// Told when it is gone.
        answer: OperatorReply<()>,
    },
    /// Answers and plans.
    Decisions {
        /// Gets them.
        answer: OperatorReply<DecisionsView>,
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
