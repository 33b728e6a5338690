//! The operator's own texts of notifications, in Jinja's syntax.
//!
//! A template is compiled, and tried out on notifications of every kind ([`Template::try_out`]), when the configuration
//! is loaded: a name that does not exist, and one that may be missing and is not asked for, are found then and not in
//! the night. Rendering is bounded in instructions, memory and output: by the engine's fuel, and by what a template may be
//! written of (`language`), without which fuel bounds nothing. What renders sees to it that it delays nobody
//! (`deliver::worded`).
//!
//! What it does not do: a template reads no file and includes no other; it knows no time but those of the notification.
//! It gives plain text and escapes nothing: hostile names are in it, and each receiver escapes the whole for its own form.

use std::fmt;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};

mod context;
mod language;
mod sample;

pub use context::TemplateContext;

/// So much one rendering may do and hold: fifty thousand instructions, or three megabytes. A page of fifty members takes
/// about two thousand. Units of the template engine's fuel.
const FUEL: u64 = 50_000;

/// So deep may expressions and blocks lie in each other.
const DEEPEST: usize = 50;

/// A longer template is a wrong file. Bytes.
const LONGEST_TEMPLATE: usize = 16 * 1024;

/// The stack on which a template is compiled: sixteen kilobytes for each byte of the longest. Of it, memory is taken only
/// as far as it is used. Bytes.
const COMPILER_STACK: usize = LONGEST_TEMPLATE * 16 * 1024;

/// A text longer than this is no page. Bytes; the strictest receiver takes 28 kilobytes.
pub const LONGEST_TEXT: usize = 64 * 1024;

/// What is told of a mistake is cut after so much. Bytes.
const LONGEST_MESSAGE: usize = 400;

/// The name under which the engine keeps the only template; it ends in nothing that would switch on HTML's escapes.
const NAME: &str = "template";

/// A compiled template.
#[derive(Clone)]
pub struct Template {
    environment: Arc<Environment<'static>>,
}

/// Why a template does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the template: {message}")]
pub struct TemplateProblem {
    /// The line of the template, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Template").finish_non_exhaustive()
    }
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// When it is no template.
    pub fn compile(text: &str) -> Result<Self, TemplateProblem> {
        let whole = |message: String| TemplateProblem { line: 1, message };
        if text.len() > LONGEST_TEMPLATE {
            return Err(whole(format!("it has {} bytes, at most {LONGEST_TEMPLATE} are read", text.len())));
        }
        // The engine's compiler calls itself for every operator of an expression: it gets a stack that the longest
        // template cannot use up.
        let text = text.to_owned();
        let thread = std::thread::Builder::new().stack_size(COMPILER_STACK).spawn(move || environment(&text));
        let compiled = thread.map_err(|error| whole(format!("no thread to compile it: {error}")))?.join();
        let environment = compiled.map_err(|_| whole("the template engine gave up".to_owned()))??;
        Ok(Self { environment: Arc::new(environment) })
    }

    /// The text for one notification, without white space at its ends.
    ///
    /// # Errors
    /// When the template asks for what is not there, or for too much.
    pub fn render(&self, context: &TemplateContext) -> Result<String, TemplateProblem> {
        let template = self.environment.get_template(NAME).map_err(|error| TemplateProblem::of(&error, ""))?;
        let text = template.render(Serde(context)).map_err(|error| TemplateProblem::of(&error, template.source()))?;
        if text.len() > LONGEST_TEXT {
            let message = format!("the text has {} bytes, at most {LONGEST_TEXT} are sent", text.len());
            return Err(TemplateProblem { line: 1, message });
        }
        Ok(text.trim().to_owned())
    }

    /// Renders notifications of every kind, full ones and bare ones.
    ///
    /// # Errors
    /// The first that fails, and for which kind.
    pub fn try_out(&self) -> Result<(), TemplateProblem> {
        for (what, notification) in sample::notifications() {
            self.render(&TemplateContext::of(&notification))
                .map_err(|problem| TemplateProblem { message: format!("{} ({what})", problem.message), ..problem })?;
        }
        Ok(())
    }
}

/// The engine with a template in it.
fn environment(text: &str) -> Result<Environment<'static>, TemplateProblem> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST);
    // A line with a tag alone leaves no empty line behind.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    let syntax = syntax.map_err(|error| TemplateProblem::of(&error, ""))?;
    let tree = minijinja::machinery::parse(text, NAME, syntax.clone());
    language::check(&tree.map_err(|error| TemplateProblem::of(&error, text))?)?;
    environment.set_syntax(syntax);
    // What is not there (a cause, a last change) is nothing to be read, rather than the word `none`.
    environment.set_formatter(
        |out, state, value| {
            if value.is_none() { Ok(()) } else { minijinja::escape_formatter(out, state, value) }
        },
    );
    environment.add_template_owned(NAME, text.to_owned()).map_err(|error| TemplateProblem::of(&error, text))?;
    Ok(environment)
}

impl TemplateProblem {
    /// What the engine says, with the words of the template that it means.
    fn of(error: &minijinja::Error, source: &str) -> Self {
        let meant = error.range().and_then(|range| source.get(range)).filter(|meant| !meant.contains('\n'));
        let message = match (error.kind(), error.detail(), meant) {
            (ErrorKind::OutOfFuel, _, _) => "it does too much for one text".to_owned(),
            (ErrorKind::UndefinedError, _, Some(meant)) => format!("there is no `{}`", meant.trim()),
            (kind, Some(detail), _) => format!("{kind}: {detail}"),
            (kind, None, _) => kind.to_string(),
        };
        // The engine repeats values, and a value may be megabytes.
        let message = if message.len() > LONGEST_MESSAGE {
            format!("{}…", message.split_at(message.floor_char_boundary(LONGEST_MESSAGE)).0)
        } else {
            message
        };
        Self { line: error.line().unwrap_or(1), message }
    }
}

#[cfg(test)]
mod tests;
