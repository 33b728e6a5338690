//! The decision for one receiver: every row.

use chrono::TimeDelta;

use super::stage::{hours, start};
use crate::domain::attention::Told;
use crate::domain::incident::Severity;
use crate::domain::notification::{Dispatch, NotificationKind as Kind};
use crate::notify::due::{Due, Scene, Way, due};

fn scene() -> Scene {
    Scene {
        now: start(),
        severity: Severity::Warning,
        is_quiet: false,
        is_silenced: false,
        acknowledged_at: None,
        step: 1,
        affected: 4,
        has_grown: false,
        digest_every: hours(24),
    }
}

fn told() -> Told {
    Told {
        severity: Severity::Warning,
        at: start() - hours(1),
        affected: 4,
        listed: 7,
        is_silenced: false,
        step: 1,
        acknowledged_at: None,
        is_lost: false,
        dispatch: Dispatch::Deliver,
    }
}

const OPEN: Way = Way::Open { remind_every: Some(TimeDelta::hours(4)), is_failing: false };
const NEVER: Way = Way::Open { remind_every: None, is_failing: false };

/// The same, to a receiver that takes nothing.
const FAILING: Way = Way::Open { remind_every: Some(TimeDelta::hours(4)), is_failing: true };

fn check(scene: &Scene, told: Option<&Told>, way: Way, changed: bool, expected: Due) {
    assert_eq!(due(scene, told, way, |_| changed), expected, "{scene:?} {told:?} {way:?} {changed}");
}

#[test]
fn who_was_not_told_is_told_once_nothing_keeps_it() {
    let quiet = Scene { is_quiet: true, ..scene() };
    let silenced = Scene { is_silenced: true, ..scene() };
    let acknowledged = Scene { acknowledged_at: Some(start()), ..scene() };
    check(&scene(), None, OPEN, false, Due::Tell(Kind::Trigger));
    check(&acknowledged, None, OPEN, false, Due::Tell(Kind::Trigger));
    for (scene, way) in
        [(scene(), Way::Closed), (scene(), Way::None), (quiet, OPEN), (silenced, OPEN), (silenced, Way::Closed)]
    {
        check(&scene, None, way, true, Due::Nothing);
    }
}

#[test]
fn what_is_silenced_is_held_and_told_afterwards() {
    let held = Told { is_silenced: true, ..told() };
    let critical = Scene { severity: Severity::Critical, ..scene() };
    for scene in [scene(), critical, Scene { is_quiet: true, ..scene() }] {
        check(&scene, Some(&told()), Way::Closed, true, Due::Hold);
        check(&scene, Some(&held), Way::Closed, true, Due::Nothing);
        check(&Scene { is_silenced: true, ..scene }, Some(&told()), OPEN, true, Due::Hold);
        check(&Scene { is_silenced: true, ..scene }, Some(&held), Way::None, true, Due::Nothing);
    }
    check(&scene(), Some(&held), OPEN, true, Due::Tell(Kind::SilenceEnded));
    check(&scene(), Some(&held), Way::None, true, Due::Nothing);
    check(&Scene { is_quiet: true, ..scene() }, Some(&held), OPEN, true, Due::Nothing);
    check(&Scene { acknowledged_at: Some(start()), ..scene() }, Some(&held), OPEN, true, Due::Tell(Kind::SilenceEnded));
    check(&critical, Some(&held), OPEN, true, Due::Escalate);
}

#[test]
fn another_severity_is_another_key() {
    for severity in [Severity::Info, Severity::Critical] {
        let scene = Scene { severity, acknowledged_at: Some(start()), ..scene() };
        check(&scene, Some(&told()), OPEN, true, Due::Escalate);
        check(&scene, Some(&told()), Way::None, true, Due::Leave);
        check(&Scene { is_quiet: true, acknowledged_at: None, ..scene }, Some(&told()), OPEN, true, Due::Nothing);
    }
}

#[test]
fn what_lasts_is_told_again_in_its_time() {
    let day_old = Told { at: start() - hours(24), ..told() };
    let four_hours_old = Told { at: start() - hours(4), ..told() };
    let almost = Told { at: start() - hours(4) + TimeDelta::seconds(1), ..told() };
    let grown = Scene { has_grown: true, affected: 6, ..scene() };
    let stepped = Scene { step: 2, ..scene() };
    let rows = [
        (scene(), told(), OPEN, true, Due::Nothing),
        (scene(), almost.clone(), OPEN, true, Due::Nothing),
        (scene(), four_hours_old.clone(), OPEN, true, Due::Tell(Kind::Reminder)),
        (scene(), four_hours_old.clone(), NEVER, true, Due::Nothing),
        (scene(), day_old.clone(), NEVER, true, Due::Tell(Kind::Digest)),
        (scene(), day_old.clone(), NEVER, false, Due::Nothing),
        (scene(), day_old.clone(), OPEN, true, Due::Tell(Kind::Digest)),
        (grown, told(), OPEN, true, Due::Tell(Kind::Growth)),
        (grown, Told { affected: 6, ..told() }, OPEN, true, Due::Nothing),
        (Scene { has_grown: false, ..grown }, told(), OPEN, true, Due::Nothing),
        (stepped, told(), NEVER, false, Due::Tell(Kind::Reminder)),
    ];
    for (scene, told, way, changed, expected) in rows {
        check(&scene, Some(&told), way, changed, expected);
        for scene in [Scene { is_quiet: true, ..scene }, Scene { is_silenced: true, ..scene }] {
            let expected = if scene.is_silenced { Due::Hold } else { Due::Nothing };
            check(&scene, Some(&told), way, changed, expected);
        }
        check(&scene, Some(&told), Way::None, changed, Due::Nothing);
        // Somebody takes care, and it knows.
        let at = Some(start() - hours(2));
        let (cared, knows) = (Scene { acknowledged_at: at, ..scene }, Told { acknowledged_at: at, ..told.clone() });
        let expected = if scene.step > 1 { expected } else { Due::Nothing };
        check(&cared, Some(&knows), way, changed, expected);
        // It does not know yet, or of another one.
        check(&cared, Some(&told), way, changed, Due::Tell(Kind::Acknowledgement));
        let other = Told { acknowledged_at: Some(start() - hours(9)), ..told.clone() };
        check(&cared, Some(&other), Way::None, changed, Due::Tell(Kind::Acknowledgement));
        // Withdrawn: as if nobody ever had.
        let before = due(&scene, Some(&told), way, |_| changed);
        check(&scene, Some(&knows), way, changed, before);
    }
}

#[test]
fn what_was_rejected_is_told_anew_while_it_lasts() {
    let anew = Due::Tell(Kind::Trigger);
    let lost = Told { is_lost: true, at: start() - hours(1), ..told() };
    let lately = Told { is_lost: true, at: start() - hours(1) + TimeDelta::seconds(1), ..told() };
    check(&scene(), Some(&lost), FAILING, false, anew);
    check(&scene(), Some(&lately), FAILING, false, Due::Nothing);
    check(&scene(), Some(&lately), OPEN, false, anew);
    check(&scene(), Some(&lately), NEVER, false, anew);
    check(&scene(), Some(&told()), FAILING, false, Due::Nothing);
    // Somebody cares; another incident is the cause; nobody wants to hear of it.
    let at = Some(start());
    check(
        &Scene { acknowledged_at: at, ..scene() },
        Some(&Told { acknowledged_at: at, ..lost.clone() }),
        OPEN,
        false,
        Due::Nothing,
    );
    check(&Scene { is_quiet: true, ..scene() }, Some(&lost), OPEN, false, Due::Nothing);
    check(&Scene { is_silenced: true, ..scene() }, Some(&lost), OPEN, false, Due::Hold);
    check(&scene(), Some(&lost), Way::None, false, Due::Nothing);
}
