//! Spans of time as a person says them.

use chrono::TimeDelta;

/// The two largest units of `span`: `14 h 5 min`, `3 d`, `40 s`. A negative span is none.
pub(super) fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let (large, small) = match (days, hours, minutes) {
        (0, 0, 0) => return format!("{seconds} s"),
        (0, 0, minutes) => return format!("{minutes} min"),
        (0, hours, minutes) => ((hours, "h"), (minutes, "min")),
        (days, hours, _) => ((days, "d"), (hours, "h")),
    };
    match small.0 {
        0 => format!("{} {}", large.0, large.1),
        _ => format!("{} {} {} {}", large.0, large.1, small.0, small.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_two_units() {
        for (seconds, said) in [
            (-5, "0 s"),
            (40, "40 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (50_700, "14 h 5 min"),
            (86_400, "1 d"),
            (360_000, "4 d 4 h"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), said);
        }
    }
}
