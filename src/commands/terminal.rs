//! The one place that prints: data to stdout, everything else to stderr.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

/// Outside text made safe for a terminal: no escape sequence of a hostile name reaches it.
pub(super) use crate::domain::text::visible as printable;

/// How loud a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good news.
    Good,
    /// A problem.
    Bad,
    /// Not known, or worth a look.
    Doubtful,
    /// Less important.
    Quiet,
    /// A heading.
    Strong,
}

/// Where a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    colour: bool,
    message_colour: bool,
    interactive: bool,
    width: usize,
}

/// Columns assumed where the terminal does not tell (a pipe, a log).
const DEFAULT_WIDTH: usize = 100;

impl Terminal {
    /// The process's own: colour only on a terminal and without `NO_COLOR`.
    pub fn of_process() -> Self {
        let (stdout, stderr) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colour: stdout && !no_colour,
            message_colour: stderr && !no_colour,
            interactive: stderr,
            width: DEFAULT_WIDTH,
        }
    }

    /// Whether a person watches stderr: progress is shown only then.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Whether text may be coloured.
    pub fn is_coloured(&self) -> bool {
        self.colour
    }

    /// Whether log messages on stderr may be coloured: never in a file, a pipe or the journal.
    pub fn colours_messages(&self) -> bool {
        self.message_colour
    }

    /// Columns of a line.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Writes data.
    pub fn data(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        // A closed pipe (`| head`) is the reader's wish, no failure of ours.
        let _ = writeln!(stdout, "{text}");
    }

    /// Writes what is not data: progress, hints.
    pub fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Writes an error; its long lines are broken, its short ones kept as they are.
    pub fn error(&self, text: &str) {
        const LEAD: &str = "error: ";
        let mut lead = LEAD.to_owned();
        for line in text.lines() {
            let is_long = lead.len() + line.chars().count() > self.width;
            let broken =
                if is_long { wrap(line, self.width.saturating_sub(lead.len())) } else { vec![line.to_owned()] };
            for line in broken {
                self.note(&format!("{lead}{line}"));
                lead = " ".repeat(LEAD.len());
            }
        }
    }

    /// Text in a tone, plain where there is no colour.
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31;1",
            Tone::Doubtful => "33",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        let mut toned = String::with_capacity(text.len() + 12);
        let _ = write!(toned, "\x1b[{code}m{text}\x1b[0m");
        toned
    }
}

/// Breaks text into lines of at most `width` characters at spaces.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_cannot_drive_the_terminal() {
        assert_eq!(printable("acme\x1b[2J\u{7}"), "acme\u{fffd}[2J\u{fffd}");
        assert_eq!(printable("a\u{202e}emc\u{200b}"), "a\u{fffd}emc\u{fffd}");
    }

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
    }
}
