//! Reads a document into raw types, and goes on after a mistake.
//!
//! serde stops at the first error. Here, an unknown or repeated key is noted and skipped; any other error is noted,
//! its node is left out, and the document is read again, until what is left has the right shape. Each round leaves out
//! one node, so it ends; a file with thousands of such nodes is given up after [`MOST_VISITS`], so it is quick. Errors that
//! merely follow from a node left out are not noted.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::de::DeserializeOwned;

use super::document::{Content, Node, NodeId};
use super::problem::{Problem, ProblemKind};
use super::suggest;

mod cursor;
mod error;

use cursor::Cursor;

/// Reading a document again and again stops after so many nodes were visited in all: a second's work. A small file is
/// read to its end however wrong it is; a large one with hundreds of wrong values is told some of them.
const MOST_VISITS: usize = 2_000_000;

/// What is known about the shape of a document while it is read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    /// Nodes whose unknown keys are noted already.
    noted: HashSet<NodeId>,
    /// Nodes that are left out.
    pruned: HashSet<NodeId>,
}

/// Which file is read: an unknown key in a fragment may be right in the main file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// The main file.
    Main,
    /// A file of `conf.d`.
    Fragment,
}

/// A document has too many values of a wrong shape to find them all; some are noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooWrong;

/// Reads a document as far as it has the right shape.
///
/// # Errors
/// When it is given up. Nothing can be said of its meaning then.
pub(crate) fn read<T: DeserializeOwned + Default>(
    root: &Node,
    file: FileKind,
    problems: &mut Vec<Problem>,
) -> Result<T, TooWrong> {
    let findings = RefCell::new(Findings::default());
    let mut rounds = (MOST_VISITS / size(root)).max(1);
    let value = loop {
        if rounds == 0 {
            let message = "there are more values of a wrong shape here than are looked for at once";
            let help = "put those right that are named, and check again";
            problems.append(&mut findings.into_inner().problems);
            problems.push(Problem::error(ProblemKind::WrongType, root.place, message).help(help));
            return Err(TooWrong);
        }
        rounds -= 1;
        let error = match T::deserialize(Cursor::new(root, &findings)) {
            Ok(value) => break value,
            Err(error) => error,
        };
        let culprit = error.node.unwrap_or(root.id);
        let mut findings = findings.borrow_mut();
        findings.problems.extend(error.into_problem(root.place));
        if culprit == root.id || !findings.pruned.insert(culprit) {
            break T::default();
        }
    };
    let mut found = findings.into_inner().problems;
    if file == FileKind::Fragment {
        let top_level: HashSet<_> = root.entries().iter().map(|entry| Some(entry.key_place)).collect();
        for problem in &mut found {
            if top_level.contains(&problem.place) && problem.kind == ProblemKind::UnknownKey {
                problem.help = Some(
                    "files in conf.d may define `integrations` only; the rest belongs in the main file".to_owned(),
                );
            }
        }
    }
    problems.append(&mut found);
    Ok(value)
}

/// How many nodes a document has.
fn size(node: &Node) -> usize {
    let below: usize = match &node.content {
        Content::Mapping(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        Content::Sequence(items) => items.iter().map(size).sum(),
        _ => 0,
    };
    below + 1
}

impl Findings {
    /// Notes, once, the keys of a mapping that mean nothing there or are written twice.
    fn note_keys(&mut self, node: &Node, known: Option<&'static [&'static str]>) {
        if !self.noted.insert(node.id) {
            return;
        }
        let mut seen = HashSet::new();
        for entry in node.entries() {
            if !seen.insert(entry.key.as_str()) {
                let message = format!("the key `{}` is written twice", entry.key);
                self.problems
                    .push(Problem::error(ProblemKind::DuplicateKey, entry.key_place, message).help("keep one of them"));
            } else if let Some(known) = known
                && !known.contains(&entry.key.as_str())
            {
                let message = format!("unknown key `{}`", entry.key);
                self.problems.push(
                    Problem::error(ProblemKind::UnknownKey, entry.key_place, message)
                        .maybe_help(suggest::help(&entry.key, known)),
                );
            }
        }
    }
}
