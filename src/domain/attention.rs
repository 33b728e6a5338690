//! Who was told of what, and what people answered. Part of the state: a restart tells nobody twice and forgets no promise.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::incident::{IncidentKey, Severity};
use super::kinds::closed_list;
use super::matcher::Matcher;
use super::names::{IntegrationKey, ReceiverName, SilenceId};
use super::notification::{About, Dispatch, RouteId};
use super::page::{Gap, Page};
use super::stored::pairs;
use super::text::typed;

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
    /// Problems that opened recently, whether or not they last: one that does so again and again is flapping.
    #[serde(default, with = "pairs")]
    pub recurrences: BTreeMap<IncidentKey, Recurrence>,
    /// What the next digest of each route lists.
    #[serde(default, with = "pairs")]
    pub digests: BTreeMap<RouteId, Digest>,
    /// What receivers that keep alerts open may hold open since before the state was lost.
    #[serde(default)]
    pub forgotten: Option<Forgotten>,
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

/// What nobody remembers to owe: the state was lost, or fell back to an older one, with who was told of what. Keys hold no
/// time, so each that may be open is ended once, when its subject is first seen to be well; and what an older state holds
/// open may have been ended since, so that it is told once more when it is first seen to last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// When the loss was noticed; part of the ids.
    pub since: DateTime<Utc>,
    /// Seen to be well: the end is to be told. With what hangs on it, which leads to the pages that are linked.
    #[serde(with = "pairs")]
    pub due: BTreeMap<IncidentKey, Vec<IntegrationKey>>,
    /// The end was told, or nobody can have heard of it.
    pub settled: BTreeSet<IncidentKey>,
    /// Open, and seen to last since; and whether what that means was told.
    #[serde(default, with = "pairs")]
    pub lasting: BTreeMap<IncidentKey, bool>,
}

impl Forgotten {
    /// Everything is owed.
    pub fn since(since: DateTime<Utc>) -> Self {
        Self { since, due: BTreeMap::new(), settled: BTreeSet::new(), lasting: BTreeMap::new() }
    }
}

/// Who was told of a problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// The episode: when the incident opened.
    pub opened_at: DateTime<Utc>,
    /// When its cause began.
    pub since: DateTime<Utc>,
    /// The last change of it: from here on nobody acted.
    pub changed: LastChange,
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
    /// When it was last told that more are affected.
    #[serde(default)]
    pub grown_at: Option<DateTime<Utc>>,
    /// It knows that nobody acts: from then on the problem is in its digest alone.
    #[serde(default)]
    pub is_standing: bool,
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

/// The last change of a problem, and what the next one is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// When.
    pub at: DateTime<Utc>,
    /// How bad it was then.
    pub severity: Severity,
    /// How many rows of the ladder towards its date were reached then.
    pub step: usize,
    /// The least that was left to repair since then: fewer is progress.
    pub remaining: usize,
}

/// How often a problem opened recently. It outlives the episodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// Its openings, oldest first.
    pub openings: Vec<Opening>,
    /// The last of them is flapping: held open over the ends and beginnings of the problem.
    pub is_flapping: bool,
    /// How often the problem began again while it was held open.
    pub again: u32,
    /// Since when a flapping one has been well; `None`: it is not.
    pub well_since: Option<DateTime<Utc>>,
}

impl Recurrence {
    /// When the cause of the first of them began.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.openings.iter().map(|opening| opening.since).min()
    }
}

/// One opening of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// When it opened.
    pub opened_at: DateTime<Utc>,
    /// When its cause began.
    pub since: DateTime<Utc>,
}

/// What the next digest of a route lists, and when the last one was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// When the last one was due, whether or not there was anything to list; at first, when the route was first seen.
    pub at: DateTime<Utc>,
    /// Problems that last, and those that ended since.
    #[serde(with = "pairs")]
    pub problems: BTreeMap<IncidentKey, DigestEntry>,
    /// Whether digests are sent or only noted.
    pub dispatch: Dispatch,
}

/// A problem in a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestEntry {
    /// The episode.
    pub opened_at: DateTime<Utc>,
    /// What people know it by, when the incident itself is gone.
    pub title: String,
    /// Whose part of the digest it belongs to.
    pub owners: Vec<String>,
    /// When it ended, if it has.
    pub ended_at: Option<DateTime<Utc>>,
    /// A digest listed it already.
    pub is_listed: bool,
}

/// Somebody takes care of an incident. It ends with the episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The episode.
    pub opened_at: DateTime<Utc>,
    /// Who.
    #[serde(deserialize_with = "typed")]
    pub author: String,
    /// What they say about it.
    #[serde(deserialize_with = "typed")]
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
    #[serde(deserialize_with = "typed")]
    pub author: String,
    /// Why.
    #[serde(deserialize_with = "typed")]
    pub reason: String,
    /// From when on.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// What of it our own clock gave.
    #[serde(default, skip_serializing_if = "Counted::is_span")]
    pub counted: Counted,
}

closed_list! {
    /// Which ends of a silence count from the moment in which it was made: they move when the clock is set. What people
    /// gave as an instant stays.
    #[derive(Default)]
    Counted {
        /// Both: from now on, for so long.
        #[default]
        Span => "span",
        /// Its start: from now on, until an instant.
        Start => "start",
        /// Neither.
        Instants => "instants",
    }
}

impl Counted {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_span(&self) -> bool {
        *self == Self::Span
    }
}

impl Silence {
    /// Whether it is in force.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.starts_at <= now && now < self.ends_at
    }
}
