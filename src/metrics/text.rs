//! The writer of the text format 0.0.4: families with HELP and TYPE once, samples with escaped labels.
//!
//! Source of the format: Prometheus' "Exposition formats", text-based format.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::families::Family;
use crate::domain::text::{Effect, effects};

/// Text is handed to the sink in pieces of about this many bytes: large enough for a compressor to be quick, small
/// enough to cost no memory.
const PIECE: usize = 64 * 1024;

/// Where the page goes.
pub trait Sink {
    /// Whether the text is wanted at all; a sink that only counts series saves the formatting.
    const WANTS_TEXT: bool;

    /// Takes the next piece of the page.
    fn push(&mut self, text: &str);
}

impl Sink for String {
    const WANTS_TEXT: bool = true;

    fn push(&mut self, text: &str) {
        self.push_str(text);
    }
}

/// A sink for counting series.
#[derive(Debug)]
pub struct Counter;

impl Sink for Counter {
    const WANTS_TEXT: bool = false;

    fn push(&mut self, _text: &str) {}
}

/// The value of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// Any number.
    Float(f64),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i8> for Value {
    fn from(value: i8) -> Self {
        Self::Integer(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<DateTime<Utc>> for Value {
    /// Unix seconds.
    fn from(instant: DateTime<Utc>) -> Self {
        Self::Integer(instant.timestamp())
    }
}

/// Labels, escaped once and used in many samples.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(String);

impl Labels {
    /// Escapes `labels`.
    pub fn of(labels: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        push_labels(&mut text, labels);
        Self(text)
    }
}

/// Writes one page.
#[derive(Debug)]
pub struct TextWriter<S> {
    sink: S,
    piece: String,
    series: usize,
}

impl<S: Sink> TextWriter<S> {
    /// A writer into `sink`.
    pub fn new(sink: S) -> Self {
        Self { sink, piece: String::new(), series: 0 }
    }

    /// How many samples were written.
    pub fn series(&self) -> usize {
        self.series
    }

    /// Begins a family; its samples follow before the next one begins.
    pub fn family(&mut self, family: &Family) {
        if !S::WANTS_TEXT {
            return;
        }
        let piece = &mut self.piece;
        for part in ["# HELP ", family.name, " "] {
            piece.push_str(part);
        }
        push_escaped(piece, family.help, false);
        for part in ["\n# TYPE ", family.name, " ", family.kind.as_str(), "\n"] {
            piece.push_str(part);
        }
    }

    /// Writes one sample of the family begun last.
    pub fn sample(&mut self, family: &Family, labels: &Labels, more: &[(&str, &str)], value: impl Into<Value>) {
        self.series += 1;
        if !S::WANTS_TEXT {
            return;
        }
        let piece = &mut self.piece;
        piece.push_str(family.name);
        if !(labels.0.is_empty() && more.is_empty()) {
            piece.push('{');
            piece.push_str(&labels.0);
            if !(labels.0.is_empty() || more.is_empty()) {
                piece.push(',');
            }
            push_labels(piece, more);
            piece.push('}');
        }
        piece.push(' ');
        push_value(piece, value.into());
        piece.push('\n');
        if piece.len() >= PIECE {
            self.flush();
        }
    }

    /// Writes the sample if its value is known; an unknown value is an absent series.
    pub fn sample_if(&mut self, family: &Family, labels: &Labels, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.sample(family, labels, &[], value);
        }
    }

    /// Adds families that are already text.
    pub fn raw(&mut self, text: &str) {
        self.flush();
        self.sink.push(text);
    }

    /// Ends the page.
    pub fn finish(mut self) -> S {
        self.flush();
        self.sink
    }

    fn flush(&mut self) {
        if !self.piece.is_empty() {
            self.sink.push(&self.piece);
            self.piece.clear();
        }
    }
}

fn push_labels(text: &mut String, labels: &[(&str, &str)]) {
    for (place, (name, value)) in labels.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        push_escaped(text, value, true);
        text.push('"');
    }
}

/// Backslash and line feed are escaped everywhere, the double quote in label values alone.
fn push_escaped(text: &mut String, raw: &str, quotes: bool) {
    for (character, effect) in effects(raw) {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            // What the names of a state from before were not freed of, too.
            _ if effect != Effect::Shown => {}
            other => text.push(other),
        }
    }
}

fn push_value(text: &mut String, value: Value) {
    let written = match value {
        Value::Integer(value) => write!(text, "{value}"),
        Value::Float(value) if value.is_infinite() => {
            write!(text, "{}", if value > 0.0 { "+Inf" } else { "-Inf" })
        }
        Value::Float(value) => write!(text, "{value}"),
    };
    debug_assert!(written.is_ok(), "writing into a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::super::families::{Chapter, Kind};
    use super::*;

    const FAMILY: Family = Family {
        name: "acme_things",
        kind: Kind::Gauge,
        labels: &["name"],
        help: "Things, \"quoted\", with a \\ and a\nsecond line.",
        chapter: Chapter::Integrations,
    };

    #[test]
    fn a_page_is_escaped_and_grouped() {
        let mut writer = TextWriter::new(String::new());
        writer.family(&FAMILY);
        writer.sample(&FAMILY, &Labels::default(), &[], 1_i64);
        writer.sample(&FAMILY, &Labels::of(&[("name", "a\"b\\c\nd")]), &[], 0.25);
        writer.sample(&FAMILY, &Labels::of(&[("name", "é€\r")]), &[("empty", "")], f64::INFINITY);
        writer.sample_if(&FAMILY, &Labels::default(), None::<i64>);
        assert_eq!(writer.series(), 3);
        insta::assert_snapshot!(writer.finish(), @r#"
        # HELP acme_things Things, "quoted", with a \\ and a\nsecond line.
        # TYPE acme_things gauge
        acme_things 1
        acme_things{name="a\"b\\c\nd"} 0.25
        acme_things{name="é€",empty=""} +Inf
        "#);
    }

    #[test]
    fn counting_counts_what_writing_writes() {
        let mut counter = TextWriter::new(Counter);
        counter.family(&FAMILY);
        counter.sample(&FAMILY, &Labels::default(), &[("name", "one")], true);
        counter.sample_if(&FAMILY, &Labels::default(), Some(2_usize));
        assert_eq!(counter.series(), 2);
    }
}
