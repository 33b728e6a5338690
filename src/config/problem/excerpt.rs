//! What is shown of a file beside a problem: its line with a neighbour on each side, each as wide as a person reads.
//!
//! A file may be one line of a megabyte: what renders lines takes time by the square of their length, and counts
//! columns in sixteen bits. So it is given a window of a long line, and an ellipsis where something was left out; the
//! place that is named beside it stays the one in the file. A character that controls, turns or hides is shown as a mark of
//! its own, one for one, so that columns stay what they were.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::domain::text::{Effect, effects};

/// A line up to this is shown whole. Characters.
const LONGEST_LINE: usize = 240;

/// Of a longer one, so much before the problem, and so much from there on. Characters.
const WINDOW: (usize, usize) = (60, 100);

/// Stands where something was left out.
const ELLIPSIS: char = '…';

/// Some lines of a file around a problem.
#[derive(Debug)]
pub(super) struct Excerpt {
    name: String,
    /// The lines as they are shown.
    text: String,
    /// Where the problem lies in `text`.
    mark: Range<usize>,
    /// The number of the first of these lines in the file, from 0.
    first_line: usize,
    /// Line and column of the problem in the file, from 0.
    position: (usize, usize),
}

impl Excerpt {
    /// What is shown of the file `name` with this text. The problem is marked up to the end of its first line.
    pub(super) fn of(name: String, text: &str, place: Range<usize>) -> Self {
        let start = text.floor_char_boundary(place.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let line_number = before.matches('\n').count();
        let neighbour = before.get(..line_start.saturating_sub(1)).filter(|_| line_start > 0);
        let neighbour = neighbour.map(|lines| lines.rsplit('\n').next().unwrap_or_default());
        let mut shown = String::new();
        if let Some(neighbour) = neighbour {
            shown.push_str(&window(neighbour, 0).0);
            shown.push('\n');
        }
        let column = start - line_start;
        let (part, cut) = window(line, column);
        let mark_start = shown.len() + cut.shifted(line, column);
        let mark_end = shown.len() + cut.shifted(line, place.end.max(start) - line_start);
        let last = shown.len() + part.len();
        shown.push_str(&part);
        shown.push('\n');
        if let Some(next) = after.split('\n').next().filter(|_| !after.is_empty()) {
            shown.push_str(&window(next, 0).0);
            shown.push('\n');
        }
        Self {
            name,
            mark: mark_start.min(last)..mark_end.clamp(mark_start.min(last), last),
            text: shown,
            first_line: line_number - usize::from(neighbour.is_some()),
            position: (line_number, line.get(..column).map_or(column, |before| before.chars().count())),
        }
    }

    /// Where the problem lies in what is shown. Bytes.
    pub(super) fn mark(&self) -> Range<usize> {
        self.mark.clone()
    }

    /// The words that are marked.
    #[cfg(test)]
    pub(super) fn shown(&self) -> &str {
        &self.text[self.mark()]
    }
}

/// How bytes of a line moved when its window was cut out.
struct Cut {
    /// The bytes of the line that are in the window.
    kept: Range<usize>,
    /// What stands before them.
    lead: usize,
}

impl Cut {
    /// Where a byte of the line is in the window; at its nearer end, if it is not in it.
    fn shifted(&self, line: &str, byte: usize) -> usize {
        let byte = line.floor_char_boundary(byte.clamp(self.kept.start, self.kept.end));
        let kept = line.get(self.kept.clone()).unwrap_or_default();
        let before = drawn(kept).zip(kept.char_indices()).take_while(|(_, (start, _))| self.kept.start + start < byte);
        self.lead + before.map(|(shown, _)| shown.len_utf8()).sum::<usize>()
    }
}

/// What is shown of a line: all of it, or what surrounds the byte `around`. A carriage return at its end is not shown.
fn window(line: &str, around: usize) -> (String, Cut) {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let (before, after) = line.split_at(line.floor_char_boundary(around));
    let (wide_before, wide_after) =
        if line.chars().nth(LONGEST_LINE).is_none() { (usize::MAX, usize::MAX) } else { WINDOW };
    let start = before.char_indices().rev().take(wide_before).last().map_or(before.len(), |(start, _)| start);
    let end = before.len() + after.char_indices().nth(wide_after).map_or(after.len(), |(end, _)| end);
    let (lead, trail) = (if start > 0 { ELLIPSIS.len_utf8() } else { 0 }, end < line.len());
    let mut shown = String::new();
    if lead > 0 {
        shown.push(ELLIPSIS);
    }
    shown.extend(drawn(line.get(start..end).unwrap_or_default()));
    if trail {
        shown.push(ELLIPSIS);
    }
    (shown, Cut { kept: start..end, lead })
}

/// What is shown of each character. What draws lines knows how wide a tab is.
fn drawn(text: &str) -> impl Iterator<Item = char> {
    effects(text).map(|(character, effect)| match (character, effect) {
        // A lone one would set a terminal back to the line's beginning.
        ('\r', _) => ' ',
        ('\t', _) | (_, Effect::Shown) => character,
        (_, Effect::Hidden | Effect::Breaks) => '\u{fffd}',
    })
}

impl SourceCode for Excerpt {
    /// Asked without neighbours, it is about the place in the file; else about all that is shown.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (name, text) = (self.name.clone(), self.text.as_bytes());
        if (lines_before, lines_after) == (0, 0) {
            let (line, column) = self.position;
            return Ok(Box::new(MietteSpanContents::new_named(name, text, *span, line, column, 1)));
        }
        let all = SourceSpan::new(0.into(), text.len());
        let lines = self.text.matches('\n').count();
        Ok(Box::new(MietteSpanContents::new_named(name, text, all, self.first_line, 0, lines)))
    }
}
