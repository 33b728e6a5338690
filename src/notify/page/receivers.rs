//! Receivers themselves: one that does not take what it is sent, one that is tested.

use super::heading::cut;
use super::links::own;
use super::scene::plain;
use crate::domain::kinds::Source;
use crate::domain::names::ReceiverName;
use crate::domain::notification::FailureReason;
use crate::domain::page::{Claim, Page};
use crate::health::incidents::text::{instant, span};
use crate::notify::situation::Situation;

pub(super) fn failing(receiver: &ReceiverName, situation: &Situation<'_>) -> Page {
    let links = own(situation, "", "ReceiverFailing");
    let Some(failing) = situation.failing.get(receiver) else {
        return Page {
            title: cut(&plain(&format!("ReceiverFailing: {receiver}"))),
            summary: format!("The receiver {receiver} takes what it is sent again."),
            next_step: "No action needed.".to_owned(),
            links,
            ..Page::default()
        };
    };
    let reason = failing.failure.reason;
    let lasting = span(situation.now - failing.since);
    Page {
        title: cut(&plain(&format!("ReceiverFailing: {receiver} for {lasting}"))),
        summary: format!(
            "The receiver {receiver} has taken no notification for {lasting} (since {}): {}. Whoever relies on it is \
             not told of anything; you read this because another receiver took it.",
            instant(failing.since),
            plain(&failing.failure.detail),
        ),
        evidence: vec![Claim {
            text: format!("Its last attempt failed by {reason}: {}.", plain(&failing.failure.detail)),
            source: Source::Measured,
            observed_at: None,
        }],
        next_step: next_step(receiver, reason),
        noticed: Some(
            "At the first notification that it takes. What it rejected and still lasts is told anew then.".to_owned(),
        ),
        links,
        ..Page::default()
    }
}

fn next_step(receiver: &ReceiverName, reason: FailureReason) -> String {
    let what = match reason {
        FailureReason::Unauthorized => "Give this receiver a valid key or token under `alerts.receivers`",
        FailureReason::Rejected => {
            "Read what it answers; correct its address, key or template under `alerts.receivers`"
        }
        FailureReason::Address | FailureReason::Connection | FailureReason::Tls | FailureReason::Timeout => {
            "Check its address, and DNS, proxy and TLS between here and there"
        }
        FailureReason::Internal => "Read the log of snykwatch: the failure is its own",
        FailureReason::Unconfigured => "Configure the receiver again, or take it out of every route",
        FailureReason::InvalidAnswer => "Check that its address is that of the receiver itself, not of a page or proxy",
        FailureReason::RateLimited | FailureReason::ServerError | FailureReason::Expired => {
            "Look at the status of the service behind it"
        }
    };
    format!("(snykwatch operator) {what}; then try it with `snykwatch test-receiver {receiver}`.")
}

pub(super) fn test(receiver: &ReceiverName, situation: &Situation<'_>) -> Page {
    Page {
        title: cut(&plain(&format!("Test of the receiver {receiver}"))),
        summary: format!(
            "Somebody asked snykwatch to try the receiver {receiver} ({}). Nothing is wrong: that you read this is the \
             whole result.",
            instant(situation.now),
        ),
        evidence: vec![Claim {
            text: "A claim looks like this, with its source and its time.".to_owned(),
            source: Source::Measured,
            observed_at: Some(situation.now),
        }],
        next_step: "No action needed.".to_owned(),
        links: own(situation, "", "ReceiverTest"),
        ..Page::default()
    }
}
