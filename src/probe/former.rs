//! Secrets that were in use before the present ones, to learn when each stops working: only then an asset that moves proves
//! that the new one is saved in Snyk.
//!
//! A former secret lives in memory alone, inside the client that was made with it, which goes on to know the hosts it was
//! made for and to take it out of every text. It is never stored: after a restart there is none, and other proofs have to
//! do. It is dropped as soon as nothing is to be learned with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::scm::ScmProbes;
use crate::domain::names::CredentialName;
use crate::domain::state::CredentialState;

/// A token is not asked with for longer than this after its known end: clocks and dates are that wrong at most.
const ASKED_AFTER_END: TimeDelta = TimeDelta::hours(24);

/// Secrets of one credential that are kept. More than the one that was accepted last are there only while new ones are
/// rejected, one after the other.
const MOST_KEPT: usize = 8;

/// The former secrets of a process. It survives a reload, as [`ProbeMemory`](super::ProbeMemory) does.
#[derive(Debug, Default)]
pub struct FormerSecrets(Mutex<BTreeMap<CredentialName, Vec<Former>>>);

#[derive(Debug)]
struct Former {
    /// The keyed hash by which the state knows it.
    version: String,
    probes: Arc<dyn ScmProbes>,
}

impl FormerSecrets {
    fn all(&self) -> MutexGuard<'_, BTreeMap<CredentialName, Vec<Former>>> {
        // Nothing panics while the lock is held, so a poisoned lock holds a sound value.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was in use until now.
    pub fn keep(&self, name: &CredentialName, version: &str, probes: Arc<dyn ScmProbes>) {
        let mut all = self.all();
        let kept = all.entry(name.clone()).or_default();
        kept.retain(|former| former.version != version);
        kept.push(Former { version: version.to_owned(), probes });
        if kept.len() > MOST_KEPT {
            kept.remove(0);
        }
    }

    /// Forgets all of a credential.
    pub fn forget(&self, name: &CredentialName) {
        self.all().remove(name);
    }

    /// Forgets those of credentials that are no longer configured.
    pub fn retain(&self, is_configured: impl Fn(&CredentialName) -> bool) {
        self.all().retain(|name, _| is_configured(name));
    }

    /// The versions that are kept of a credential.
    #[cfg(test)]
    pub(crate) fn versions(&self, name: &CredentialName) -> Vec<String> {
        self.all().get(name).into_iter().flatten().map(|former| former.version.clone()).collect()
    }

    /// The one to ask with now, if there is any. `present` is the version of the secret that is configured now.
    pub(super) fn to_ask_with(
        &self,
        name: &CredentialName,
        memory: Option<&CredentialState>,
        present: Option<&str>,
        now: DateTime<Utc>,
    ) -> Option<Arc<dyn ScmProbes>> {
        match wanted(memory?, present?, now) {
            Wanted::NotYet => None,
            Wanted::Nothing => {
                self.forget(name);
                None
            }
            Wanted::Answer(version) => {
                let mut all = self.all();
                let kept = all.get_mut(name)?;
                kept.retain(|former| former.version == version);
                kept.first().map(|former| Arc::clone(&former.probes))
            }
        }
    }
}

/// What is to be learned with a former secret.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    /// The present one was not accepted yet: perhaps it is a bad copy, and nothing was rotated.
    NotYet,
    /// All is known.
    Nothing,
    /// Whether this one still works.
    Answer(&'a str),
}

fn wanted<'a>(memory: &'a CredentialState, present: &str, now: DateTime<Utc>) -> Wanted<'a> {
    if memory.accepted_secret.as_deref() != Some(present) {
        return Wanted::NotYet;
    }
    let Some((_, noticed_at)) = memory.rotated_from.as_ref() else { return Wanted::Nothing };
    let Some(previous) = memory.previous_secret.as_deref().filter(|previous| *previous != present) else {
        return Wanted::Nothing;
    };
    // What was judged of an earlier rotation is about an earlier secret.
    let judged = memory.rotation.as_ref().filter(|rotation| rotation.seen_at >= *noticed_at);
    let end = judged.and_then(|rotation| rotation.old.ends_at()).or(memory.previous_expiry);
    let is_over = end.is_some_and(|end| now - end > ASKED_AFTER_END);
    if memory.previous_rejected_at.is_some() || is_over { Wanted::Nothing } else { Wanted::Answer(previous) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rotation::{OldToken, Rotation, RotationSource};

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn rotated() -> CredentialState {
        CredentialState {
            accepted_secret: Some("new".to_owned()),
            previous_secret: Some("old".to_owned()),
            rotated_from: Some(("t1".to_owned(), at(10))),
            ..CredentialState::default()
        }
    }

    fn rotation(seen_at: DateTime<Utc>, expires_at: DateTime<Utc>) -> Rotation {
        Rotation {
            at: seen_at,
            source: RotationSource::FirstUse,
            seen_at,
            old: OldToken { expires_at: Some(expires_at), ..OldToken::default() },
            saved: BTreeMap::new(),
            outstanding: std::collections::BTreeSet::new(),
            untold: BTreeMap::new(),
            unused: std::collections::BTreeSet::new(),
            done_at: None,
        }
    }

    #[test]
    fn the_old_one_is_asked_with_until_its_end_is_known() {
        let check = |change: fn(&mut CredentialState), expected: Wanted<'_>| {
            let mut memory = rotated();
            change(&mut memory);
            assert_eq!(wanted(&memory, "new", at(100)), expected, "{memory:?}");
        };
        check(|_| {}, Wanted::Answer("old"));
        check(|memory| memory.previous_rejected_since = Some(at(99)), Wanted::Answer("old"));
        check(|memory| memory.previous_rejected_at = Some(at(99)), Wanted::Nothing);
        check(|memory| memory.previous_expiry = Some(at(76)), Wanted::Answer("old"));
        check(|memory| memory.previous_expiry = Some(at(75)), Wanted::Nothing);
        check(|memory| memory.rotation = Some(rotation(at(10), at(75))), Wanted::Nothing);
        check(|memory| memory.rotation = Some(rotation(at(9), at(75))), Wanted::Answer("old"));
    }

    #[test]
    fn without_a_rotation_there_is_no_old_one() {
        let check = |change: fn(&mut CredentialState), expected: Wanted<'_>| {
            let mut memory = rotated();
            change(&mut memory);
            assert_eq!(wanted(&memory, "new", at(100)), expected, "{memory:?}");
        };
        // A bad copy of the token takes its place in our file only.
        check(|memory| memory.accepted_secret = Some("old".to_owned()), Wanted::NotYet);
        check(|memory| memory.accepted_secret = None, Wanted::NotYet);
        check(|memory| memory.rotated_from = None, Wanted::Nothing);
        check(|memory| memory.previous_secret = None, Wanted::Nothing);
        check(|memory| memory.previous_secret = Some("new".to_owned()), Wanted::Nothing);
    }
}
