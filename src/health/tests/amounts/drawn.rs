//! Long stories, drawn at random.

use proptest::prelude::*;

use super::{Amounts, SIZE, Story};

/// How many of a namespace's repositories there are: nothing, one, some, most, all.
fn amount() -> impl Strategy<Value = usize> {
    proptest::sample::select(vec![0, 1, 4, 8, SIZE])
}

/// What is there, and for how many hours.
fn step() -> impl Strategy<Value = (Amounts, i64)> {
    let amounts = ([amount(), amount()], [amount(), amount()]);
    (amounts.prop_map(|(visible, assets)| Amounts { visible, assets }), 2_i64..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_there_connected_is_proved(two_profiles: bool, steps in proptest::collection::vec(step(), 1..6)) {
        let mut story = Story::new(two_profiles);
        for (amounts, span) in steps {
            story.step(amounts, span);
        }
    }
}
