//! Errors of shape, and the problems they become.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::config::document::{Node, NodeId};
use crate::config::problem::{Place, Problem, ProblemKind};
use crate::config::suggest;

/// How a secret is named (`RawSecret`).
const SECRET_FORMS: &[&str] = &["file", "env"];

/// An error of shape. The node it belongs to is added by the innermost reader that knows it.
#[derive(Debug)]
pub(super) struct ShapeError {
    pub(super) node: Option<NodeId>,
    place: Option<Place>,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Problem {
        kind: ProblemKind,
        message: String,
        help: Option<String>,
    },
    /// Follows from a node that was left out and is noted already.
    Consequence,
}

impl ShapeError {
    fn new(kind: ProblemKind, message: String, help: Option<String>) -> Self {
        Self { node: None, place: None, cause: Cause::Problem { kind, message, help } }
    }

    /// An error that follows from others below this node.
    pub(super) fn consequence(node: &Node) -> Self {
        Self { node: Some(node.id), place: Some(node.place), cause: Cause::Consequence }
    }

    /// A mapping that must have exactly one of some keys.
    pub(super) fn choice(variants: &[&str]) -> Self {
        let help = format!("write one of {}", suggest::one_of(variants));
        Self::new(ProblemKind::ConflictingKeys, "exactly one key belongs here".to_owned(), Some(help))
    }

    /// Adds the node, unless a reader further in has.
    pub(super) fn at(mut self, node: &Node) -> Self {
        if self.node.is_none() {
            self.node = Some(node.id);
            self.place = Some(node.place);
        }
        self
    }

    pub(super) fn into_problem(self, root: Place) -> Option<Problem> {
        match self.cause {
            Cause::Problem { kind, message, help } => {
                Some(Problem::error(kind, self.place.unwrap_or(root), message).maybe_help(help))
            }
            Cause::Consequence => None,
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Problem { message, .. } => formatter.write_str(message),
            Cause::Consequence => formatter.write_str("follows from another problem"),
        }
    }
}

impl std::error::Error for ShapeError {}

impl de::Error for ShapeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(ProblemKind::InvalidValue, message.to_string(), None)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let help = match found {
            Unexpected::Unit => Some("write a value, or remove the key".to_owned()),
            Unexpected::Signed(_) | Unexpected::Float(_) | Unexpected::Bool(_) => {
                Some("a value that should be text can be put in quotes".to_owned())
            }
            _ => None,
        };
        let (found, expected) = (describe(found), plain(&expected.to_string()));
        Self::new(ProblemKind::WrongType, format!("expected {expected}, found {found}"), help)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = describe(found);
        Self::new(ProblemKind::InvalidValue, format!("expected {expected}, found {found}"), None)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let kind = ProblemKind::InvalidValue;
        if expected == SECRET_FORMS {
            // What stands here may be the secret itself: it is not repeated.
            let help = "write `{ file: NAME }` or `{ env: NAME }`".to_owned();
            return Self::new(kind, "a secret is named here, never written".to_owned(), Some(help));
        }
        Self::new(kind, format!("`{variant}` is not known here"), suggest::help(variant, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(ProblemKind::MissingKey, format!("the key `{field}` is missing"), None)
    }
}

/// serde's words for what is expected, in those of YAML.
fn plain(expected: &str) -> String {
    match expected {
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "a string" => "text".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "u32" => "a number".to_owned(),
        _ if expected.starts_with("struct ") => "a mapping".to_owned(),
        _ if expected.starts_with("enum ") => "a word or a mapping".to_owned(),
        other => other.to_owned(),
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit => "nothing".to_owned(),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(text) => format!("`{text}`"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}
