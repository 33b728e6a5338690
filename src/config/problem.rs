//! What is wrong with a configuration: every problem with its place, rendered for people.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use crate::domain::kinds::closed_list;

/// How wide problems are rendered when nobody says how wide the terminal is. Columns.
const WIDTH: usize = 120;

/// A place in one of the files: bytes from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which file: an index into the files that were read.
    pub file: usize,
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

closed_list! {
    /// The kind of a problem.
    ProblemKind {
        /// A file that cannot be read.
        UnreadableFile => "unreadable_file",
        /// Not YAML.
        Syntax => "syntax",
        /// A key that means nothing here.
        UnknownKey => "unknown_key",
        /// A key that is written twice.
        DuplicateKey => "duplicate_key",
        /// A value of another type than expected.
        WrongType => "wrong_type",
        /// A value of the right type that cannot be.
        InvalidValue => "invalid_value",
        /// A key that must be there.
        MissingKey => "missing_key",
        /// Keys that exclude each other.
        ConflictingKeys => "conflicting_keys",
        /// A name that is defined nowhere.
        UnknownReference => "unknown_reference",
        /// A name that is taken.
        DuplicateName => "duplicate_name",
        /// An environment variable that is not set.
        UnsetVariable => "unset_variable",
        /// A secret that cannot be read.
        UnreadableSecret => "unreadable_secret",
        /// A secret that everybody on the machine can read.
        ExposedSecret => "exposed_secret",
        /// A schedule that cannot work.
        ImpossibleSchedule => "impossible_schedule",
        /// A template that cannot be rendered.
        Template => "template",
        /// Something that would go over the network in the clear.
        Insecure => "insecure",
        /// A route that nothing reaches.
        Unreachable => "unreachable",
        /// Something that its maker ends.
        Ending => "ending",
        /// Something that is defined and used nowhere.
        Unused => "unused",
    }
}

/// Whether a problem stops the configuration from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The configuration cannot be used.
    Error,
    /// It can, but somebody should look.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops the configuration from being used.
    pub gravity: Gravity,
    /// What kind it is.
    pub kind: ProblemKind,
    /// What is wrong.
    pub message: String,
    /// How to put it right.
    pub help: Option<String>,
    /// Where.
    pub place: Option<Place>,
}

impl Problem {
    pub(crate) fn error(kind: ProblemKind, place: impl Into<Option<Place>>, message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Error, kind, message: message.into(), help: None, place: place.into() }
    }

    pub(crate) fn warning(kind: ProblemKind, place: impl Into<Option<Place>>, message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, ..Self::error(kind, place, message) }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    pub(crate) fn maybe_help(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }
}

/// A file as it was read.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<str>,
}

/// Problems and the files they lie in.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    list: Vec<Problem>,
    files: Vec<SourceFile>,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// With colours, for a terminal.
    Coloured,
    /// Without, for files and for `NO_COLOR`.
    Plain,
}

impl Problems {
    /// Sorted by place; what was found twice counts once.
    pub(crate) fn new(mut list: Vec<Problem>, files: Vec<SourceFile>) -> Self {
        list.sort_by_key(|problem| (problem.place, problem.gravity));
        list.dedup();
        Self { list, files }
    }

    /// All of them, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many stop the configuration from being used.
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|problem| problem.gravity == Gravity::Error).count()
    }

    /// The file, line and column (both from 1) of a problem.
    pub fn position(&self, problem: &Problem) -> Option<(PathBuf, usize, usize)> {
        let place = problem.place?;
        let file = self.files.get(place.file)?;
        let before = file.text.get(..place.start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        Some((file.path.clone(), line, column))
    }

    /// The problems with the lines they lie in, for a person.
    pub fn render(&self, style: Style) -> String {
        let theme = match style {
            Style::Coloured => GraphicalTheme::unicode(),
            Style::Plain => GraphicalTheme::unicode_nocolor(),
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH);
        let mut text = String::new();
        for problem in &self.list {
            let report = Report { problem, source: self.source(problem) };
            if handler.render_report(&mut text, &report).is_err() {
                text.push_str(&problem.message);
            }
            text.push('\n');
        }
        text
    }

    fn source(&self, problem: &Problem) -> Option<NamedSource<String>> {
        let file = self.files.get(problem.place?.file)?;
        Some(NamedSource::new(file.path.display().to_string(), super::mask::masked(&file.text)))
    }
}

/// One line per problem: `file:line:column: message`. For logs.
impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}")?;
            if let Some((path, line, column)) = self.position(problem) {
                write!(formatter, "{}:{line}:{column}: ", path.display())?;
            }
            formatter.write_str(&problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A problem as miette wants it.
#[derive(Debug)]
struct Report<'a> {
    problem: &'a Problem,
    source: Option<NamedSource<String>>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem.message)
    }
}

impl std::error::Error for Report<'_> {}

impl Diagnostic for Report<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(format!("config::{}", self.problem.kind)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.gravity {
            Gravity::Error => miette::Severity::Error,
            Gravity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.problem.place?;
        let label = LabeledSpan::new(Some("here".to_owned()), place.start, place.end.saturating_sub(place.start));
        Some(Box::new(std::iter::once(label)))
    }
}
