//! "Did you mean": the nearest of the words that would have been right.

/// How alike two words must be, from 0 to 1, to be taken for each other. Below this, suggestions confuse.
const ALIKE: f64 = 0.75;

/// Nobody mistypes a longer word. Comparing takes time by the square of the length. Bytes.
const LONGEST_WORD: usize = 200;

/// A word is compared with so many; a file may define any number of them.
const MOST_COMPARED: usize = 500;

/// The nearest word, if one is near enough.
pub(crate) fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let plain = normalised(word);
    among
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST_WORD)
        .take(MOST_COMPARED)
        .map(|candidate| (strsim::jaro_winkler(&plain, &normalised(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// Help for a word that is not among those allowed: the nearest, or all of them.
pub(crate) fn help(word: &str, among: &[&str]) -> Option<String> {
    match nearest(word, among.iter().copied()) {
        Some(found) => Some(format!("did you mean `{found}`?")),
        None if among.is_empty() => None,
        None => Some(format!("expected {}", one_of(among))),
    }
}

/// `a`, `a` or `b`, `a`, `b` or `c`.
pub(crate) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn normalised(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}
