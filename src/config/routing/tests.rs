use super::*;

fn window(zone: &str, days: &[u8], from: &str, to: &str) -> TimeWindow {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
    TimeWindow {
        name: "window".to_owned(),
        zone: zone.parse().unwrap(),
        days: days.iter().copied().collect(),
        from: time(from),
        to: time(to),
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const WORKDAYS: &[u8] = &[0, 1, 2, 3, 4];
const EVERY_DAY: &[u8] = &[0, 1, 2, 3, 4, 5, 6];

#[test]
fn a_window_is_meant_in_its_zone() {
    let check = |window: &TimeWindow, when: &str, expected: bool| {
        assert_eq!(window.contains(at(when)), expected, "{when} in {window:?}");
    };
    let berlin = window("Europe/Berlin", WORKDAYS, "08:00", "18:00");
    check(&berlin, "2026-11-23T06:59:59Z", false);
    check(&berlin, "2026-11-23T07:00:00Z", true);
    check(&berlin, "2026-11-23T16:59:59Z", true);
    check(&berlin, "2026-11-23T17:00:00Z", false);
    check(&berlin, "2026-11-22T12:00:00Z", false);
    // In summer an hour earlier.
    check(&berlin, "2026-07-20T06:00:00Z", true);
    check(&berlin, "2026-07-20T16:00:00Z", false);

    // Far from UTC the day is another one.
    let auckland = window("Pacific/Auckland", &[0], "08:00", "18:00");
    check(&auckland, "2026-11-22T19:00:00Z", true);
    check(&auckland, "2026-11-23T19:00:00Z", false);
    let los_angeles = window("America/Los_Angeles", &[0], "18:00", "23:00");
    check(&los_angeles, "2026-11-24T02:00:00Z", true);
    check(&los_angeles, "2026-11-23T02:00:00Z", false);
    let kathmandu = window("Asia/Kathmandu", EVERY_DAY, "09:00", "09:30");
    check(&kathmandu, "2026-11-23T03:15:00Z", true);
    check(&kathmandu, "2026-11-23T03:45:00Z", false);
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let check = |window: &TimeWindow, when: &str, expected: bool| {
        assert_eq!(window.contains(at(when)), expected, "{when} in {window:?}");
    };
    let friday_night = window("UTC", &[4], "22:00", "06:00");
    check(&friday_night, "2026-11-27T21:59:59Z", false);
    check(&friday_night, "2026-11-27T22:00:00Z", true);
    check(&friday_night, "2026-11-28T05:59:59Z", true);
    check(&friday_night, "2026-11-28T06:00:00Z", false);
    check(&friday_night, "2026-11-27T03:00:00Z", false);
    let whole_saturday = window("UTC", &[5], "00:00", "00:00");
    check(&whole_saturday, "2026-11-27T23:59:59Z", false);
    check(&whole_saturday, "2026-11-28T00:00:00Z", true);
    check(&whole_saturday, "2026-11-28T23:59:59Z", true);
    check(&whole_saturday, "2026-11-29T00:00:00Z", false);
    let sunday_to_monday = window("UTC", &[6], "20:00", "20:00");
    check(&sunday_to_monday, "2026-11-30T19:59:59Z", true);
    check(&sunday_to_monday, "2026-11-30T20:00:00Z", false);
}

#[test]
fn daylight_saving_moves_a_window_with_its_zones_clocks() {
    /// All changes from `now` on, until `count` are found.
    fn changes(window: &TimeWindow, now: &str, count: usize) -> Vec<String> {
        let changes = std::iter::successors(window.next_change(at(now)), |last| window.next_change(*last));
        changes.take(count).map(|change| change.format("%m-%dT%H:%MZ").to_string()).collect()
    }
    // Berlin, 2026-03-29: 02:00 CET becomes 03:00 CEST. Office hours start an hour earlier in UTC.
    let office = window("Europe/Berlin", WORKDAYS, "08:00", "18:00");
    assert_eq!(changes(&office, "2026-03-27T12:00:00Z", 3), ["03-27T17:00Z", "03-30T06:00Z", "03-30T16:00Z"]);
    assert_eq!(changes(&office, "2026-10-23T12:00:00Z", 3), ["10-23T16:00Z", "10-26T07:00Z", "10-26T17:00Z"]);

    // Its begin does not exist that night: it opens when the clocks are changed, and is half an hour shorter.
    let early = window("Europe/Berlin", EVERY_DAY, "02:30", "04:00");
    assert_eq!(changes(&early, "2026-03-28T12:00:00Z", 2), ["03-29T01:00Z", "03-29T02:00Z"]);
    // All of it does not exist: it is left out.
    let gone = window("Europe/Berlin", EVERY_DAY, "02:15", "02:45");
    assert_eq!(changes(&gone, "2026-03-28T12:00:00Z", 2), ["03-30T00:15Z", "03-30T00:45Z"]);
    let gone_sundays = window("Europe/Berlin", &[6], "02:15", "02:45");
    assert_eq!(changes(&gone_sundays, "2026-03-28T12:00:00Z", 1), ["04-05T00:15Z"]);
    // Its end does not exist: it closes when the clocks are changed.
    let late = window("Europe/Berlin", EVERY_DAY, "01:00", "02:30");
    assert_eq!(changes(&late, "2026-03-28T12:00:00Z", 2), ["03-29T00:00Z", "03-29T01:00Z"]);

    // Berlin, 2026-10-25: 02:00 to 03:00 comes twice, so a window within it is open twice.
    let twice = window("Europe/Berlin", EVERY_DAY, "02:15", "02:45");
    assert_eq!(
        changes(&twice, "2026-10-24T12:00:00Z", 4),
        ["10-25T00:15Z", "10-25T00:45Z", "10-25T01:15Z", "10-25T01:45Z"]
    );
    // The clocks lead back into it.
    let back = window("Europe/Berlin", EVERY_DAY, "01:00", "02:30");
    assert_eq!(
        changes(&back, "2026-10-24T12:00:00Z", 4),
        ["10-24T23:00Z", "10-25T00:30Z", "10-25T01:00Z", "10-25T01:30Z"]
    );

    // West: New York, 2026-03-08 and 2026-11-01, at 02:00 local time.
    let night = window("America/New_York", &[5], "22:00", "06:00");
    assert_eq!(changes(&night, "2026-03-07T12:00:00Z", 2), ["03-08T03:00Z", "03-08T10:00Z"], "seven hours");
    assert_eq!(changes(&night, "2026-10-31T12:00:00Z", 2), ["11-01T02:00Z", "11-01T11:00Z"], "nine hours");
    // South and east, with half an hour: Lord Howe, 2026-10-04 at 02:00 becomes 02:30.
    let howe = window("Australia/Lord_Howe", EVERY_DAY, "02:15", "03:00");
    assert_eq!(changes(&howe, "2026-10-03T12:00:00Z", 2), ["10-03T15:30Z", "10-03T16:00Z"]);
}

#[test]
fn what_is_always_open_never_changes() {
    assert_eq!(window("Europe/Berlin", EVERY_DAY, "00:00", "00:00").next_change(at("2026-03-28T12:00:00Z")), None);
    assert_eq!(window("UTC", EVERY_DAY, "08:00", "08:00").next_change(at("2026-03-28T12:00:00Z")), None);
}

#[test]
fn the_next_change_is_the_first_minute_that_differs() {
    // Minute by minute, as nobody could get wrong.
    for (zone, from, to) in [
        ("Europe/Berlin", "22:00", "02:30"),
        ("America/St_Johns", "01:30", "02:10"),
        ("Africa/Casablanca", "02:00", "03:30"),
    ] {
        let window = window(zone, &[0, 2, 5, 6], from, to);
        for start in ["2026-03-07T00:00:00Z", "2026-03-27T23:00:00Z", "2026-10-24T20:00:00Z", "2026-02-14T01:01:00Z"] {
            let now = at(start);
            let open = window.contains(now);
            let minutes = (1..20_000).map(|minutes| now + TimeDelta::minutes(minutes));
            let slow = minutes.into_iter().find(|minute| window.contains(*minute) != open);
            assert_eq!(window.next_change(now), slow, "{zone} {start}");
        }
    }
}

#[test]
fn a_route_waits_for_its_times() {
    let office = Arc::new(window("Europe/Berlin", WORKDAYS, "08:00", "18:00"));
    let lunch = Arc::new(window("Europe/Berlin", EVERY_DAY, "12:00", "13:00"));
    let route = Route { active_times: vec![Arc::clone(&office)], mute_times: vec![lunch], ..Route::default() };
    let check = |now: &str, expected: Option<&str>| assert_eq!(route.next_active(at(now)), expected.map(at), "{now}");
    check("2026-11-23T09:00:00Z", None);
    check("2026-11-23T11:30:00Z", Some("2026-11-23T12:00:00Z"));
    check("2026-11-20T20:00:00Z", Some("2026-11-23T07:00:00Z"));
    let never = Route { active_times: vec![Arc::clone(&office)], mute_times: vec![office], ..Route::default() };
    assert_eq!(never.next_active(at("2026-11-23T09:00:00Z")), None);
    assert!(!never.is_active(at("2026-11-23T09:00:00Z")));
}
