//! When more affected integrations are news.

use chrono::TimeDelta;

use crate::domain::incident::Subject;

/// When more affected integrations are news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    /// They share a cause: the blast radius of one problem. Whoever repairs it has to know how far it reaches.
    BlastRadius,
    /// They are listed together without a shared cause: a few more of the same need no other answer.
    Members,
}

impl Growth {
    /// That of incidents about `subject`.
    pub(crate) const fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Organizations(_) => Self::Members,
            Subject::Network
            | Subject::Credential(_)
            | Subject::Api(_)
            | Subject::Workspace(..)
            | Subject::Integration(_) => Self::BlastRadius,
        }
    }

    /// Whether `now` is news to somebody who knows of `before`.
    pub(crate) const fn is_news(self, before: usize, now: usize) -> bool {
        match self {
            // Three and a tenth: one Organization more in a small company, or three of a thousand, change no answer.
            Self::BlastRadius => now >= before.saturating_add(3) && now.saturating_mul(10) >= before.saturating_mul(11),
            // Doubled; one more member is not news, beside one either.
            Self::Members => now >= before.saturating_add(2) && now >= before.saturating_mul(2),
        }
    }

    /// The least time between two such notifications.
    pub(crate) const fn at_most_every(self) -> TimeDelta {
        match self {
            Self::BlastRadius => TimeDelta::hours(1),
            Self::Members => TimeDelta::days(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Growth::{BlastRadius, Members};
    use super::*;

    #[test]
    fn what_is_news() {
        let check = |growth: Growth, before: usize, now: usize, expected: bool| {
            assert_eq!(growth.is_news(before, now), expected, "{growth:?} {before} {now}");
        };
        for (before, now, expected) in [
            (1, 3, false),
            (1, 4, true),
            (0, 3, true),
            (30, 33, true),
            (31, 34, false),
            (31, 35, true),
            (1_000, 1_099, false),
            (1_000, 1_100, true),
            (4, 4, false),
            (4, 1, false),
        ] {
            check(BlastRadius, before, now, expected);
        }
        for (before, now, expected) in
            [(1, 2, false), (1, 3, true), (2, 4, true), (4, 7, false), (4, 8, true), (8, 4, false), (0, 1, false)]
        {
            check(Members, before, now, expected);
        }
    }
}
