//! The tree of one YAML file: every node knows its place and has a number of its own.

use std::collections::HashSet;

use super::problem::Place;

/// A node's number, unique over all files of one load.
pub(crate) type NodeId = usize;

/// A node of a document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    /// Where it stands; for what spans many lines, its key.
    pub(crate) place: Place,
    pub(crate) content: Content,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Node,
}

impl Node {
    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Notes, for every mapping at and below this node, its place and its keys.
    pub(crate) fn collect_keys<'a>(&'a self, keys: &mut HashSet<(Place, &'a str)>) {
        keys.extend(self.entries().iter().map(|entry| (self.place, entry.key.as_str())));
        match &self.content {
            Content::Mapping(entries) => entries.iter().for_each(|entry| entry.value.collect_keys(keys)),
            Content::Sequence(items) => items.iter().for_each(|item| item.collect_keys(keys)),
            _ => {}
        }
    }

    /// The keys below a section, whatever the state of their values.
    pub(crate) fn names_of<'a>(&'a self, section: &[&str]) -> Vec<&'a str> {
        let Some((first, rest)) = section.split_first() else {
            return self.entries().iter().map(|entry| entry.key.as_str()).collect();
        };
        let entries = self.entries().iter().filter(|entry| entry.key == *first);
        entries.flat_map(|entry| entry.value.names_of(rest)).collect()
    }
}
