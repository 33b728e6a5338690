//! Rules for a query: it asks for metrics and labels that we have, of the chosen daemons, and in a way that makes sense.
//!
//! This is no parser: texts, labels and ranges are blanked in turn, and what is left must be a function, a word of the
//! language, or a selector with braces. So nothing that is asked for goes unseen.

use std::sync::LazyLock;

use regex::Regex;
use snykwatch::metrics::families::{self, Family, Kind};

/// Functions that make something of a counter.
const OF_COUNTERS: [&str; 3] = ["rate(", "irate(", "increase("];

/// Words of the language that are no function.
const WORDS: [&str; 12] =
    ["and", "or", "unless", "bool", "offset", "by", "on", "without", "ignoring", "group_left", "group_right", "inf"];

/// The series that Prometheus makes of alerts. They have the labels that a rule keeps: mostly no job and no instance.
const MADE_BY_RULES: &str = "ALERTS";

static SELECTOR: LazyLock<Regex> = LazyLock::new(|| regex(r"([A-Za-z_:][A-Za-z0-9_:]*)\{([^}]*)\}"));
static MATCHER: LazyLock<Regex> = LazyLock::new(|| regex(r#"([A-Za-z_][A-Za-z0-9_]*)(?:=~|!~|!=|=)"[^"]*""#));
static RANGE: LazyLock<Regex> = LazyLock::new(|| regex(r"([a-z_]+)\([^\[(]*\[([^\]]+)\]"));
static WORD: LazyLock<Regex> = LazyLock::new(|| regex(r"[A-Za-z0-9_:.]+"));
/// What is no name: texts, lists of labels, matchers, ranges.
static BLANKS: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    [
        (regex(r#""[^"]*""#), "\"\""),
        (regex(r"\b(by|on|without|ignoring|group_left|group_right) *\([^)]*\)"), ""),
        (regex(r"\{[^}]*\}"), "{}"),
        (regex(r"\[[^\]]*\]"), ""),
    ]
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Every rule that a query breaks.
pub(crate) fn problems_of_a_query(query: &str) -> Vec<String> {
    let mut found = problems_of_selectors(query);
    found.extend(problems_of_ranges(query));
    let bare = bare_names(query);
    found.extend(bare.iter().map(|name| format!("`{name}` is asked for without braces")));
    found
}

fn problems_of_selectors(query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut selected = 0;
    for captures in SELECTOR.captures_iter(query) {
        selected += 1;
        let (name, matchers) = (&captures[1], &captures[2]);
        if name == MADE_BY_RULES {
            continue;
        }
        for label in [r#"job=~"$job""#, r#"instance=~"$instance""#] {
            if !matchers.contains(label) {
                found.push(format!("`{name}` is asked for without {label}"));
            }
        }
        found.extend(problems_of_a_selector(name, matchers));
        let before = &query[..captures.get(0).unwrap().start()];
        let is_counter = name.ends_with("_total") || name.ends_with("_bucket");
        if is_counter && !OF_COUNTERS.iter().any(|function| before.ends_with(function)) {
            found.push(format!("the counter `{name}` is shown as it is"));
        }
    }
    if selected == 0 {
        found.push(format!("`{query}` selects nothing"));
    }
    found
}

/// A metric or a label that we do not have.
fn problems_of_a_selector(name: &str, matchers: &str) -> Vec<String> {
    if families::PROCESS.iter().any(|(known, _, _)| *known == name) {
        return Vec::new();
    }
    let Some(family) = family_of(name) else { return vec![format!("there is no metric `{name}`")] };
    let labels = MATCHER.captures_iter(matchers).map(|captures| captures[1].to_owned());
    let unknown = labels.filter(|label| {
        !["job", "instance", "le"].contains(&label.as_str()) && !family.labels.contains(&label.as_str())
    });
    unknown.map(|label| format!("`{name}` has no label `{label}`")).collect()
}

/// The family that a series belongs to.
pub(crate) fn family_of(name: &str) -> Option<&'static Family> {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    families::ALL
        .iter()
        .find(|family| family.name == name || (family.kind == Kind::Histogram && Some(family.name) == base))
}

/// A range that fits one scrape interval only.
fn problems_of_ranges(query: &str) -> Vec<String> {
    let is_right = |function: &str, range: &str| match range {
        "$__rate_interval" | "$__range" => true,
        "$__interval" => function.ends_with("_over_time"),
        _ => false,
    };
    let found = RANGE.captures_iter(query).filter(|captures| !is_right(&captures[1], &captures[2]));
    let mut found: Vec<_> =
        found.map(|captures| format!("{}[{}]: use $__rate_interval", &captures[1], &captures[2])).collect();
    if query.matches('[').count() != RANGE.captures_iter(query).count() {
        found.push("a range is no function's".to_owned());
    }
    found
}

/// Names that are neither a function, nor a word of the language, nor a selector with braces.
fn bare_names(query: &str) -> Vec<String> {
    let left = BLANKS.iter().fold(query.to_owned(), |left, (what, blank)| what.replace_all(&left, *blank).into_owned());
    let names = WORD.find_iter(&left).filter(|word| {
        let after = &left[word.end()..];
        let is_number = word.as_str().starts_with(|first: char| first.is_ascii_digit());
        let is_function = after.trim_start().starts_with('(');
        !is_number && !is_function && !after.starts_with('{') && !WORDS.contains(&word.as_str())
    });
    names.map(|name| name.as_str().to_owned()).collect()
}
