//! Numbers, times and names as the messages spell them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::kinds::Scm;

/// `2026-11-23 03:05 UTC`
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-11-23`
pub(crate) fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// `40 min`, `14 h`, `3 d`: the largest unit that still says enough, rounded down.
pub(crate) fn span(span: TimeDelta) -> String {
    let span = span.max(TimeDelta::zero());
    if span < TimeDelta::hours(2) {
        format!("{} min", span.num_minutes())
    } else if span < TimeDelta::days(3) {
        format!("{} h", span.num_hours())
    } else {
        format!("{} d", span.num_days())
    }
}

/// `1 repository`, `2 repositories`
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `1 repository`, `2 repositories`
pub(crate) fn repositories(number: usize) -> String {
    count(number, "repository", "repositories")
}

/// The first few of a list, and how many more there are.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    listed_of(names, 0)
}

/// The same of a list of which `left_out` are not at hand.
pub(crate) fn listed_of<T: AsRef<str>>(names: &[T], left_out: usize) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match (names.len() + left_out).checked_sub(shown.len()).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", shown.join(", ")),
        None => shown.join(", "),
    }
}

/// The Git host's name as people write it.
pub(crate) const fn scm_name(scm: Scm) -> &'static str {
    match scm {
        Scm::BitbucketCloud => "Bitbucket",
    }
}

/// Whether `text` matches `glob`, where `*` stands for any run of characters and `?` for one; case does not count.
pub(crate) fn matches_glob(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    // `reachable[i]`: the first `i` characters of the text match the glob read so far.
    let mut reachable = vec![false; text.len() + 1];
    if let Some(start) = reachable.first_mut() {
        *start = true;
    }
    for wanted in glob {
        reachable = if wanted == '*' {
            reachable
                .iter()
                .scan(false, |seen, here| {
                    *seen |= *here;
                    Some(*seen)
                })
                .collect()
        } else {
            std::iter::once(false)
                .chain(text.iter().zip(&reachable).map(|(have, here)| *here && (wanted == '?' || wanted == *have)))
                .collect()
        };
    }
    reachable.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, text, matches) in [
            ("acme/*", "acme/payments", true),
            ("*", "", true),
            ("acme/sandbox-?", "acme/Sandbox-1", true),
            ("acme/sandbox-?", "acme/sandbox-", false),
            ("*-old", "acme/payments-old", true),
            ("*-old", "acme/payments-older", false),
            ("acme", "acme/payments", false),
        ] {
            assert_eq!(matches_glob(glob, text), matches, "{glob} {text}");
        }
    }

    #[test]
    fn spans() {
        for (minutes, text) in [(-5, "0 min"), (40, "40 min"), (14 * 60 + 59, "14 h"), (5 * 24 * 60, "5 d")] {
            assert_eq!(span(TimeDelta::minutes(minutes)), text);
        }
        assert_eq!(listed(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
        assert_eq!(listed_of(&["a", "b", "c", "d"], 15), "a, b, c and 16 more");
    }
}
