//! Reads the files: the main one and `conf.d/*.yaml` beside it.
//!
//! With `diagnose`, the only file that knows the YAML library.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::diagnose;
use super::document::{Content, Entry, Node};
use super::files;
use super::hidden;
use super::problem::{Place, Problem, ProblemKind, SourceFile};

/// The directory beside the main file whose files may define integrations.
pub(crate) const FRAGMENTS: &str = "conf.d";

/// All files together are not larger: seven thousand integrations written at length, and what is read and checked well
/// within a second. What is larger is a wrong file. Bytes.
pub(crate) const MAXIMUM_LENGTH: u64 = 2 * 1024 * 1024;

/// The files that were read, with the trees of those that are YAML.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) main: Option<Node>,
    pub(crate) fragments: Vec<Node>,
}

/// What the main file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MainFile {
    /// An ordinary file.
    Ordinary,
    /// A pipe too.
    OrPipe,
}

/// Reads the main file and its fragments.
pub(crate) fn read(path: &Path, main: MainFile, problems: &mut Vec<Problem>) -> Documents {
    let mut documents = Documents::default();
    let mut numbers = Numbers::default();
    let opened = match main {
        MainFile::Ordinary => files::open(path),
        MainFile::OrPipe => fs::File::open(path),
    };
    documents.main = read_file(path, opened, &mut documents.files, &mut numbers, problems);
    match fragment_paths(path) {
        Ok(paths) => {
            for path in paths {
                let opened = files::open(&path);
                documents.fragments.extend(read_file(&path, opened, &mut documents.files, &mut numbers, problems));
            }
        }
        Err(error) => problems.push(Problem::error(
            ProblemKind::UnreadableFile,
            None,
            format!("could not list {}: {error}", fragment_directory(path).display()),
        )),
    }
    documents
}

/// Reads a file that stands apart from the configuration, such as a web-config file; it joins `files`.
pub(crate) fn read_single(path: &Path, files: &mut Vec<SourceFile>, problems: &mut Vec<Problem>) -> Option<Node> {
    read_file(path, files::open(path), files, &mut Numbers::default(), problems)
}

/// The directory of a main file's fragments.
pub(crate) fn fragment_directory(main: &Path) -> PathBuf {
    main.parent().unwrap_or(Path::new("")).join(FRAGMENTS)
}

/// The fragments of a main file, by name. Hidden files are left out: Kubernetes keeps its own links there.
pub(crate) fn fragment_paths(main: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(fragment_directory(main)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let visible = path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'));
        if visible && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The directory that systemd made for the unit's state (`StateDirectory=`); the first, if there are several.
#[expect(clippy::disallowed_methods, reason = "the environment enters the configuration here")]
pub(crate) fn state_directory() -> Option<PathBuf> {
    let directories = std::env::var("STATE_DIRECTORY").ok()?;
    directories.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
}

fn read_file(
    path: &Path,
    opened: io::Result<fs::File>,
    files: &mut Vec<SourceFile>,
    numbers: &mut Numbers,
    problems: &mut Vec<Problem>,
) -> Option<Node> {
    let before = files.iter().map(|file| file.text.len() as u64).sum();
    let text = match opened.and_then(|file| read_text(file, before)) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("could not read {}: {error}", path.display());
            problems.push(Problem::error(ProblemKind::UnreadableFile, None, message));
            return None;
        }
    };
    let file = files.len();
    let text: Arc<str> = text.into();
    files.push(SourceFile { path: path.to_path_buf(), text: Arc::clone(&text) });
    match parse(&text) {
        Ok(tree) => {
            let mut root = numbers.number(tree, None, file, &text);
            // A file of comments alone says nothing, which is no mistake.
            if matches!(root.content, Content::Null) {
                root.content = Content::Mapping(Vec::new());
            }
            hidden::note(&root, problems);
            Some(root)
        }
        Err(error) => {
            problems.push(diagnose::syntax(&error, file, &text));
            None
        }
    }
}

/// Reads a file, however long it says that it is: a pipe or a device does not say. `before` was read from other files.
fn read_text(file: fs::File, before: u64) -> io::Result<String> {
    let left = MAXIMUM_LENGTH.saturating_sub(before);
    let mut text = Vec::new();
    file.take(left + 1).read_to_end(&mut text)?;
    if text.len() as u64 > left {
        let others = if before > 0 { format!(", and {before} are in other files already") } else { String::new() };
        let message =
            format!("at most {MAXIMUM_LENGTH} bytes of configuration are read{others}: is this the right file?");
        return Err(io::Error::other(message));
    }
    String::from_utf8(text).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is no UTF-8 text: see byte {}", place + 1))
    })
}

fn parse(text: &str) -> Result<Spanned<Tree>, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

/// A tree as the YAML library gives it.
#[derive(Debug)]
enum Tree {
    Scalar(Content),
    Sequence(Vec<Spanned<Tree>>),
    Mapping(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("YAML")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(Content::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Content::Integer(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(i64::try_from(value).map_or(Content::Float(value as f64), Content::Integer)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Content::Float(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(Content::Text(value.to_owned())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Content::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Content::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Tree::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Mapping(entries))
    }
}

/// Gives each node its number.
#[derive(Debug, Default)]
struct Numbers(usize);

impl Numbers {
    fn number(&mut self, tree: Spanned<Tree>, key: Option<Place>, file: usize, text: &str) -> Node {
        self.0 += 1;
        let id = self.0;
        let own = place(&tree, file, text);
        let (place, content) = match tree.value {
            Tree::Scalar(Content::Null) => (key.unwrap_or(own), Content::Null),
            Tree::Scalar(content) => (own, content),
            Tree::Sequence(items) => {
                let items = items.into_iter().map(|item| self.number(item, None, file, text)).collect();
                (key.unwrap_or(own), Content::Sequence(items))
            }
            Tree::Mapping(entries) => {
                let mut numbered = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key_place = self::place(&key, file, text);
                    let value = self.number(value, Some(key_place), file, text);
                    numbered.push(Entry { key: key.value, key_place, value });
                }
                (key.unwrap_or(own), Content::Mapping(numbered))
            }
        };
        Node { id, place, content }
    }
}

fn place<T>(spanned: &Spanned<T>, file: usize, text: &str) -> Place {
    diagnose::place(&spanned.referenced, file, text)
}
