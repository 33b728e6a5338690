use chrono::TimeDelta;

use super::*;
use crate::clock::Pace;

fn throttled(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn limits(requests: u32, window: Duration) -> BudgetLimits {
    BudgetLimits { limits: vec![Limit { requests, window }], shortest_pause: Duration::from_mins(1) }
}

#[tokio::test(start_paused = true)]
async fn short_waits_are_slept_and_long_ones_turned_away() {
    let budget = RequestBudget::new(limits(6, Duration::from_secs(5)), &Clock::system());
    assert_eq!(budget.remaining(), Some(3));
    let start = Instant::now();
    for _ in 0..4 {
        budget.acquire().await.unwrap();
    }
    assert_eq!(start.elapsed().as_secs(), 1);
    // Who walks a list has more patience, and takes turns in the order of asking.
    let (first, second) = tokio::join!(budget.acquire_within(LONGEST_WALK_PACING), budget.acquire());
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err().retry_after().as_secs(), 3);

    let hourly = RequestBudget::new(limits(3, Duration::from_hours(1)), &Clock::system());
    hourly.acquire().await.unwrap();
    let turned_away = hourly.acquire().await.unwrap_err();
    assert_eq!(turned_away, TurnedAway::Spent { wait: turned_away.retry_after(), stated: None });
    assert!(turned_away.to_string().ends_with("is used up, for another 1800 s"), "{turned_away}");
    assert_eq!(turned_away.retry_after().as_secs(), 1800);
    assert_eq!(hourly.remaining(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn one_odd_header_throttles_nobody_and_normal_ones_end_it() {
    let budget = RequestBudget::new(BudgetLimits::snyk(), &Clock::system());
    let (odd, normal) =
        (throttled(&[("x-ratelimit-limit", "1;w=60")]), throttled(&[("x-ratelimit-limit", "1620;w=60")]));
    let full = budget.remaining();
    budget.on_answer(200, &odd);
    assert_eq!(budget.remaining(), full);
    budget.on_answer(200, &normal);
    // What holds for three quarters of an hour is kept to, and its words say whose it is.
    for _ in 0..45 {
        budget.on_answer(200, &odd);
        tokio::time::advance(Duration::from_mins(1)).await;
    }
    assert_eq!(budget.remaining(), Some(1));
    budget.acquire().await.unwrap();
    let turned_away = budget.acquire().await.unwrap_err().to_string();
    let whose = "it is the API's limit: its answers state 1 in 60 s";
    assert!(turned_away.contains("our own share") && turned_away.contains(whose), "{turned_away}");
    budget.on_answer(200, &normal);
    tokio::time::advance(Duration::from_mins(2)).await;
    assert_eq!(budget.remaining(), full);
}

#[tokio::test(start_paused = true)]
async fn where_turns_are_few_the_group_has_the_next_one() {
    let budget = RequestBudget::new(limits(3, Duration::from_mins(1)), &Clock::system());
    budget.acquire().await.unwrap();
    let start = Instant::now();
    // However many Organizations ask meanwhile, and ask before it.
    let organizations = async {
        let mut gone = 0;
        for _ in 0..40 {
            gone += usize::from(budget.acquire().await.is_ok());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        gone
    };
    let group = async {
        budget.acquire_within(LONGEST_GROUP_PACING).await.unwrap();
        start.elapsed().as_secs()
    };
    let (gone, waited) = tokio::join!(organizations, group);
    assert_eq!((gone, waited), (0, 30));
}

#[tokio::test(start_paused = true)]
async fn a_throttling_answer_pauses_everybody_who_shares_the_credential() {
    let budget = RequestBudget::new(BudgetLimits::snyk(), &Clock::system());
    let other = budget.clone();
    budget.on_answer(429, &throttled(&[("retry-after", "100")]));
    let turned_away = other.acquire().await.unwrap_err();
    let rest = turned_away.retry_after();
    assert_eq!(turned_away, TurnedAway::Paused(rest), "what the API asked for is not our own thrift");
    assert!(rest >= Duration::from_secs(100) && rest <= Duration::from_mins(2), "{rest:?}");
    assert_eq!(other.remaining(), Some(0));
    tokio::time::advance(Duration::from_secs(121)).await;
    other.acquire().await.unwrap();
    assert_eq!(budget.paused_until(), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_used_up_without_a_refusal_is_no_throttling() {
    let budget = RequestBudget::new(BudgetLimits::snyk(), &Clock::system());
    budget.on_answer(200, &throttled(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "40")]));
    let turned_away = budget.acquire().await.unwrap_err();
    assert!(matches!(turned_away, TurnedAway::Exhausted(rest) if rest >= Duration::from_secs(40)), "{turned_away:?}");
    assert_eq!(budget.remaining(), Some(0));
    // Whoever asks on is refused, and that counts from then on.
    budget.on_answer(429, &throttled(&[("retry-after", "100")]));
    let turned_away = budget.acquire().await.unwrap_err();
    assert!(matches!(turned_away, TurnedAway::Paused(rest) if rest >= Duration::from_secs(100)), "{turned_away:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_wait_does_not_blind_us_and_a_measured_window_may_last_longer() {
    fn check(pairs: &[(&'static str, &str)], least_minutes: u64, most_minutes: u64) {
        let budget = RequestBudget::new(BudgetLimits::snyk(), &Clock::system());
        budget.on_answer(429, &throttled(pairs));
        let pause = budget.paused_for().unwrap();
        let expected = Duration::from_mins(least_minutes)..=Duration::from_mins(most_minutes);
        assert!(expected.contains(&pause), "{pairs:?}: {pause:?}");
    }
    // Up to a fifth more is jitter.
    check(&[], 1, 2);
    check(&[("retry-after", "-7")], 1, 2);
    check(&[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], 1, 2);
    check(&[("retry-after", "600")], 10, 12);
    check(&[("retry-after", "80000")], 15, 18);
    check(&[("retry-after", "Sun, 23 Nov 2098 09:00:00 GMT")], 15, 18);
    check(&[("retry-after", "60"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "3000")], 50, 60);
    check(&[("retry-after", "60"), ("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "3000")], 1, 2);
    assert!(LONGEST_PAUSE >= LONGEST_API_WAIT);
}

#[tokio::test]
async fn on_a_scaled_clock_pauses_pass_in_virtual_time_and_nothing_is_paced() {
    let start = "2026-11-23T09:00:00Z".parse().unwrap();
    let clock = Clock::scaled(start, Pace::Immediate);
    let mut script = clock.participant();
    let budget = RequestBudget::new(limits(3, Duration::from_hours(1)), &clock);
    for _ in 0..50 {
        budget.acquire().await.unwrap();
    }
    budget.on_answer(429, &throttled(&[]));
    assert_eq!(budget.acquire().await.unwrap_err().retry_after(), Duration::from_mins(1));
    assert_eq!(budget.paused_until(), Some(start + TimeDelta::seconds(60)));
    script.sleep_until(start + TimeDelta::seconds(61)).await;
    budget.acquire().await.unwrap();
}

#[test]
fn jitter_is_a_share() {
    assert!((0..1000).map(|_| random_share()).all(|share| (0.0..=1.0).contains(&share)));
}
