//! What may go wrong, and how often it did.
//!
//! What counts, by what snykwatch promises about restarts, lost state and keys:
//!
//! - a **loss**: a problem lasts and the pager or Alertmanager does not show it, or it is over and they still do; a
//!   transition without its notification; a message that the store calls delivered and nobody got. After the memory was
//!   lost this holds for receivers that keep alerts open; people who read messages are not told the end of what nobody
//!   remembers.
//! - a **double**: somebody hears twice of one episode, by another identity. The same identity again is a *repeat*, and
//!   legal: receivers drop it.
//! - told **anew**: the same after the memory was lost or fell back to an older one. What is broken begins again then, by
//!   the same keys: one that is open at the pager rings nobody again. Where it had grown worse before, it begins again at
//!   its first severity, which is another key. What an older memory holds open is told once more when it is seen to last,
//!   which may be in a later event. Legal, and counted apart.
//! - a **false page**: about what was not so, neither before nor after. A **false resolve**: of what lasts.
//! - an **exit**: the daemon ended by itself. Only code 74 is legal, for a state file that was cut while nobody ran: it
//!   says what to do, and that is done.
//! - **unnoticed**: what became of the state file, or of the clock, was not told within a minute.

use std::collections::BTreeMap;
use std::fmt;

use super::events::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Loss,
    Double,
    FalsePage,
    FalseResolve,
    Exit,
    Unnoticed,
    /// A message that a receiver refused, an error in the log, a panic.
    Other,
}

impl Fault {
    const ALL: [Self; 7] =
        [Self::Loss, Self::Double, Self::FalsePage, Self::FalseResolve, Self::Exit, Self::Unnoticed, Self::Other];
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Loss => "losses",
            Self::Double => "doubles",
            Self::FalsePage => "false pages",
            Self::FalseResolve => "false resolves",
            Self::Exit => "exits",
            Self::Unnoticed => "unnoticed",
            Self::Other => "other",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) fault: Fault,
    pub(crate) what: String,
}

impl Breach {
    pub(crate) fn new(fault: Fault, what: impl Into<String>) -> Self {
        Self { fault, what: what.into() }
    }
}

/// What became of all events of one kind.
#[derive(Debug, Clone, Default)]
struct Row {
    events: usize,
    skipped: usize,
    faults: BTreeMap<Fault, usize>,
    repeats: usize,
    anew: usize,
}

/// What became of everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(BTreeMap<Kind, Row>);

impl Table {
    pub(crate) fn events(&self) -> usize {
        self.0.values().map(|row| row.events).sum()
    }

    pub(crate) fn breaches(&self) -> usize {
        self.0.values().flat_map(|row| row.faults.values()).sum()
    }

    pub(crate) fn on_events(&mut self, kind: Kind, events: usize) {
        self.row(kind).events += events;
    }

    pub(crate) fn on_skipped(&mut self, kind: Kind) {
        self.row(kind).skipped += 1;
    }

    pub(crate) fn on_breaches(&mut self, kind: Kind, breaches: &[Breach]) {
        for breach in breaches {
            *self.row(kind).faults.entry(breach.fault).or_default() += 1;
        }
    }

    pub(crate) fn on_legal(&mut self, kind: Kind, repeats: usize, anew: usize) {
        self.row(kind).repeats += repeats;
        self.row(kind).anew += anew;
    }

    fn row(&mut self, kind: Kind) -> &mut Row {
        self.0.entry(kind).or_default()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (kind, row) in &other.0 {
            let own = self.row(*kind);
            own.events += row.events;
            own.skipped += row.skipped;
            own.repeats += row.repeats;
            own.anew += row.anew;
            for (fault, count) in &row.faults {
                *own.faults.entry(*fault).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kind, events, skipped, repeats, anew] = ["kind", "events", "skipped", "repeats", "anew"];
        write!(formatter, "{kind:<44} {events:>6} {skipped:>7}")?;
        for fault in Fault::ALL {
            write!(formatter, " {fault:>14}")?;
        }
        writeln!(formatter, " {repeats:>7} {anew:>5}")?;
        let mut sum = Row::default();
        for (kind, row) in &self.0 {
            line(formatter, &kind.to_string(), row)?;
            sum.events += row.events;
            sum.skipped += row.skipped;
            sum.repeats += row.repeats;
            sum.anew += row.anew;
            for (fault, count) in &row.faults {
                *sum.faults.entry(*fault).or_default() += count;
            }
        }
        line(formatter, "all", &sum)
    }
}

fn line(formatter: &mut fmt::Formatter<'_>, name: &str, row: &Row) -> fmt::Result {
    write!(formatter, "{name:<44} {:>6} {:>7}", row.events, row.skipped)?;
    for fault in Fault::ALL {
        write!(formatter, " {:>14}", row.faults.get(&fault).copied().unwrap_or_default())?;
    }
    writeln!(formatter, " {:>7} {:>5}", row.repeats, row.anew)
}
