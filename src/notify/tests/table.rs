//! The decision for one receiver: every row.

use chrono::TimeDelta;

use super::stage::{hours, start};
use crate::domain::attention::Told;
use crate::domain::incident::Severity;
use crate::domain::notification::{Dispatch, NotificationKind as Kind};
use crate::health::incidents::growth::Growth;
use crate::notify::due::{Due, Scene, Way, due};

fn scene() -> Scene {
    Scene {
        now: start(),
        severity: Severity::Warning,
        is_quiet: false,
        is_silenced: false,
        is_waiting: false,
        acknowledged_at: None,
        is_standing: false,
        step: 1,
        affected: 4,
        growth: Growth::BlastRadius,
    }
}

fn told() -> Told {
    Told {
        severity: Severity::Warning,
        at: start() - hours(1),
        affected: 4,
        grown_at: None,
        is_standing: false,
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

fn check(scene: &Scene, told: Option<&Told>, way: Way, expected: Due) {
    assert_eq!(due(scene, told, way), expected, "{scene:?} {told:?} {way:?}");
}

#[test]
fn who_was_not_told_is_told_once_nothing_keeps_it() {
    let quiet = Scene { is_quiet: true, ..scene() };
    let silenced = Scene { is_silenced: true, ..scene() };
    let waiting = Scene { is_waiting: true, ..scene() };
    let info = Scene { severity: Severity::Info, ..scene() };
    let acknowledged = Scene { acknowledged_at: Some(start()), ..scene() };
    let standing = Scene { is_standing: true, ..scene() };
    for scene in [scene(), acknowledged, standing] {
        check(&scene, None, OPEN, Due::Tell(Kind::Trigger));
    }
    for (scene, way) in [
        (scene(), Way::Closed),
        (scene(), Way::None),
        (quiet, OPEN),
        (silenced, OPEN),
        (silenced, Way::Closed),
        (waiting, OPEN),
        (info, OPEN),
    ] {
        check(&scene, None, way, Due::Nothing);
    }
    // Only the first page waits.
    check(&Scene { severity: Severity::Critical, ..waiting }, Some(&told()), OPEN, Due::Escalate);
}

#[test]
fn what_is_silenced_is_not_told_again_afterwards() {
    let silenced = Scene { is_silenced: true, ..scene() };
    let critical = Scene { severity: Severity::Critical, ..silenced };
    for scene in [silenced, critical, Scene { step: 2, ..silenced }, Scene { affected: 40, ..silenced }] {
        check(&scene, Some(&told()), OPEN, Due::Nothing);
        check(&scene, Some(&told()), Way::None, Due::Nothing);
        check(&Scene { is_silenced: false, ..scene }, Some(&told()), Way::Closed, Due::Nothing);
    }
    check(&scene(), Some(&told()), OPEN, Due::Nothing);
    // What changed meanwhile is told.
    check(&Scene { is_silenced: false, ..critical }, Some(&told()), OPEN, Due::Escalate);
    check(&Scene { affected: 40, ..scene() }, Some(&told()), OPEN, Due::Tell(Kind::Growth));
    let acknowledged = Scene { acknowledged_at: Some(start()), ..scene() };
    check(&acknowledged, Some(&told()), OPEN, Due::Tell(Kind::Acknowledgement));
}

#[test]
fn another_severity_is_another_key() {
    for severity in [Severity::Info, Severity::Critical] {
        let scene = Scene { severity, acknowledged_at: Some(start()), ..scene() };
        // What is only for the record is in the digest.
        let expected = if severity == Severity::Info { Due::Leave } else { Due::Escalate };
        check(&scene, Some(&told()), OPEN, expected);
        check(&Scene { is_standing: true, ..scene }, Some(&told()), OPEN, expected);
        check(&scene, Some(&told()), Way::None, Due::Leave);
        check(&Scene { is_quiet: true, acknowledged_at: None, ..scene }, Some(&told()), OPEN, Due::Nothing);
    }
}

#[test]
fn what_lasts_is_told_again_in_its_time() {
    let day_old = Told { at: start() - hours(24), ..told() };
    let four_hours_old = Told { at: start() - hours(4), ..told() };
    let almost = Told { at: start() - hours(4) + TimeDelta::seconds(1), ..told() };
    let grown = Scene { affected: 7, ..scene() };
    let members = Scene { growth: Growth::Members, ..scene() };
    let stepped = Scene { step: 2, ..scene() };
    let grew = |ago| Told { grown_at: Some(start() - ago), ..told() };
    let second = TimeDelta::seconds(1);
    let rows = [
        (scene(), told(), OPEN, Due::Nothing),
        (scene(), almost.clone(), OPEN, Due::Nothing),
        (scene(), four_hours_old.clone(), OPEN, Due::Tell(Kind::Reminder)),
        (scene(), four_hours_old.clone(), NEVER, Due::Nothing),
        (scene(), day_old.clone(), NEVER, Due::Nothing),
        (grown, told(), OPEN, Due::Tell(Kind::Growth)),
        (grown, Told { at: start(), ..told() }, OPEN, Due::Tell(Kind::Growth)),
        (Scene { affected: 6, ..grown }, told(), OPEN, Due::Nothing),
        (grown, Told { affected: 5, ..told() }, OPEN, Due::Nothing),
        (grown, grew(hours(1)), OPEN, Due::Tell(Kind::Growth)),
        (grown, grew(hours(1) - second), OPEN, Due::Nothing),
        (Scene { affected: 7, ..members }, told(), OPEN, Due::Nothing),
        (Scene { affected: 8, ..members }, told(), OPEN, Due::Tell(Kind::Growth)),
        (Scene { affected: 8, ..members }, grew(hours(24)), OPEN, Due::Tell(Kind::Growth)),
        (Scene { affected: 8, ..members }, grew(hours(24) - second), OPEN, Due::Nothing),
        (stepped, told(), NEVER, Due::Tell(Kind::Reminder)),
    ];
    for (scene, told, way, expected) in rows {
        check(&scene, Some(&told), way, expected);
        for scene in [Scene { is_quiet: true, ..scene }, Scene { is_silenced: true, ..scene }] {
            check(&scene, Some(&told), way, Due::Nothing);
        }
        check(&scene, Some(&told), Way::None, Due::Nothing);
        // Somebody takes care, and it knows.
        let at = Some(start() - hours(2));
        let (cared, knows) = (Scene { acknowledged_at: at, ..scene }, Told { acknowledged_at: at, ..told.clone() });
        check(&cared, Some(&knows), way, if scene.step > 1 { expected } else { Due::Nothing });
        // It does not know yet, or of another one.
        check(&cared, Some(&told), way, Due::Tell(Kind::Acknowledgement));
        let other = Told { acknowledged_at: Some(start() - hours(9)), ..told.clone() };
        check(&cared, Some(&other), Way::None, Due::Tell(Kind::Acknowledgement));
        // Withdrawn: as if nobody ever had.
        let before = due(&scene, Some(&told), way);
        check(&scene, Some(&knows), way, before);
    }
}

#[test]
fn what_stands_is_said_once() {
    let standing = Scene { is_standing: true, ..scene() };
    let old = Told { at: start() - hours(24 * 20), ..told() };
    let knows = Told { is_standing: true, ..old.clone() };
    let at = Some(start() - hours(24 * 15));
    for way in [OPEN, NEVER] {
        check(&standing, Some(&old), way, Due::Tell(Kind::Standing));
        check(&standing, Some(&knows), way, Due::Nothing);
        // An acknowledgement counts for as long.
        let acknowledged = Scene { acknowledged_at: at, ..standing };
        check(&acknowledged, Some(&Told { acknowledged_at: at, ..old.clone() }), way, Due::Tell(Kind::Standing));
        check(&acknowledged, Some(&Told { acknowledged_at: at, ..knows.clone() }), way, Due::Nothing);
        // Escalation and growth are told all the same.
        check(&Scene { severity: Severity::Critical, ..standing }, Some(&knows), way, Due::Escalate);
        check(&Scene { step: 2, ..standing }, Some(&knows), way, Due::Tell(Kind::Reminder));
        check(&Scene { affected: 9, ..standing }, Some(&knows), way, Due::Tell(Kind::Growth));
        check(&Scene { is_quiet: true, ..standing }, Some(&old), way, Due::Nothing);
    }
    check(&standing, Some(&old), Way::None, Due::Nothing);
    check(&standing, Some(&old), Way::Closed, Due::Nothing);
}

#[test]
fn what_was_rejected_is_told_anew_while_it_lasts() {
    let anew = Due::Tell(Kind::Trigger);
    let lost = Told { is_lost: true, at: start() - hours(1), ..told() };
    let lately = Told { is_lost: true, at: start() - hours(1) + TimeDelta::seconds(1), ..told() };
    check(&scene(), Some(&lost), FAILING, anew);
    check(&scene(), Some(&lately), FAILING, Due::Nothing);
    check(&scene(), Some(&lately), OPEN, anew);
    check(&scene(), Some(&lately), NEVER, anew);
    check(&scene(), Some(&told()), FAILING, Due::Nothing);
    // Somebody cares; another incident is the cause; nobody wants to hear of it.
    let at = Some(start());
    check(
        &Scene { acknowledged_at: at, ..scene() },
        Some(&Told { acknowledged_at: at, ..lost.clone() }),
        OPEN,
        Due::Nothing,
    );
    check(&Scene { is_quiet: true, ..scene() }, Some(&lost), OPEN, Due::Nothing);
    check(&Scene { is_silenced: true, ..scene() }, Some(&lost), OPEN, Due::Nothing);
    check(&scene(), Some(&lost), Way::None, Due::Nothing);
}
