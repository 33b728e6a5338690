//! Our limits per kind of credential, and the limits that answers state.
//!
//! Outside facts: `docs/apis/snyk.md` and `docs/apis/bitbucket-cloud.md`, each under rate limits.

use std::time::Duration;

use reqwest::header::HeaderMap;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// The share of a limit that may be used at once.
const BURST_SHARE: u32 = 2;

/// So many requests in so long a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub requests: u32,
    /// In which time.
    pub window: Duration,
}

impl Limit {
    /// Requests a minute.
    pub const fn per_minute(requests: u32) -> Self {
        Self { requests, window: MINUTE }
    }

    /// Requests an hour.
    pub const fn per_hour(requests: u32) -> Self {
        Self { requests, window: HOUR }
    }

    /// How many may leave at once.
    pub(super) fn burst(self) -> u32 {
        (self.requests / BURST_SHARE).max(1)
    }

    /// How many are refilled in a window, evenly. A limit of one request has no rest to refill from; it then refills
    /// once in two windows.
    pub(super) fn refill_in_window(self) -> f64 {
        f64::from(self.requests.saturating_sub(self.burst())).max(0.5)
    }

    /// The burst as a share of what is refilled in a window.
    fn burst_share(self) -> f64 {
        f64::from(self.burst()) / self.refill_in_window()
    }

    /// Our share of a limit that an API states: half, because others may use the same credential.
    pub(super) fn shared(self) -> Self {
        Self { requests: (self.requests / 2).max(1), ..self }
    }
}

/// What a credential may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetLimits {
    /// All of them hold.
    pub limits: Vec<Limit>,
    /// The shortest pause after a throttling answer, whatever it asks.
    pub shortest_pause: Duration,
}

impl BudgetLimits {
    /// Snyk: 1620 a minute are allowed to a key, and who asks on within the minute prolongs its throttling. We stay at
    /// a fifth of it.
    pub fn snyk() -> Self {
        Self { limits: vec![Limit::per_minute(324)], shortest_pause: MINUTE }
    }

    /// Bitbucket Cloud: 1000 an hour, shared with Snyk when it uses a token of the same account. Throttling names no
    /// time; a retry after seconds is known to do harm.
    pub fn bitbucket_cloud() -> Self {
        Self { limits: vec![Limit::per_hour(300)], shortest_pause: Duration::from_mins(5) }
    }

    /// Atlassian's organisation admin API: asked once in a while.
    pub fn atlassian_admin() -> Self {
        Self { limits: vec![Limit::per_minute(30)], shortest_pause: MINUTE }
    }

    /// How long a full budget took to fill: so much may be taken at once.
    pub fn burst(&self) -> Duration {
        let full = |limit: &Limit| limit.window.mul_f64(limit.burst_share());
        self.limits.iter().map(full).min().unwrap_or_default()
    }

    /// How long the budget takes to refill so many requests.
    pub fn refill(&self, requests: u32) -> Duration {
        let refill = |limit: &Limit| limit.window.mul_f64(f64::from(requests) / limit.refill_in_window());
        self.limits.iter().map(refill).max().unwrap_or_default()
    }

    /// How long an answer pauses the credential.
    pub(super) fn pause_after(&self, status: u16, asked: Option<Duration>, stated: &StatedLimits) -> Option<Duration> {
        if status == 429 {
            // A rate window that the answer itself measures may last longer than what it asks.
            let measured = stated.exhausted_for.unwrap_or_default();
            return Some(asked.unwrap_or_default().max(measured).max(self.shortest_pause));
        }
        if status == 503 && asked.is_some() {
            return asked;
        }
        if stated.is_near {
            return Some(self.shortest_pause);
        }
        stated.exhausted_for
    }
}

/// What the headers of an answer say about limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StatedLimits {
    /// Limits with their windows.
    pub(super) windows: Vec<Limit>,
    /// Nothing remains for so long.
    pub(super) exhausted_for: Option<Duration>,
    /// Bitbucket Cloud says that the credential is near its limit.
    pub(super) is_near: bool,
}

impl StatedLimits {
    /// Reads what can be read; a header that cannot is as good as none.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let number = |name: &str| text(name)?.split([',', ';']).next()?.trim().parse::<u64>().ok();
        let reset = number("x-ratelimit-reset").filter(|&seconds| seconds > 0 && seconds <= HOUR.as_secs());
        let is_exhausted = number("x-ratelimit-remaining") == Some(0);
        let limits = headers.get_all("x-ratelimit-limit").iter().filter_map(|value| value.to_str().ok());
        Self {
            windows: limits.flat_map(windows).collect(),
            exhausted_for: reset.filter(|_| is_exhausted).map(Duration::from_secs),
            is_near: text("x-ratelimit-nearlimit").is_some_and(is_near),
        }
    }
}

/// The windows of a list-valued limit header: `160, 160;w=1;name="x", 1620;w=60`. An entry without a window is the one
/// in force just now and says nothing about which.
fn windows(header: &str) -> Vec<Limit> {
    let entry = |entry: &str| {
        let mut parts = split_outside_quotes(entry, ';');
        let requests = parts.next()?.trim().parse().ok()?;
        let window = parts.find_map(|part| part.trim().strip_prefix("w="))?.trim().parse().ok()?;
        // A window in which nothing is allowed would stop us for good, on the word of one header, and a long one for as
        // long. No API that is asked has one of more than an hour.
        (window > 0 && window <= HOUR.as_secs() && requests > 0)
            .then_some(Limit { requests, window: Duration::from_secs(window) })
    };
    split_outside_quotes(header, ',').filter_map(entry).collect()
}

/// The parts of a header between separators; one within a quoted name separates nothing.
fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    })
}

/// Seen as a word and as a number; anything but a clear no is a yes.
fn is_near(value: &str) -> bool {
    !matches!(value.to_ascii_lowercase().as_str(), "" | "false" | "no" | "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_headers_are_read_leniently() {
        let check = |pairs: &[(&str, &str)], expected: StatedLimits| {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, value)| (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap()))
                .collect();
            assert_eq!(StatedLimits::read(&headers), expected, "{pairs:?}");
        };
        let seconds = Duration::from_secs;
        check(&[], StatedLimits::default());
        check(
            &[("x-ratelimit-limit", r#"160, 160;w=1;name="x", 1620;w=60, 97200;w=3600, many;w=2, 5;w=0"#)],
            StatedLimits {
                windows: vec![
                    Limit { requests: 160, window: seconds(1) },
                    Limit::per_minute(1620),
                    Limit::per_hour(97_200),
                ],
                ..StatedLimits::default()
            },
        );
        // As recorded: the first item repeats the window that is nearest to being used up; names hold anything.
        let recorded = r#"160, 160;w=1;name="crd|generic_key^per_second|bucket^high", 1620;w=60;name="a, 5;w=60;b", 97200;w=3600;name="x""#;
        check(
            &[("x-ratelimit-limit", recorded), ("x-ratelimit-remaining", "159"), ("x-ratelimit-reset", "1")],
            StatedLimits {
                windows: vec![
                    Limit { requests: 160, window: seconds(1) },
                    Limit::per_minute(1620),
                    Limit::per_hour(97_200),
                ],
                ..StatedLimits::default()
            },
        );
        for unreadable in [
            "",
            "many",
            "-5;w=60",
            "1620;w=",
            "1620;w=-60",
            "0;w=60",
            "99999999999;w=60",
            "1;w=3601",
            "1;w=18446744073709551615",
            r#"";w=60"#,
        ] {
            check(&[("x-ratelimit-limit", unreadable)], StatedLimits::default());
        }
        check(&[("x-ratelimit-remaining", "none"), ("x-ratelimit-reset", "17")], StatedLimits::default());
        check(&[("x-ratelimit-limit", "1000"), ("x-ratelimit-nearlimit", "false")], StatedLimits::default());
        check(&[("x-ratelimit-nearlimit", "True")], StatedLimits { is_near: true, ..StatedLimits::default() });
        check(&[("x-ratelimit-remaining", "0")], StatedLimits::default());
        check(
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "17")],
            StatedLimits { exhausted_for: Some(seconds(17)), ..StatedLimits::default() },
        );
        check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1790000000")], StatedLimits::default());
    }

    #[test]
    fn throttling_pauses_at_least_as_long_as_the_vendor_needs() {
        let seconds = Duration::from_secs;
        let check = |limits: BudgetLimits, status, asked: Option<u64>, stated: StatedLimits, pause: Option<u64>| {
            assert_eq!(limits.pause_after(status, asked.map(seconds), &stated), pause.map(seconds));
        };
        let near = StatedLimits { is_near: true, ..StatedLimits::default() };
        check(BudgetLimits::snyk(), 200, None, StatedLimits::default(), None);
        check(BudgetLimits::snyk(), 429, None, StatedLimits::default(), Some(60));
        check(BudgetLimits::snyk(), 429, Some(3), StatedLimits::default(), Some(60));
        check(BudgetLimits::snyk(), 429, Some(90), StatedLimits::default(), Some(90));
        let exhausted = StatedLimits { exhausted_for: Some(seconds(3_000)), ..StatedLimits::default() };
        check(BudgetLimits::snyk(), 429, Some(900), exhausted.clone(), Some(3_000));
        check(BudgetLimits::snyk(), 200, None, exhausted, Some(3_000));
        check(BudgetLimits::snyk(), 503, Some(20), StatedLimits::default(), Some(20));
        check(BudgetLimits::snyk(), 503, None, StatedLimits::default(), None);
        check(BudgetLimits::bitbucket_cloud(), 429, None, StatedLimits::default(), Some(300));
        check(BudgetLimits::bitbucket_cloud(), 200, None, near, Some(300));
    }
}
