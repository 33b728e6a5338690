//! Every combination of nothing, one, some, most and all, of repositories and of assets: at first sight, after it, and
//! when all is back again.

use super::{Amounts, SIZE, Story};

const AMOUNTS: [usize; 5] = [0, 1, 4, 9, SIZE];
/// Hours in which a walk is confirmed by another.
const SPAN: i64 = 2;

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    AMOUNTS.into_iter().flat_map(|one| AMOUNTS.into_iter().map(move |other| (one, other)))
}

fn in_one_namespace() -> impl Iterator<Item = Amounts> {
    pairs().map(|(visible, assets)| Amounts { visible: [visible, 0], assets: [assets, 0] })
}

fn in_two_namespaces() -> impl Iterator<Item = Amounts> {
    let of =
        |visible: (usize, usize), assets: (usize, usize)| Amounts { visible: visible.into(), assets: assets.into() };
    pairs().flat_map(move |visible| pairs().map(move |assets| of(visible, assets)))
}

fn after(story: &Story, amounts: Amounts) -> Story {
    let mut story = story.clone();
    story.step(amounts, SPAN);
    story
}

#[test]
fn one_namespace_in_any_amount_after_any_other_and_back_again() {
    for first in in_one_namespace() {
        let at_first = after(&Story::new(false), first);
        for second in in_one_namespace() {
            let then = after(&at_first, second);
            for third in [first, Amounts { visible: [SIZE, 0], assets: [SIZE, 0] }, Amounts::NOTHING] {
                after(&then, third);
            }
        }
    }
}

#[test]
fn two_namespaces_in_any_amount_after_all_and_back_again() {
    for two_profiles in [false, true] {
        let at_first = after(&Story::new(two_profiles), Amounts::ALL);
        for second in in_two_namespaces() {
            let then = after(&at_first, second);
            after(&then, Amounts::ALL);
        }
    }
}

#[test]
fn two_namespaces_at_first_sight_in_any_amount() {
    for two_profiles in [false, true] {
        for first in in_two_namespaces() {
            after(&Story::new(two_profiles), first);
        }
    }
}
