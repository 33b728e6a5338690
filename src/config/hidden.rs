//! Characters in a configuration that are not seen, or show something else than what is there: a name copied from a page
//! that has one matches nothing, and shown to others it controls, turns or hides what stands beside it.

use super::document::{Content, Node};
use super::problem::{Place, Problem, ProblemKind};
use crate::domain::text::{Effect, effects};

/// Notes every key and text that has one. Line breaks and tabs belong to texts of several lines.
pub(crate) fn note(node: &Node, problems: &mut Vec<Problem>) {
    match &node.content {
        Content::Text(text) => problems.extend(problem(text, node.place)),
        Content::Sequence(items) => items.iter().for_each(|item| note(item, problems)),
        Content::Mapping(entries) => {
            for entry in entries {
                problems.extend(problem(&entry.key, entry.key_place));
                note(&entry.value, problems);
            }
        }
        Content::Null | Content::Bool(_) | Content::Integer(_) | Content::Float(_) => {}
    }
}

fn problem(text: &str, place: Place) -> Option<Problem> {
    let is_out_of_place =
        |(found, effect): &(char, Effect)| *effect != Effect::Shown && !matches!(found, '\n' | '\r' | '\t');
    let (found, _) = effects(text).find(is_out_of_place)?;
    let message =
        format!("this holds the character U+{:04X}, which is not seen or changes what is seen", u32::from(found));
    Some(
        Problem::error(ProblemKind::InvalidValue, place, message).help("write it anew by hand, without that character"),
    )
}
