//! What people ask for: silences and acknowledgements. Each changes the state and nothing else; an evaluation follows.
//!
//! A request that is repeated (its answer was lost) is answered as it was the first time. What people say is made harmless
//! before it is looked at, so that a name of invisible characters alone is none; what is compared with names is refused
//! instead, since without such a character it would mean something else.

use chrono::{DateTime, Utc};

use super::find;
use crate::domain::attention::{Acknowledgement, Counted, Forgotten, Silence};
use crate::domain::incident::{IncidentKey, IncidentPhase};
use crate::domain::matcher::Matcher;
use crate::domain::names::SilenceId;
use crate::domain::state::State;
use crate::domain::text::{first_hostile, is_blank, one_line};

/// The longest name of a person, in characters.
pub const LONGEST_AUTHOR: usize = 200;
/// The longest reason or comment, in characters: a page, not a book, in every commit.
pub const LONGEST_REASON: usize = 2_000;
/// The longest id, pattern or incident in a matcher, in characters.
pub const LONGEST_WORD: usize = 500;
/// The most patterns of one kind in a matcher.
pub const MOST_PATTERNS: usize = 100;
/// The most silences that have not ended: each is looked at for each incident.
pub const MOST_SILENCES: usize = 1_000;

/// How much a silence may cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breadth {
    /// What its matcher says; one that matches everything is a mistake.
    Matching,
    /// Everything, and the person knows.
    Everything,
}

/// Why a request is refused, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A text is needed.
    #[error("{field} is empty: say {wanted}")]
    Empty {
        /// Which.
        field: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
    /// A text, or a list, is too long.
    #[error("{field} is too long: {longest} at most")]
    TooLong {
        /// Which.
        field: &'static str,
        /// How long it may be.
        longest: usize,
    },
    /// A text that is compared with names holds a character that no name has.
    #[error("{field} holds the character U+{code:04X}, which is not seen or changes what is seen: write it without")]
    Hostile {
        /// Which.
        field: &'static str,
        /// The character.
        code: u32,
    },
    /// A silence must end after it starts.
    #[error("the silence would end at {ends_at}, before it starts ({starts_at}): give a later end")]
    EndsBeforeStart {
        /// Its start.
        starts_at: DateTime<Utc>,
        /// Its end.
        ends_at: DateTime<Utc>,
    },
    /// A silence must end in the future.
    #[error("the silence would have ended already, at {ends_at} (now: {now}): give an end in the future")]
    EndsInThePast {
        /// Its end.
        ends_at: DateTime<Utc>,
        /// The present.
        now: DateTime<Utc>,
    },
    /// The matcher is empty.
    #[error("the silence would cover every incident: name what it is about, or say that everything is meant")]
    CoversEverything,
    /// There are too many.
    #[error("there are {most} silences already: expire those that are no longer needed")]
    TooManySilences {
        /// How many there may be.
        most: usize,
    },
    /// The id is another silence's.
    #[error("the silence {id} exists with another content: expire it and make a new one")]
    SilenceExists {
        /// Which.
        id: SilenceId,
    },
    /// No such silence.
    #[error("there is no silence {id}: list the silences for their ids")]
    UnknownSilence {
        /// Which.
        id: SilenceId,
    },
    /// No such incident.
    #[error("there is no open incident {incident}: list the incidents for their ids (RULE/SUBJECT)")]
    UnknownIncident {
        /// What was asked for.
        incident: String,
    },
    /// It is not open yet: nobody was told of it.
    #[error("the incident {incident} is pending, and nobody was told of it: make a silence to keep it quiet")]
    NotOpen {
        /// Which.
        incident: String,
    },
    /// Nobody has acknowledged it.
    #[error("the incident {incident} is not acknowledged: there is nothing to withdraw")]
    NotAcknowledged {
        /// Which.
        incident: String,
    },
}

/// Keeps what `silence` covers from people. The caller gives the id: a repeated request makes no second silence.
///
/// # Errors
/// When it is incomplete, out of bounds, ends too early, or covers everything without saying so.
pub fn silence(
    state: &mut State,
    id: SilenceId,
    silence: Silence,
    breadth: Breadth,
    now: DateTime<Utc>,
) -> Result<SilenceId, RequestError> {
    named("the id", id.as_str(), "a name for the silence")?;
    let silence = Silence { author: one_line(&silence.author), reason: one_line(&silence.reason), ..silence };
    within("the author", &silence.author, LONGEST_AUTHOR, "who wants the silence")?;
    within("the reason", &silence.reason, LONGEST_REASON, "why")?;
    check_matcher(&silence.matcher, breadth)?;
    let silences = &mut state.attention.silences;
    match silences.get(&id) {
        Some(known) if *known == silence => return Ok(id),
        Some(_) => return Err(RequestError::SilenceExists { id }),
        None => {}
    }
    let Silence { starts_at, ends_at, .. } = silence;
    if ends_at <= starts_at {
        return Err(RequestError::EndsBeforeStart { starts_at, ends_at });
    }
    if ends_at <= now {
        return Err(RequestError::EndsInThePast { ends_at, now });
    }
    if silences.values().filter(|known| now < known.ends_at).count() >= MOST_SILENCES {
        return Err(RequestError::TooManySilences { most: MOST_SILENCES });
    }
    silences.insert(id.clone(), silence);
    Ok(id)
}

/// Ends a silence now; one that has not started never will. One that ended already stays as it is.
///
/// # Errors
/// When there is none of this id, or no longer.
pub fn expire_silence(state: &mut State, id: &SilenceId, now: DateTime<Utc>) -> Result<(), RequestError> {
    let silence = state.attention.silences.get_mut(id);
    let silence = silence.ok_or_else(|| RequestError::UnknownSilence { id: id.clone() })?;
    if now < silence.ends_at {
        // Now is no instant that somebody gave: a clock that is set back brings nothing back.
        silence.ends_at = now;
        silence.counted = Counted::Span;
    }
    silence.starts_at = silence.starts_at.min(silence.ends_at);
    Ok(())
}

/// Notes that somebody takes care of an incident, named as `rule/subject`, until it ends or they withdraw. Another
/// person's acknowledgement takes the place of the one before; the same one's, with the same comment, changes nothing.
///
/// # Errors
/// When no such incident is open, the author is missing, or a text is too long.
pub fn acknowledge(
    state: &mut State,
    incident: &str,
    author: &str,
    comment: &str,
    now: DateTime<Utc>,
) -> Result<IncidentKey, RequestError> {
    let (author, comment) = (one_line(author), one_line(comment));
    within("the author", &author, LONGEST_AUTHOR, "who takes care of it")?;
    if comment.chars().count() > LONGEST_REASON {
        return Err(RequestError::TooLong { field: "the comment", longest: LONGEST_REASON });
    }
    let (key, opened_at) = open(state, incident)?;
    let known = state.attention.acknowledgements.get(&key);
    if known.is_none_or(|known| known.author != author || known.comment != comment || known.opened_at != opened_at) {
        let acknowledgement = Acknowledgement { opened_at, author, comment, at: now };
        state.attention.acknowledgements.insert(key.clone(), acknowledgement);
    }
    Ok(key)
}

/// Takes an acknowledgement back: reminders, growth and digests are told again.
///
/// # Errors
/// When no such incident is open, or nobody has acknowledged it.
pub fn withdraw_acknowledgement(state: &mut State, incident: &str) -> Result<IncidentKey, RequestError> {
    let (key, _) = open(state, incident)?;
    match state.attention.acknowledgements.remove(&key) {
        Some(_) => Ok(key),
        None => Err(RequestError::NotAcknowledged { incident: incident.to_owned() }),
    }
}

fn open(state: &State, incident: &str) -> Result<(IncidentKey, DateTime<Utc>), RequestError> {
    match find(state, incident).map(|(key, incident)| (key, incident.phase)) {
        Some((key, IncidentPhase::Open { opened_at })) => Ok((key.clone(), opened_at)),
        Some((_, IncidentPhase::Pending)) => Err(RequestError::NotOpen { incident: incident.to_owned() }),
        None => {
            // What was asked for goes back to whoever asked: not all of a book.
            let incident = one_line(incident).chars().take(LONGEST_WORD).collect();
            Err(RequestError::UnknownIncident { incident })
        }
    }
}

fn within(field: &'static str, text: &str, longest: usize, wanted: &'static str) -> Result<(), RequestError> {
    if is_blank(text) {
        return Err(RequestError::Empty { field, wanted });
    }
    if text.chars().count() > longest {
        return Err(RequestError::TooLong { field, longest });
    }
    Ok(())
}

/// A text that is compared with names.
fn named(field: &'static str, text: &str, wanted: &'static str) -> Result<(), RequestError> {
    within(field, text, LONGEST_WORD, wanted)?;
    match first_hostile(text) {
        Some(character) => Err(RequestError::Hostile { field, code: u32::from(character) }),
        None => Ok(()),
    }
}

fn check_matcher(matcher: &Matcher, breadth: Breadth) -> Result<(), RequestError> {
    let Matcher { integrations, owners, credentials, incident, .. } = matcher;
    let lists = [("the list of integrations", integrations), ("the list of owners", owners)];
    for (field, patterns) in lists.into_iter().chain([("the list of credentials", credentials)]) {
        if patterns.len() > MOST_PATTERNS {
            return Err(RequestError::TooLong { field, longest: MOST_PATTERNS });
        }
        patterns.iter().try_for_each(|pattern| named("a pattern", pattern, "what it matches"))?;
    }
    incident.iter().try_for_each(|incident| named("the incident", incident, "RULE/SUBJECT"))?;
    if matcher.is_empty() && breadth == Breadth::Matching {
        return Err(RequestError::CoversEverything);
    }
    Ok(())
}

/// What waited to be sent was lost with the store's file, and nobody knows what it was: what lasts is told anew, and what
/// is over counts as forgotten; both by the same keys.
pub fn tell_anew(state: &mut State, now: DateTime<Utc>) {
    for announcement in state.attention.announcements.values_mut() {
        announcement.receivers.values_mut().for_each(|told| told.is_lost = true);
    }
    state.attention.forgotten = Some(Forgotten::since(now));
}
