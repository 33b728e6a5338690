//! Cutting a list into pages: Snyk's opaque cursors and Bitbucket's page numbers.

use super::ids;

/// A slice of a list, and where the next one begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) total: usize,
    /// The offset of the next page; none on the last.
    pub(super) next: Option<usize>,
}

/// The page of `length` items from `offset` on.
pub(super) fn page<T>(items: Vec<T>, offset: usize, length: usize) -> Page<T> {
    let total = items.len();
    let items: Vec<T> = items.into_iter().skip(offset).take(length).collect();
    let end = offset.saturating_add(items.len());
    Page { items, total, next: (end < total).then_some(end) }
}

/// An opaque cursor for an offset. The check digits make an invented cursor an error, as the real APIs do.
pub(super) fn cursor(offset: usize) -> String {
    let check: String = ids::hex(&format!("cursor {offset}")).chars().take(6).collect();
    format!("v1.{check}{offset:x}")
}

/// The offset of a cursor made by [`cursor`].
pub(super) fn offset(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("v1.")?.get(6..)?;
    let offset = usize::from_str_radix(digits, 16).ok()?;
    (cursor(offset) == text).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_once() {
        for (count, length) in [(0, 10), (1, 10), (10, 10), (11, 10), (95, 10), (7, 3)] {
            let (mut seen, mut at) = (Vec::new(), Some(0));
            while let Some(offset) = at {
                let page = page((0..count).collect(), offset, length);
                assert_eq!(page.total, count);
                seen.extend(page.items);
                at = page.next;
            }
            assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{count} items in pages of {length}");
        }
    }

    #[test]
    fn a_cursor_is_only_valid_as_given() {
        assert_eq!(offset(&cursor(120)), Some(120));
        for invented in ["", "v1.", "120", "v1.00000078", "v2.abcdef78", "v1.é"] {
            assert_eq!(offset(invented), None, "{invented}");
        }
    }
}
