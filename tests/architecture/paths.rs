//! The paths in a source, resolved from where they stand.

/// A path such as `crate::domain::names`, and the words `async` and `await` by themselves.
#[derive(Debug)]
pub(crate) struct ImportedPath {
    /// Line in its file, from 1.
    pub(crate) line: usize,
    /// Without a leading `::`; paths into this crate begin with `crate`.
    pub(crate) path: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Sign(char),
    Separator,
}

/// Every path of the blanked `source` of the file `stem` (relative to `src`, without extension).
pub(crate) fn paths_of(stem: &str, source: &str) -> Vec<ImportedPath> {
    let module: Vec<String> = match stem {
        "lib" | "main" => Vec::new(),
        _ => stem.split('/').map(str::to_owned).collect(),
    };
    let mut reader = Reader { tokens: tokens(source), at: 0, inner: Vec::new(), depth: 0, found: Vec::new() };
    while reader.at < reader.tokens.len() {
        reader.step(&module);
    }
    reader.found
}

struct Reader {
    tokens: Vec<(usize, Token)>,
    at: usize,
    /// Inline modules around this place, with the depth of their braces.
    inner: Vec<(usize, String)>,
    depth: usize,
    found: Vec<ImportedPath>,
}

impl Reader {
    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(_, token)| token)
    }

    fn step(&mut self, module: &[String]) {
        match self.token(0).cloned() {
            Some(Token::Sign('{')) => self.depth += 1,
            Some(Token::Sign('}')) => {
                self.inner.retain(|(depth, _)| *depth != self.depth);
                self.depth = self.depth.saturating_sub(1);
            }
            Some(Token::Word(word)) if word == "mod" => {
                if let (Some(Token::Word(name)), Some(Token::Sign('{'))) = (self.token(1).cloned(), self.token(2)) {
                    self.inner.push((self.depth + 1, name));
                }
            }
            Some(Token::Word(word)) if word == "use" => {
                self.at += 1;
                self.tree(&[], module);
                return;
            }
            Some(Token::Word(_)) => {
                self.path(&[], module, false);
                return;
            }
            _ => {}
        }
        self.at += 1;
    }

    /// One tree of a `use`: a path, or a group of trees after one.
    fn tree(&mut self, prefix: &[String], module: &[String]) {
        if self.token(0) == Some(&Token::Separator) {
            self.at += 1;
        }
        if self.token(0) == Some(&Token::Sign('{')) {
            self.at += 1;
            while !matches!(self.token(0), None | Some(Token::Sign('}'))) {
                let before = self.at;
                self.tree(prefix, module);
                if self.token(0) == Some(&Token::Sign(',')) || self.at == before {
                    self.at += 1;
                }
            }
            self.at += 1;
        } else {
            self.path(prefix, module, true);
        }
    }

    fn path(&mut self, prefix: &[String], module: &[String], in_use: bool) {
        let line = self.tokens[self.at].0;
        let mut segments = prefix.to_vec();
        while let Some(Token::Word(word)) = self.token(0).cloned() {
            segments.push(word);
            self.at += 1;
            if self.token(0) != Some(&Token::Separator) {
                break;
            }
            self.at += 1;
        }
        if in_use && self.token(0) == Some(&Token::Sign('{')) {
            self.tree(&segments, module);
            return;
        }
        if in_use && self.token(0) == Some(&Token::Sign('*')) {
            self.at += 1;
        }
        // `as name`
        if in_use && self.token(0) == Some(&Token::Word("as".to_owned())) {
            self.at += 2;
        }
        let inner: Vec<String> = self.inner.iter().map(|(_, name)| name.clone()).collect();
        let here: Vec<String> = module.iter().cloned().chain(inner).collect();
        self.found.push(ImportedPath { line, path: resolve(&segments, &here) });
    }
}

fn resolve(segments: &[String], here: &[String]) -> String {
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    let absolute = match segments.first().map(String::as_str) {
        Some("snykwatch") => std::iter::once("crate".to_owned()).chain(segments[1..].iter().cloned()).collect(),
        Some("self") if segments.len() > 1 => {
            let own = here.iter().chain(&segments[1..]).cloned();
            std::iter::once("crate".to_owned()).chain(own).collect()
        }
        Some("super") => {
            let above = here.iter().take(here.len().saturating_sub(supers)).cloned();
            std::iter::once("crate".to_owned()).chain(above).chain(segments[supers..].iter().cloned()).collect()
        }
        _ => segments.to_vec(),
    };
    absolute.join("::")
}

fn tokens(source: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    for (index, line) in source.lines().enumerate() {
        let mut rest = line;
        while let Some(character) = rest.chars().next() {
            let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let (token, length) = if word > 0 {
                (Some(Token::Word(rest[..word].to_owned())), word)
            } else if rest.starts_with("::") {
                (Some(Token::Separator), 2)
            } else if character.is_whitespace() {
                (None, character.len_utf8())
            } else {
                (Some(Token::Sign(character)), character.len_utf8())
            };
            tokens.extend(token.map(|token| (index + 1, token)));
            rest = &rest[length..];
        }
    }
    tokens
}
