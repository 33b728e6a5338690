//! What happens to the daemon, and the order in which it does.

use std::fmt;

use super::dice::Dice;

/// The rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Killed again and again, while problems come and go.
    Storm,
    Kill,
    Suspend,
    ClockForward,
    ClockBackward,
    ClockAtStart,
    Full,
    FullAtStart,
    Removed,
    RemovedWhileDown,
    Cut,
    CutWhileDown,
    Older,
    OlderWhileDown,
    Other,
    OtherWhileDown,
    Restored,
    Refused,
    Stalled,
}

impl Kind {
    /// All that are judged one by one.
    pub(crate) const ALONE: [Self; 18] = [
        Self::Kill,
        Self::Suspend,
        Self::ClockForward,
        Self::ClockBackward,
        Self::ClockAtStart,
        Self::Full,
        Self::FullAtStart,
        Self::Removed,
        Self::RemovedWhileDown,
        Self::Cut,
        Self::CutWhileDown,
        Self::Older,
        Self::OlderWhileDown,
        Self::Other,
        Self::OtherWhileDown,
        Self::Restored,
        Self::Refused,
        Self::Stalled,
    ];

    /// As `--only` names it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Storm => "storm",
            Self::Kill => "kill",
            Self::Suspend => "suspend",
            Self::ClockForward => "clock-forward",
            Self::ClockBackward => "clock-backward",
            Self::ClockAtStart => "clock-at-start",
            Self::Full => "full",
            Self::FullAtStart => "full-at-start",
            Self::Removed => "removed",
            Self::RemovedWhileDown => "removed-while-down",
            Self::Cut => "cut",
            Self::CutWhileDown => "cut-while-down",
            Self::Older => "older",
            Self::OlderWhileDown => "older-while-down",
            Self::Other => "other",
            Self::OtherWhileDown => "other-while-down",
            Self::Restored => "restored",
            Self::Refused => "refused",
            Self::Stalled => "stalled",
        }
    }

    /// Whether this error may be in the log.
    pub(crate) fn may_say(self, line: &str) -> bool {
        match self {
            // It was stopped while it asked.
            Self::Suspend => line.contains("the dead man's switch does not hear us"),
            Self::Storm
            | Self::Kill
            | Self::ClockForward
            | Self::ClockBackward
            | Self::ClockAtStart
            | Self::Restored
            | Self::Refused
            | Self::Stalled => false,
            Self::Full
            | Self::FullAtStart
            | Self::Removed
            | Self::RemovedWhileDown
            | Self::Cut
            | Self::CutWhileDown
            | Self::Older
            | Self::OlderWhileDown
            | Self::Other
            | Self::OtherWhileDown => true,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Storm => "killed, one time after the other",
            Self::Kill => "killed",
            Self::Suspend => "stopped and continued",
            Self::ClockForward => "wall clock stepped forward",
            Self::ClockBackward => "wall clock stepped back",
            Self::ClockAtStart => "wall clock wrong at the start",
            Self::Full => "disk full",
            Self::FullAtStart => "disk full at the start",
            Self::Removed => "state file removed",
            Self::RemovedWhileDown => "state file removed while down",
            Self::Cut => "state file cut",
            Self::CutWhileDown => "state file cut while down",
            Self::Older => "older copy at its place",
            Self::OlderWhileDown => "older copy at its place while down",
            Self::Other => "another installation's at its place",
            Self::OtherWhileDown => "another installation's at its place, down",
            Self::Restored => "backup restored",
            Self::Refused => "receivers answer 500",
            Self::Stalled => "receivers stall",
        })
    }
}

/// The kinds in an order of the dice: each comes once before any comes again.
pub(crate) fn shuffled(mut kinds: Vec<Kind>, dice: &mut Dice) -> Vec<Kind> {
    let mut order = Vec::with_capacity(kinds.len());
    while !kinds.is_empty() {
        order.push(kinds.remove(dice.below(kinds.len())));
    }
    order
}
