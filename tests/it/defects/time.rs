//! Clocks that jump, and days that are not 24 hours long.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use snykwatch::config::routing::TimeWindow;

fn window(days: &[u8], from: &str, to: &str) -> TimeWindow {
    let time = |text: &str| text.parse::<NaiveTime>().unwrap();
    let days: BTreeSet<u8> = days.iter().copied().collect();
    TimeWindow { name: "night".to_owned(), zone: Tz::Europe__Berlin, days, from: time(from), to: time(to) }
}

/// How many minutes of a span lie in a window.
fn minutes_within(window: &TimeWindow, from: &str, to: &str) -> i64 {
    let (mut now, to): (DateTime<Utc>, DateTime<Utc>) = (from.parse().unwrap(), to.parse().unwrap());
    let mut count = 0;
    while now < to {
        count += i64::from(window.contains(now));
        now += TimeDelta::minutes(1);
    }
    count
}

/// Elsewhere: windows that are an hour off after a change of the clocks. The clocks of Berlin change on 2027-03-28 and
/// 2027-10-31, both Sundays.
#[test]
fn q_windows_follow_the_clocks_on_the_wall() {
    let every_day: Vec<u8> = (0..7).collect();
    for (days, from, to, begin, end, minutes) in [
        // A whole day has 23 hours in spring and 25 in autumn.
        (&every_day[..], "00:00:00", "23:59:00", "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z", 23 * 60 - 1),
        (&every_day[..], "00:00:00", "23:59:00", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z", 25 * 60 - 1),
        // The night over the change belongs to Saturday.
        (&[5], "22:00:00", "06:00:00", "2027-03-27T12:00:00Z", "2027-03-28T12:00:00Z", 7 * 60),
        (&[5], "22:00:00", "06:00:00", "2027-10-30T12:00:00Z", "2027-10-31T12:00:00Z", 9 * 60),
        // The hour that there is not, and the hour that there is twice.
        (&[6], "02:00:00", "03:00:00", "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z", 0),
        (&[6], "02:00:00", "03:00:00", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z", 2 * 60),
        // Nine in the morning is nine in the morning on both sides.
        (&[0, 6], "09:00:00", "10:00:00", "2027-03-28T07:00:00Z", "2027-03-28T08:00:00Z", 60),
        (&[0, 5], "09:00:00", "10:00:00", "2027-03-27T08:00:00Z", "2027-03-27T09:00:00Z", 60),
    ] {
        let within = minutes_within(&window(days, from, to), begin, end);
        assert_eq!(within, minutes, "{from} to {to} on {days:?}, in {begin} to {end}");
    }
}
