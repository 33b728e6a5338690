use std::str::FromStr;

use chrono_tz::{America, Asia, Australia, Europe, Pacific};
use proptest::prelude::*;

use super::*;

fn cron(expression: &str, zone: Tz) -> CronSchedule {
    CronSchedule::try_new(expression, zone).unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The firings after an instant, in local time with its offset.
fn firings(expression: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
    let cron = cron(expression, zone);
    let first = cron.next_after(instant(after));
    let firings = std::iter::successors(first, |last| cron.next_after(*last));
    firings.take(count).map(|firing| firing.with_timezone(&zone).format("%m-%d %H:%M%:z").to_string()).collect()
}

#[test]
fn weekdays_are_those_of_posix() {
    let check = |expression: &str, expected: &[&str]| {
        let cron = cron(expression, Tz::UTC);
        // 2026-11-23 is a Monday.
        let first = cron.next_after(instant("2026-11-22T23:00:00Z"));
        let days = std::iter::successors(first, |last| cron.next_after(*last));
        let days: Vec<_> = days.take(expected.len()).map(|firing| firing.format("%a").to_string()).collect();
        assert_eq!(days, expected, "{expression}");
    };
    check("0 12 * * 0", &["Sun", "Sun"]);
    check("0 12 * * 7", &["Sun", "Sun"]);
    check("0 12 * * 1-5", &["Mon", "Tue", "Wed", "Thu", "Fri", "Mon"]);
    check("0 12 * * 5-7", &["Fri", "Sat", "Sun", "Fri"]);
    check("0 12 * * mon,WED", &["Mon", "Wed", "Mon"]);
    check("0 12 * * */2", &["Tue", "Thu", "Sat", "Sun", "Tue"]);
}

#[test]
fn two_restricted_day_fields_are_alternatives() {
    let found = firings("0 0 1,15 * 5", Tz::UTC, "2026-11-23T00:00:00Z", 5);
    assert_eq!(
        found,
        ["11-27 00:00+00:00", "12-01 00:00+00:00", "12-04 00:00+00:00", "12-11 00:00+00:00", "12-15 00:00+00:00"]
    );
    let found = firings("0 0 */10 * 2", Tz::UTC, "2026-11-23T00:00:00Z", 1);
    assert_eq!(found, ["12-01 00:00+00:00"], "a wildcard with a step restricts, as in crontab(5)");
}

#[test]
fn a_day_with_a_gap_is_not_skipped() {
    let found = firings("30 2 * * *", Europe::Berlin, "2026-03-28T00:00:00Z", 3);
    assert_eq!(found, ["03-28 02:30+01:00", "03-29 03:00+02:00", "03-30 02:30+02:00"]);
    let found = firings("*/30 * * * *", Europe::Berlin, "2026-03-29T00:20:00Z", 3);
    assert_eq!(found, ["03-29 01:30+01:00", "03-29 03:00+02:00", "03-29 03:30+02:00"]);
}

#[test]
fn in_an_overlap_fixed_times_fire_once_and_wildcards_in_both_passes() {
    let found = firings("30 2 * * *", Europe::Berlin, "2026-10-24T12:00:00Z", 2);
    assert_eq!(found, ["10-25 02:30+02:00", "10-26 02:30+01:00"]);
    let found = firings("*/30 * * * *", Europe::Berlin, "2026-10-24T23:45:00Z", 6);
    assert_eq!(
        found,
        [
            "10-25 02:00+02:00",
            "10-25 02:30+02:00",
            "10-25 02:00+01:00",
            "10-25 02:30+01:00",
            "10-25 03:00+01:00",
            "10-25 03:30+01:00"
        ]
    );
}

#[test]
fn odd_zones_hold_no_surprise() {
    // Half an hour of daylight saving; a day that was left out altogether.
    let found = firings("45 1 * * *", Australia::Lord_Howe, "2026-04-04T00:00:00Z", 2);
    assert_eq!(found, ["04-05 01:45+11:00", "04-06 01:45+10:30"]);
    let found = firings("0 12 * * *", Pacific::Apia, "2011-12-28T23:00:00Z", 3);
    assert_eq!(found, ["12-29 12:00-10:00", "12-31 00:00+14:00", "12-31 12:00+14:00"]);
}

#[test]
fn what_is_wrong_is_said() {
    let check = |expression: &str, expected: &str| {
        let error = CronSchedule::try_new(expression, Tz::UTC).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let fields = "a cron expression has five fields (minute, hour, day of month, month, day of week), not";
    check("* * * *", &format!("{fields} 4"));
    check("0 0 3 * * *", &format!("{fields} 6"));
    check("@daily", &format!("{fields} 1"));
    check("60 * * * *", "`60` is no minute: write 0 to 59");
    check("0 0 0 * *", "`0` is no day of month: write 1 to 31");
    check("0 0 * * 8", "`8` is no day of week: write 0 to 7 (0 and 7 are Sunday), or SUN to SAT");
    check("0 0 * FOO *", "`FOO` is no month: write 1 to 12, or JAN to DEC");
    check("0 0 L * *", "`L` is no day of month: write 1 to 31");
    check("30-10 * * * *", "the range `30-10` of minute ends before it begins; write two ranges");
    check("*/0 * * * *", "the step of `*/0` in minute must be a number of at least 1");
    check("0 0 31 2 *", "`0 0 31 2 *` never fires: no day of the next 5 years matches");
    check("0 0 31 4,6,9,11 *", "`0 0 31 4,6,9,11 *` never fires: no day of the next 5 years matches");
}

#[test]
fn the_longest_gap_is_known() {
    let check = |expression: &str, hours: f64| {
        let found = cron(expression, Tz::UTC).longest_gap().as_secs_f64() / 3600.0;
        assert!((found - hours).abs() < 1e-9, "{expression}: {found}");
    };
    check("*/15 * * * *", 0.25);
    check("0 * * * *", 1.0);
    check("30 3 * * *", 24.0);
    check("0 8-18 * * 1-5", 62.0);
    check("0 0 * * 1", 7.0 * 24.0);
    check("0 0 29 2 *", (4.0 * 365.0 + 1.0) * 24.0);
}

fn expressions() -> impl Strategy<Value = String> {
    let minute =
        prop_oneof![Just("*".to_owned()), Just("*/15".to_owned()), (0u32..60).prop_map(|minute| minute.to_string())];
    let hour = prop_oneof![Just("*".to_owned()), Just("*/6".to_owned()), (0u32..24).prop_map(|hour| hour.to_string())];
    let day = prop_oneof![Just("* * *"), Just("1 * *"), Just("* * 1-5"), Just("13 * 5")];
    (minute, hour, day).prop_map(|(minute, hour, day)| format!("{minute} {hour} {day}"))
}

fn zones() -> impl Strategy<Value = Tz> {
    prop_oneof![
        Just(Tz::UTC),
        Just(Europe::Berlin),
        Just(America::New_York),
        Just(America::Sao_Paulo),
        Just(Asia::Beirut),
        Just(Australia::Lord_Howe),
        Just(Asia::Kolkata)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn firings_are_strictly_increasing_without_holes(
        expression in expressions(),
        zone in zones(),
        // The hours around the changes of clocks of 2026 in Berlin, and any other.
        start in prop_oneof![1_774_740_000i64..1_774_760_000, 1_792_880_000i64..1_792_900_000, 1_400_000_000i64..1_900_000_000],
    ) {
        let cron = cron(&expression, zone);
        let bound = TimeDelta::from_std(cron.longest_gap()).unwrap() + TimeDelta::hours(1);
        let mut last = DateTime::from_timestamp(start, 0).unwrap();
        for _ in 0..40 {
            let next = cron.next_after(last).unwrap();
            prop_assert!(next > last, "{expression} {zone} {last}");
            prop_assert!(next - last <= bound, "{expression} in {zone}: {last} to {next}");
            last = next;
        }
    }

    #[test]
    fn without_daylight_saving_it_is_the_crate(
        minute in 0u32..60, hour in 0u32..24, weekday in 1u32..=7, start in 1_400_000_000i64..1_900_000_000,
    ) {
        let ours = cron(&format!("{minute} {hour} * * {}", weekday - 1), Tz::UTC);
        let theirs = Schedule::from_str(&format!("0 {minute} {hour} * * {weekday}")).unwrap();
        let start = DateTime::from_timestamp(start, 0).unwrap();
        prop_assert_eq!(ours.next_after(start), theirs.after(&start).next());
    }

    #[test]
    fn no_text_makes_it_panic(text in "[0-9*/,A-Z -]{0,20}") {
        let _ = CronSchedule::try_new(&text, Tz::UTC);
    }
}
