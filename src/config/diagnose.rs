//! Turns what the YAML library says into problems and places.

use serde_saphyr::{Error, Location, UserMessageFormatter};

use super::problem::{Place, Problem, ProblemKind};

/// The problem behind a refused file. A file that is not YAML has but one: what follows it cannot be told.
pub(crate) fn syntax(error: &Error, file: usize, text: &str) -> Problem {
    let place = error.location().map(|location| place(&location, file, text));
    let error = innermost(error);
    let message = match error {
        Error::MultipleDocuments { .. } => "a second document begins here, and a configuration is one".to_owned(),
        Error::Budget { .. } => {
            "there is more in it (values, names, levels, anchors) than a configuration has".to_owned()
        }
        // The other formatter speaks to whoever calls the library.
        error => error.render_with_formatter(&UserMessageFormatter),
    };
    // The place is shown beside the message, so the message need not name it.
    let message = message.split(" at line ").next().unwrap_or(&message).trim_end_matches([':', ',', ' ']).to_owned();
    Problem::error(ProblemKind::Syntax, place, format!("this is not YAML: {message}"))
        .help("problems after this one cannot be seen until it is put right")
}

/// What is wrong, without what the library says around it: a snippet, or that an alias led there.
fn innermost(mut error: &Error) -> &Error {
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    error
}

/// A location as bytes of `text`.
pub(crate) fn place(location: &Location, file: usize, text: &str) -> Place {
    let bound = |offset: u64| {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        (0..=offset).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or(0)
    };
    let span = location.span();
    if let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) {
        return Place { file, start: bound(start), end: bound(start + length) };
    }
    // Without bytes, line and column (both from 1) have to do.
    let column = usize::try_from(location.column()).unwrap_or(1).saturating_sub(1);
    let start = bound((line_start(text, location.line()) + column) as u64);
    Place { file, start, end: start }
}

fn line_start(text: &str, line: u64) -> usize {
    let lines = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    text.split_inclusive('\n').take(lines).map(str::len).sum()
}
