//! What an open incident counts: the time in which we tried in vain, and nothing else.

use super::*;
use crate::domain::incident::Severity;

impl Watched {
    fn stopped(&mut self, time: TimeDelta) {
        self.stop_for(time);
    }

    fn frozen(&mut self, time: TimeDelta) {
        self.told.clear();
        self.sleep_for(time);
    }
}

/// An API is not reached for so long, and everything that hangs on it is unknown.
fn unreached_for(time: TimeDelta) -> Watched {
    let mut watched = healthy();
    watched.world.down = [ApiName::from(SCM_API)].into();
    watched.look();
    watched.pass(time);
    assert!(watched.is_open(Rule::UpstreamUnreachable));
    watched
}

fn severity(watched: &Watched) -> Severity {
    watched.found(Rule::UpstreamUnreachable).unwrap().1.severity
}

/// Before: the first evaluation after two days in which nobody ran made a critical page of it, whether or not the
/// API was well again.
#[test]
fn a_gap_makes_nothing_worse() {
    for after_the_gap in [Watched::stopped, Watched::frozen] {
        let mut watched = unreached_for(hours(2));
        let since = watched.since(Rule::UpstreamUnreachable);
        after_the_gap(&mut watched, hours(48));
        watched.first_look();
        assert_eq!(severity(&watched), Severity::Warning);
        assert_eq!(watched.since(Rule::UpstreamUnreachable), since, "it began when it began");
        // 24 h of trying.
        watched.pass(hours(21));
        assert_eq!(severity(&watched), Severity::Warning);
        watched.pass(minutes(65));
        assert_eq!(severity(&watched), Severity::Critical);
        assert_eq!(watched.told.iter().filter(|told| is_worse(told)).count(), 1);
    }
}

fn is_worse(transition: &Transition) -> bool {
    matches!(&transition.change, Change::SeverityChanged { incident, .. } if incident.rule == Rule::UpstreamUnreachable)
}

/// The naive mend, to hold everything back after a start, would delay it.
#[test]
fn what_was_watched_all_the_time_grows_worse_on_time() {
    let mut watched = unreached_for(hours(20));
    // Restarts are no gaps.
    for _ in 0..10 {
        watched.restart_after(minutes(4));
        watched.first_look();
    }
    let watched_for = |watched: &Watched| watched.world.now - watched.since(Rule::UpstreamUnreachable);
    let left = hours(24) - watched_for(&watched);
    watched.pass(left - minutes(1));
    assert_eq!(severity(&watched), Severity::Warning, "{}", watched_for(&watched));
    watched.pass(minutes(1));
    assert_eq!(severity(&watched), Severity::Critical, "{}", watched_for(&watched));
}

/// The clock ran two days ahead at the start, and is set right.
#[test]
fn a_gap_that_never_was_takes_nothing_off() {
    let mut watched = unreached_for(hours(2));
    let stopped_at = watched.world.now;
    watched.stop_for(hours(48) + minutes(10));
    watched.first_look();
    watched.world.now -= hours(48);
    take_back(&mut watched.world.state, stopped_at, hours(-48));
    let incident = watched.found(Rule::UpstreamUnreachable).unwrap().1;
    assert_eq!(incident.tracking.unwatched, minutes(10), "the time that it was down");
    assert_eq!(severity(&watched), Severity::Warning);
}
