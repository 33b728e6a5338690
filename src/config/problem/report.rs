//! Renders problems with the lines they lie in, by a library that people know from compilers.

use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use super::excerpt::Excerpt;
use super::{Gravity, Problem, Problems, Style, file_name};
use crate::config::mask::masked;

/// How wide problems are rendered when nobody says how wide the terminal is. Columns.
const WIDTH: usize = 120;

/// The problems that are told, each with its lines, and a word about the rest.
pub(super) fn render(problems: &Problems, style: Style) -> String {
    let theme = match style {
        Style::Coloured => GraphicalTheme::unicode(),
        Style::Plain => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH);
    let (told, rest) = problems.told();
    // Each file once: what hides secrets reads it from its beginning.
    let shown: Vec<_> = problems.files.iter().map(|file| masked(&file.text)).collect();
    let mut text = String::new();
    for problem in told {
        let excerpt = problem.place.and_then(|place| {
            let (file, text) = (problems.files.get(place.file)?, shown.get(place.file)?);
            Some(Excerpt::of(file_name(&file.path), text, place.start..place.end))
        });
        text.push_str(&drawn(&handler, &Report { problem, excerpt }));
        text.push('\n');
    }
    if let Some(rest) = rest {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{rest}\n");
    }
    text
}

/// One problem. Whoever is told of a problem must not be stopped by how it is drawn.
fn drawn(handler: &GraphicalReportHandler, report: &Report<'_>) -> String {
    let drawing = catch_unwind(AssertUnwindSafe(|| {
        let mut text = String::new();
        handler.render_report(&mut text, report).ok().map(|()| text)
    }));
    drawing.ok().flatten().unwrap_or_else(|| format!("{}\n", report.problem.message))
}

/// A problem as the library wants it.
#[derive(Debug)]
struct Report<'a> {
    problem: &'a Problem,
    excerpt: Option<Excerpt>,
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
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let mark = self.excerpt.as_ref()?.mark();
        let label = LabeledSpan::new(Some("here".to_owned()), mark.start, mark.len());
        Some(Box::new(std::iter::once(label)))
    }
}
