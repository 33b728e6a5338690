//! Who was told of what, and what people answered. Part of the state: a restart tells nobody twice and forgets no promise.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::incident::{IncidentKey, Severity};
use super::matcher::Matcher;
use super::names::{ReceiverName, SilenceId};
use super::notification::{About, Dispatch};
use super::page::{Gap, Page};
use super::stored::pairs;

/// What delivery remembers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    /// Who was told of each problem that lasts.
    #[serde(default, with = "pairs")]
    pub announcements: BTreeMap<About, Announcement>,
    /// Incidents that somebody takes care of.
    #[serde(default, with = "pairs")]
    pub acknowledgements: BTreeMap<IncidentKey, Acknowledgement>,
    /// Silences that have not ended, and those that ended lately.
    #[serde(default)]
    pub silences: BTreeMap<SilenceId, Silence>,
    /// When snykwatch did not run: the latest few, oldest first.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

impl Attention {
    /// The latest time in which nobody watched and that reaches into `since` to `now`. What is seen first shortly after
    /// it may have begun during it.
    pub fn gap_between(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<Gap> {
        /// Until then everything was asked again.
        const FIRST_LOOK: TimeDelta = TimeDelta::minutes(15);
        self.gaps.iter().rev().find(|gap| gap.from < now && gap.to + FIRST_LOOK > since).copied()
    }
}

/// Who was told of a problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// The episode: when the incident opened.
    pub opened_at: DateTime<Utc>,
    /// When its cause began.
    pub since: DateTime<Utc>,
    /// How many events of this episode there were; part of their ids.
    pub sequence: u32,
    /// What people read last: the text of the end is made from it, when the incident itself is gone.
    pub page: Page,
    /// Who was told what last.
    pub receivers: BTreeMap<ReceiverName, Told>,
}

/// What a receiver was told last about a problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// With which severity it holds the problem open.
    pub severity: Severity,
    /// When it was last told anything about it: reminders count from here.
    pub at: DateTime<Utc>,
    /// How many integrations were affected then.
    pub affected: usize,
    /// What was listed then, as one number: a digest is due when it is another.
    pub listed: u64,
    /// A silence or a mute time has begun since.
    pub is_silenced: bool,
    /// How many rows of the ladder towards the incident's date it knows of.
    #[serde(default)]
    pub step: usize,
    /// Of which acknowledgement it knows: when that was made.
    #[serde(default)]
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// It rejected this for good: it is told anew, from time to time and once it takes notifications again.
    #[serde(default)]
    pub is_lost: bool,
    /// Whether it was really told.
    pub dispatch: Dispatch,
}

/// Somebody takes care of an incident. It ends with the episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The episode.
    pub opened_at: DateTime<Utc>,
    /// Who.
    pub author: String,
    /// What they say about it.
    pub comment: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Somebody does not want to hear of something for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Of what.
    pub matcher: Matcher,
    /// Who wants it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// From when on.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
}

impl Silence {
    /// Whether it is in force.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.starts_at <= now && now < self.ends_at
    }
}
