//! A clock of ours that stays wrong. It opens no incident, since it says nothing of an integration, and while it lasts none
//! opens or grows worse by time alone: so somebody must hear of it.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::domain::evidence::EvidenceBook;
use crate::health::words::span;

/// A jump is settled by the first answers, and a time server corrects what it can within minutes.
const LASTS_AFTER: Duration = Duration::from_mins(5);

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Our clock is ahead of every API by so much at least.
    Off(TimeDelta),
    /// The wall clock is ahead of our time by so much, and nobody has told which of the two is right.
    InDoubt(TimeDelta),
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |ahead: &TimeDelta| if *ahead < TimeDelta::zero() { "behind" } else { "ahead of" };
        match self {
            Self::Off(ahead) => {
                write!(formatter, "our clock is {} {} the date of every API", span(ahead.abs()), side(ahead))?;
            }
            Self::InDoubt(ahead) => {
                let (by, side) = (span(ahead.abs()), side(ahead));
                write!(
                    formatter,
                    "the clock of this machine jumped, to {by} {side} our time, and no date of an API settles \
                     which of the two is right"
                )?;
            }
        }
        formatter.write_str(
            "; until it is right nothing opens or grows worse because of time alone, and verdicts about dates are unknown: \
             set the clock of this machine (NTP)",
        )
    }
}

/// What is wrong with our clock now, if anything.
pub(super) fn trouble(evidence: &EvidenceBook, limit: TimeDelta) -> Option<Trouble> {
    let in_doubt = || evidence.clock_doubt.map(|doubt| Trouble::InDoubt(doubt.offset));
    evidence.clock_off(limit).map(Trouble::Off).or_else(in_doubt)
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It has been wrong for long.
    Wrong(Trouble),
    /// It is right again.
    Right,
}

/// Remembers for how long our clock has been wrong. Real time.
#[derive(Debug, Default)]
pub(super) struct OwnClock {
    wrong_since: Option<Instant>,
    told: Option<Trouble>,
}

impl OwnClock {
    /// Takes in what is wrong now; gives what is to be told of it, once each.
    pub(super) fn look(&mut self, found: Option<Trouble>, now: Instant) -> Option<News> {
        let Some(found) = found else {
            self.wrong_since = None;
            return self.told.take().map(|_| News::Right);
        };
        let since = *self.wrong_since.get_or_insert(now);
        let lasts = now.saturating_duration_since(since) >= LASTS_AFTER;
        if !lasts || self.told.is_some() {
            return None;
        }
        self.told = Some(found);
        Some(News::Wrong(found))
    }

    /// What was told, while it lasts.
    pub(super) fn told(&self) -> Option<Trouble> {
        self.told
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::domain::evidence::ClockDoubt;

    const HOUR: Trouble = Trouble::Off(TimeDelta::hours(-1));

    #[tokio::test]
    async fn a_clock_that_stays_wrong_is_told_once_and_so_is_its_end() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut clock = OwnClock::default();
        assert_eq!(clock.look(None, at(0)), None);
        assert_eq!(clock.look(Some(HOUR), at(30)), None);
        assert_eq!(clock.look(Some(HOUR), at(329)), None);
        assert_eq!((clock.look(Some(HOUR), at(330)), clock.told()), (Some(News::Wrong(HOUR)), Some(HOUR)));
        assert_eq!(clock.look(Some(HOUR), at(900)), None);
        assert_eq!((clock.look(None, at(901)), clock.told()), (Some(News::Right), None));
        assert_eq!(clock.look(None, at(902)), None);
    }

    #[tokio::test]
    async fn what_was_wrong_for_a_moment_is_told_to_nobody() {
        let begin = Instant::now();
        let mut clock = OwnClock::default();
        for minute in 0..20 {
            let found = (minute % 4 != 3).then_some(HOUR);
            assert_eq!(clock.look(found, begin + Duration::from_mins(minute)), None, "{minute}");
        }
    }

    #[test]
    fn it_is_wrong_against_every_api_or_in_doubt() {
        let limit = TimeDelta::minutes(5);
        let mut book = EvidenceBook::default();
        assert_eq!(trouble(&book, limit), None);
        let mut tell = |api: &str, minutes| {
            book.apis.entry(api.into()).or_default().clock_skew = Some(TimeDelta::minutes(minutes));
            book.clone()
        };
        assert_eq!(trouble(&tell("snyk", -70), limit), Some(Trouble::Off(TimeDelta::minutes(-70))));
        let mut both = tell("bitbucket", -60);
        assert_eq!(trouble(&both, limit), Some(HOUR));
        // One whose own clock is wrong says nothing of ours.
        assert_eq!(trouble(&tell("bitbucket", 0), limit), None);
        both.apis.clear();
        both.clock_doubt = Some(ClockDoubt { since: chrono::DateTime::UNIX_EPOCH, offset: TimeDelta::hours(1) });
        assert_eq!(trouble(&both, limit), Some(Trouble::InDoubt(TimeDelta::hours(1))));
        assert_snapshot!(format!("{HOUR}\n{}", Trouble::InDoubt(TimeDelta::hours(1))), @r"
        our clock is 60 min behind the date of every API; until it is right nothing opens or grows worse because of time alone, and verdicts about dates are unknown: set the clock of this machine (NTP)
        the clock of this machine jumped, to 60 min ahead of our time, and no date of an API settles which of the two is right; until it is right nothing opens or grows worse because of time alone, and verdicts about dates are unknown: set the clock of this machine (NTP)
        ");
    }
}
