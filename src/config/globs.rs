//! Patterns with `*` (anything) and `?` (one character), as in `exclude` and `ignore`.

use std::fmt::Write as _;

use regex::RegexSet;

/// A list of patterns; a text matches the list when it matches one of them. Letter case does not count.
#[derive(Debug, Clone)]
pub struct Globs {
    patterns: Vec<String>,
    compiled: RegexSet,
}

impl Default for Globs {
    fn default() -> Self {
        Self { patterns: Vec::new(), compiled: RegexSet::empty() }
    }
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Globs {
    /// Compiles patterns.
    ///
    /// # Errors
    /// When the patterns together are too large to compile.
    pub fn try_new(patterns: Vec<String>) -> Result<Self, regex::Error> {
        let compiled = RegexSet::new(patterns.iter().map(|pattern| as_regex(pattern)))?;
        Ok(Self { patterns, compiled })
    }

    /// Whether `text` matches a pattern.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// The patterns as they were written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}

fn as_regex(pattern: &str) -> String {
    let mut regex = String::from("(?is)^");
    for character in pattern.chars() {
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            // Writing to a string cannot fail.
            other => drop(write!(regex, "{}", regex::escape(other.encode_utf8(&mut [0; 4])))),
        }
    }
    regex.push('$');
    regex
}
