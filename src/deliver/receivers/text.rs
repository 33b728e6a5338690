//! Other people's text made harmless, whatever the receiver's own syntax.
//!
//! Names are set in Snyk and the Git host by whoever may, so they can hold line breaks (to forge a line), control
//! characters (to drive a terminal), bidirectional and invisible characters (to show something else than is there), and
//! they can be endless.

use serde_json::Value;

use crate::domain::text::{Effect, effects, is_invisible, one_line};

/// A string within a structured payload may have so many characters.
const LONGEST_STRING: usize = 4_000;

/// Stands where something was cut.
const ELLIPSIS: char = '…';

/// One line: line breaks and control characters become single spaces.
pub(super) fn clean_line(text: &str) -> String {
    one_line(text)
}

/// The lines of a text, each harmless.
pub(super) fn clean_lines(text: &str) -> String {
    // A lone carriage return lets a terminal write over what stands there; it is a break like others.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut clean = String::with_capacity(text.len());
    for (character, effect) in effects(&text) {
        match (character, effect) {
            ('\n', _) => clean.push('\n'),
            (_, Effect::Shown) => clean.push(character),
            (_, Effect::Breaks) => clean.push(' '),
            (_, Effect::Hidden) => {}
        }
    }
    clean
}

/// Every string of a structured value made harmless and bounded; keys are our own.
pub(super) fn clean_value(value: &mut Value) {
    match value {
        Value::String(text) => *text = cut_characters(&clean_lines(text), LONGEST_STRING),
        Value::Array(values) => values.iter_mut().for_each(clean_value),
        Value::Object(fields) => fields.values_mut().for_each(clean_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Stands between `@` and a word that would call everybody: no room, and no mention.
const BREAK: char = '\u{2060}';

/// Words that call many people in one chat or another.
const CALLS: [&str; 5] = ["here", "channel", "everyone", "group", "all"];

/// No `@` calls a crowd.
pub(super) fn uncalled(text: &str) -> String {
    let mut quiet = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        quiet.push(character);
        if character == '@' {
            let following: String = rest.as_str().chars().take(10).collect::<String>().to_lowercase();
            if CALLS.iter().any(|call| following.starts_with(call)) {
                quiet.push(BREAK);
            }
        }
    }
    quiet
}

/// For text that goes through templates of others into chats that we do not know: nothing in it begins a mention, a tag
/// or a link of Markdown.
pub(super) fn unlinked(text: &str) -> String {
    uncalled(text).replace('<', "‹").replace('>', "›").replace("](", "] (")
}

/// At most `limit` characters; what was cut shows.
pub(super) fn cut_characters(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    cut_off(text.chars().take(limit.saturating_sub(1)).collect())
}

/// At most `limit` bytes, whole characters; what was cut shows.
pub(super) fn cut_bytes(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub(ELLIPSIS.len_utf8()));
    cut_off(text.get(..end).unwrap_or_default().to_owned())
}

/// Marked as cut, without what joined it to the rest.
fn cut_off(mut text: String) -> String {
    text.truncate(text.trim_end_matches(is_invisible).len());
    text.push(ELLIPSIS);
    text
}

/// An address that may stand in a link: what leads to a page, never what runs something.
pub(super) fn web_address(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    matches!(url.scheme(), "https" | "http").then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_one_line() {
        let table = [
            ("acme", "acme"),
            ("acme\r\nBcc: everyone@example.com", "acme Bcc: everyone@example.com"),
            ("acme\u{2028}forged", "acme forged"),
            ("\u{1b}[2Jacme\u{7}", "[2Jacme"),
            ("evil\u{202e}gnp.exe\u{2066}", "evilgnp.exe"),
            ("a\u{200b}c\u{feff}m\u{e0041}e", "acme"),
            ("  ", ""),
            ("Zürich 日本 🦀", "Zürich 日本 🦀"),
        ];
        for (text, expected) in table {
            assert_eq!(clean_line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_stay_lines_and_nothing_else_stays() {
        assert_eq!(clean_lines("one\r\ntwo\rthree\n\tfour\u{85}five\0"), "one\ntwo\nthree\n four five ");
    }

    #[test]
    fn structured_values_keep_their_shape() {
        let mut value = json!({ "names": ["a\u{202e}b", "x".repeat(5_000)], "count": 3, "none": null });
        clean_value(&mut value);
        assert_eq!(value["names"][0], "ab");
        assert_eq!(value["names"][1].as_str().map(|text| text.chars().count()), Some(LONGEST_STRING));
        assert_eq!((&value["count"], &value["none"]), (&json!(3), &Value::Null));
    }

    #[test]
    fn nobody_is_called_and_nothing_is_linked() {
        let table = [
            ("@here @Channel @EVERYONE", "@\u{2060}here @\u{2060}Channel @\u{2060}EVERYONE"),
            ("bot@acme.example", "bot@acme.example"),
            ("@", "@"),
        ];
        for (text, expected) in table {
            assert_eq!(uncalled(text), expected);
        }
        assert_eq!(unlinked("<!channel> [a](https://evil.example)"), "‹!channel› [a] (https://evil.example)");
    }

    #[test]
    fn cuts_keep_whole_characters() {
        assert_eq!(cut_characters("日本語", 3), "日本語");
        assert_eq!(cut_characters("日本語!", 3), "日本…");
        assert_eq!(cut_bytes("日本語", 9), "日本語");
        assert_eq!(cut_bytes("日本語!", 9), "日本…");
        for limit in 3..20 {
            assert!(cut_bytes("日本語🦀éa日本語", limit).len() <= limit);
        }
    }

    #[test]
    fn only_pages_are_linked() {
        assert_eq!(web_address("https://example.com/a b"), Some("https://example.com/a%20b".to_owned()));
        for text in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "example.com", ""] {
            assert_eq!(web_address(text), None, "{text}");
        }
    }
}
