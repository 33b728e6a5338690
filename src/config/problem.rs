//! What is wrong with a configuration: every problem with its place, rendered for people.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::kinds::closed_list;
use crate::domain::text::visible;

mod excerpt;
mod report;

/// So many problems are told; the others are counted. Who has more of them made one mistake many times.
pub(crate) const MOST_TOLD: usize = 50;

/// A message or a help that is longer is cut in its middle: it repeats what somebody wrote, and that may be anything.
/// Characters.
const LONGEST_SENTENCE: usize = 1_500;

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
        /// We failed ourselves.
        OurFault => "our_fault",
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
        let message: String = message.into();
        Self { gravity: Gravity::Error, kind, message: bounded(&message), help: None, place: place.into() }
    }

    pub(crate) fn warning(kind: ProblemKind, place: impl Into<Option<Place>>, message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, ..Self::error(kind, place, message) }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        self.maybe_help(Some(help.into()))
    }

    pub(crate) fn maybe_help(self, help: Option<String>) -> Self {
        Self { help: help.map(|help| bounded(&help)), ..self }
    }
}

/// A sentence as it is told: with a mark for each character that controls, turns or hides, and with a middle that a person
/// would not read left out. Lines of a library's message are one.
fn bounded(sentence: &str) -> String {
    let sentence = visible(&sentence.replace(['\n', '\r', '\t'], " "));
    let characters = sentence.chars().count();
    if characters <= LONGEST_SENTENCE {
        return sentence;
    }
    let (half, left_out) = (LONGEST_SENTENCE / 2, characters - LONGEST_SENTENCE);
    let start: String = sentence.chars().take(half).collect();
    let end: String = sentence.chars().skip(half + left_out).collect();
    format!("{start}… ({left_out} characters more) …{end}")
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

/// The name of a file, as it is told: it may be anything that a file system takes.
fn file_name(path: &Path) -> String {
    visible(&path.display().to_string())
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

    /// The problems with the lines they lie in, for a person. However many there are and whatever the files look like,
    /// the text is bounded.
    pub fn render(&self, style: Style) -> String {
        report::render(self, style)
    }

    /// Those that are told, in the order of their places: errors before warnings where not all can be. And what is said
    /// of the rest.
    fn told(&self) -> (Vec<&Problem>, Option<String>) {
        let mut ranked: Vec<_> = self.list.iter().enumerate().collect();
        ranked.sort_by_key(|(_, problem)| problem.gravity);
        let (errors, all) = (self.errors(), ranked.len());
        ranked.truncate(MOST_TOLD);
        ranked.sort_by_key(|(order, _)| *order);
        let told: Vec<_> = ranked.into_iter().map(|(_, problem)| problem).collect();
        let plural = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
        let rest = (all > told.len()).then(|| {
            let more = all - told.len();
            let (errors, warnings) = (plural(errors, "error"), plural(all - errors, "warning"));
            format!("{more} more are not shown: there are {errors} and {warnings} in all")
        });
        (told, rest)
    }
}

/// One line per problem: `file:line:column: message`. For logs.
impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (told, rest) = self.told();
        for (index, problem) in told.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}")?;
            if let Some((path, line, column)) = self.position(problem) {
                write!(formatter, "{}:{line}:{column}: ", file_name(&path))?;
            }
            formatter.write_str(&problem.message)?;
        }
        rest.map_or(Ok(()), |rest| write!(formatter, "\n{rest}"))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests;
