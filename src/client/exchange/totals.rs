//! Whether a list is as long as it says, and which lists say it wrongly.
//!
//! A walk that ends with fewer items than the stated total is not complete. Some totals are wrong for good, though: when
//! two walks in a row miss the same number of items, the total is not relied on any more for this list, until a walk
//! agrees with it again.
//!
//! A list that stops at the end of a full page looks cut rather than miscounted, however often it is repeated. So such a
//! walk proves nothing against its total. Nor does one that tells some items twice: they stand in the place of others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a walk found at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListEnd {
    /// Items on all pages.
    pub(super) listed: u64,
    /// The total that the list last stated.
    pub(super) total: Option<u64>,
    /// Whether the last page holds as many items as a page can.
    pub(super) ends_full: bool,
    /// Whether items were told more than once; they are counted once.
    pub(super) repeats: bool,
}

/// What the total says about a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    /// There is no total, or the list has as many items or more: it may have grown meanwhile.
    Complete,
    /// The total is known to be wrong.
    TotalIsWrong,
    /// The list ended before its total.
    Incomplete {
        /// The total.
        total: u64,
    },
}

/// How a list contradicted its total.
#[derive(Debug, Clone, Copy)]
enum Contradiction {
    /// Once, by so many items.
    Once(u64),
    /// Twice alike, by so many items.
    Proved(u64),
}

/// The contradictions that one credential met on one host, by list. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct StatedTotals(Arc<Mutex<BTreeMap<String, Contradiction>>>);

impl StatedTotals {
    /// Compares the end of a walk with its total, and remembers a contradiction.
    pub(super) fn check(&self, list: &str, end: ListEnd) -> Completeness {
        // Nothing panics while the lock is held, so a poisoned lock holds a sound value.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(total) = end.total.filter(|total| *total > end.listed) else {
            if end.total.is_some() {
                known.remove(list);
            }
            return Completeness::Complete;
        };
        if end.repeats {
            return Completeness::Incomplete { total };
        }
        let missing = total - end.listed;
        let before = known.get(list).copied();
        let is_wrong = match before {
            Some(Contradiction::Proved(proved)) => !end.ends_full || missing <= proved,
            Some(Contradiction::Once(once)) => !end.ends_full && missing == once,
            None => false,
        };
        if is_wrong {
            if let Some(Contradiction::Once(_)) = before {
                known.insert(list.to_owned(), Contradiction::Proved(missing));
            }
            return Completeness::TotalIsWrong;
        }
        match before {
            Some(Contradiction::Proved(_)) => {}
            _ if end.ends_full => {
                known.remove(list);
            }
            _ => {
                known.insert(list.to_owned(), Contradiction::Once(missing));
            }
        }
        Completeness::Incomplete { total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_wrong_once_two_walks_contradict_it_alike() {
        // Each walk: listed, total, whether it ends on a full page, and whether it is `c`omplete, complete with a
        // `w`rong total, or `i`ncomplete.
        let check = |walks: &[(u64, u64, bool, char)]| {
            let totals = StatedTotals::default();
            for (number, &(listed, total, ends_full, expected)) in walks.iter().enumerate() {
                let end = ListEnd { listed, total: Some(total), ends_full, repeats: false };
                let expected = match expected {
                    'c' => Completeness::Complete,
                    'w' => Completeness::TotalIsWrong,
                    _ => Completeness::Incomplete { total },
                };
                assert_eq!(totals.check("a", end), expected, "walk {number} of {walks:?}");
            }
        };
        let (short, full) = (false, true);
        check(&[(40, 40, short, 'c'), (41, 40, short, 'c'), (0, 0, short, 'c')]);
        // One item less is less.
        check(&[(39, 40, short, 'i'), (40, 40, short, 'c'), (39, 40, short, 'i')]);
        check(&[(40, 65, short, 'i'), (40, 65, short, 'w'), (40, 65, short, 'w')]);
        // The same error of a list that grows.
        check(&[(40, 65, short, 'i'), (41, 66, short, 'w'), (44, 70, short, 'w')]);
        // An answer that is cut differently each time is cut.
        check(&[(700, 1_234, short, 'i'), (850, 1_234, short, 'i'), (700, 1_234, short, 'i')]);
        // Two contradictions with an agreement between them are none.
        check(&[(40, 65, short, 'i'), (65, 65, short, 'c'), (40, 65, short, 'i')]);
        // Cut after a full page, however often.
        check(&[(900, 1_234, full, 'i'), (900, 1_234, full, 'i'), (900, 1_234, full, 'i')]);
        check(&[(900, 1_234, short, 'i'), (900, 1_234, full, 'i'), (900, 1_234, short, 'i')]);
        // A known error excuses a full last page only as far as it goes.
        check(&[(99, 124, short, 'i'), (99, 124, short, 'w'), (100, 125, full, 'w'), (100, 200, full, 'i')]);
        // Once the total is right again, it counts again.
        check(&[(40, 65, short, 'i'), (40, 65, short, 'w'), (40, 40, short, 'c'), (20, 40, short, 'i')]);
    }

    #[test]
    fn repeats_never_prove_a_total_wrong() {
        let totals = StatedTotals::default();
        let end = |listed, repeats| ListEnd { listed, total: Some(40), ends_full: false, repeats };
        for _ in 0..3 {
            assert_eq!(totals.check("a", end(28, true)), Completeness::Incomplete { total: 40 });
        }
        assert_eq!(totals.check("a", end(28, false)), Completeness::Incomplete { total: 40 });
        // All are there, and one of them twice.
        assert_eq!(totals.check("a", end(40, true)), Completeness::Complete);
    }

    #[test]
    fn lists_are_judged_apart_and_clones_together() {
        let totals = StatedTotals::default();
        let end = ListEnd { listed: 40, total: Some(65), ends_full: false, repeats: false };
        assert_eq!(totals.check("a", end), Completeness::Incomplete { total: 65 });
        assert_eq!(totals.check("b", end), Completeness::Incomplete { total: 65 });
        assert_eq!(totals.clone().check("a", end), Completeness::TotalIsWrong);
        assert_eq!(totals.check("b", ListEnd { total: None, ..end }), Completeness::Complete);
        assert_eq!(totals.check("b", end), Completeness::TotalIsWrong);
    }
}
