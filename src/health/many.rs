//! What *many* means, wherever a rule says so.

/// Fewer than this are many only where they are at least half.
pub(super) const MANY_AT_LEAST: usize = 3;

/// Many (`share`) of `of`: more than that share of them and at least `at_least`, or at least half of them. So 2 of 4 are
/// many, 2 of 40 are not.
pub(super) fn is_many(part: usize, of: usize, share: f64, at_least: usize) -> bool {
    let is_half = part > 0 && part * 2 >= of;
    is_half || (part >= at_least && part as f64 > share * of as f64)
}

#[cfg(test)]
mod tests {
    use super::{MANY_AT_LEAST, is_many};

    #[test]
    fn many_is_a_share_and_three_of_them_or_half() {
        for (part, of, share, expected) in [
            (2, 4, 0.05, true),
            (2, 40, 0.05, false),
            (2, 5, 0.05, false),
            (3, 40, 0.05, true),
            (3, 60, 0.05, false),
            (4, 60, 0.05, true),
            (1, 1, 0.20, true),
            (1, 2, 0.20, true),
            (1, 3, 0.20, false),
            (4, 20, 0.20, false),
            (5, 20, 0.20, true),
            (0, 0, 0.05, false),
            (0, 3, 0.05, false),
        ] {
            assert_eq!(is_many(part, of, share, MANY_AT_LEAST), expected, "{part} of {of} at {share}");
        }
    }
}
