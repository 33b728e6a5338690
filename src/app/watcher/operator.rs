//! The watcher's answers to people: a change, an evaluation with its commit, then the answer.

use chrono::{DateTime, Utc};

use super::super::{chain, operations};
use super::{Arc, Watcher, telling};
use crate::domain::names::ReceiverName;
use crate::domain::notification::NotificationId;
use crate::domain::state::State;
use crate::snapshot::SilenceView;
use crate::web::{DecisionsView, OperatorRefusal, OperatorReply, OperatorRequest};

impl Watcher {
    pub(super) async fn on_operator(&mut self, request: OperatorRequest) {
        let now = self.parts.clock.now();
        match request {
            OperatorRequest::Silence { id, silence, breadth, answer } => {
                let made = self.change(|state| operations::silence(state, id, *silence, breadth, now)).await;
                let view = made.and_then(|id| {
                    let view = self.with_situation(now, |situation| SilenceView::of(&self.parts.state, &id, situation));
                    view.flatten().ok_or_else(|| OperatorRefusal::Unknown(format!("there is no silence {id} any more")))
                });
                reply(answer, view);
            }
            OperatorRequest::ExpireSilence { id, answer } => {
                reply(answer, self.change(|state| operations::expire_silence(state, &id, now)).await);
            }
            OperatorRequest::Acknowledge { incident, author, comment, answer } => {
                let change = |state: &mut State| operations::acknowledge(state, &incident, &author, &comment, now);
                reply(answer, self.change(change).await);
            }
            OperatorRequest::WithdrawAcknowledgement { incident, answer } => {
                reply(answer, self.change(|state| operations::withdraw(state, &incident)).await);
            }
            OperatorRequest::TestReceiver { receiver, answer } => {
                let sent = self.test_receiver(&receiver, now).await;
                reply(answer, sent);
            }
            OperatorRequest::Answer { id, new, answer } => {
                let fleet = Arc::clone(&self.fleet);
                let made = self.change(|state| operations::answer(state, &fleet, id, &new, now)).await;
                reply(answer, made);
            }
            OperatorRequest::Plan { id, new, answer } => {
                let fleet = Arc::clone(&self.fleet);
                let made = self.change(|state| operations::plan(state, &fleet, id, &new, now)).await;
                reply(answer, made);
            }
            OperatorRequest::Undo { id, answer } => {
                reply(answer, self.change(|state| operations::undo(state, &id)).await);
            }
            OperatorRequest::Decisions { answer } => {
                reply(answer, Ok(DecisionsView::of(&self.parts.state, now)));
            }
            OperatorRequest::Attention { answer } => {
                let view = self.with_situation(now, |situation| operations::attention(&self.parts.state, situation));
                reply(answer, Ok(view.unwrap_or_default()));
            }
            // The desk answers these by itself.
            OperatorRequest::Receivers { answer } => reply(answer, Ok(Vec::new())),
            OperatorRequest::Deliveries { answer, .. } => reply(answer, Ok(Vec::new())),
        }
    }

    /// Changes the state, and commits what follows from it.
    async fn change<T>(
        &mut self,
        change: impl FnOnce(&mut State) -> Result<T, OperatorRefusal>,
    ) -> Result<T, OperatorRefusal> {
        let changed = change(Arc::make_mut(&mut self.parts.state))?;
        self.evaluate().await.map_err(|error| {
            let cause = chain(&error);
            OperatorRefusal::Failed(format!(
                "it is in force, but could not be stored and a restart would forget it: {cause}"
            ))
        })?;
        Ok(changed)
    }

    async fn test_receiver(
        &mut self,
        receiver: &ReceiverName,
        now: DateTime<Utc>,
    ) -> Result<NotificationId, OperatorRefusal> {
        let wiring = Arc::clone(&self.parts.wiring);
        if !wiring.config().receivers.contains_key(receiver) {
            let known: Vec<_> = wiring.config().receivers.keys().map(ReceiverName::as_str).collect();
            let known = if known.is_empty() { "none is configured".to_owned() } else { known.join(", ") };
            return Err(OperatorRefusal::Unknown(format!("there is no receiver {receiver}; known: {known}")));
        }
        let fleet = Arc::clone(&self.fleet);
        let Some(herald) = &mut self.parts.herald else {
            return Err(OperatorRefusal::Failed("nothing is delivered here".to_owned()));
        };
        let outgoing = herald.test(receiver, telling(&wiring, &fleet, now));
        let id = outgoing.notification.id.clone();
        self.held.notifications.push(outgoing);
        self.evaluate().await.map_err(|error| {
            OperatorRefusal::Failed(format!("nothing is sent that was not stored first: {}", chain(&error)))
        })?;
        Ok(id)
    }

    fn with_situation<T>(
        &self,
        now: DateTime<Utc>,
        ask: impl FnOnce(&crate::notify::situation::Situation<'_>) -> T,
    ) -> Option<T> {
        let herald = self.parts.herald.as_ref()?;
        Some(herald.with_situation(telling(&self.parts.wiring, &self.fleet, now), ask))
    }
}

fn reply<T>(answer: OperatorReply<T>, result: Result<T, OperatorRefusal>) {
    // Whoever asked may be gone; what was asked for holds all the same.
    let _ = answer.send(result);
}
