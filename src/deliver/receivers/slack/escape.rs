//! Slack's syntax: what is escaped, and how a text is divided into sections.

use super::super::text::uncalled;

/// Most characters of a section's text, escaped. Slack takes 3000.
const SECTION_LENGTH: usize = 2_900;

/// Text as it is: `&`, `<` and `>` as Slack writes them, no mention, no code.
pub(super) fn escape(text: &str) -> String {
    // A lone backtick would turn everything up to the next one into code.
    uncalled(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('`', "'")
}

/// A text as escaped sections: whole lines, as long as they fit. What does not fit in `limit` sections is left out, and
/// the last section says so.
pub(super) fn sections(text: &str, limit: usize) -> Vec<String> {
    const LEFT_OUT: &str = "\n… (the rest is on the status page)";
    let mut sections = vec![String::new()];
    for line in text.lines().flat_map(|line| pieces(&escape(line))) {
        let length = |section: &String| section.chars().count();
        let is_full = sections.last().is_none_or(|last| length(last) + 1 + line.chars().count() > SECTION_LENGTH);
        if is_full && sections.len() == limit {
            if let Some(last) = sections.last_mut() {
                last.push_str(LEFT_OUT);
            }
            break;
        }
        if is_full {
            sections.push(String::new());
        }
        if let Some(last) = sections.last_mut() {
            if !last.is_empty() {
                last.push('\n');
            }
            last.push_str(&line);
        }
    }
    // Slack rejects an empty text.
    sections.retain(|section| !section.trim().is_empty());
    sections
}

/// Cuts an escaped line that alone is too long, never within an escape.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut count = 0;
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let escape = ["&amp;", "&lt;", "&gt;"].into_iter().find(|escape| rest.starts_with(escape));
        let size = escape.map_or(first.len_utf8(), str::len);
        let (token, after) = rest.split_at(size);
        let length = token.chars().count();
        if count + length > SECTION_LENGTH - 1 {
            pieces.push(std::mem::take(&mut piece));
            count = 0;
        }
        piece.push_str(token);
        count += length;
        rest = after;
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_text_is_syntax() {
        let table = [
            ("a & b", "a &amp; b"),
            ("<!channel>", "&lt;!channel&gt;"),
            ("<!everyone|x>", "&lt;!everyone|x&gt;"),
            ("<https://evil.example|acme>", "&lt;https://evil.example|acme&gt;"),
            ("@here @Channel @EVERYONE @group", "@\u{2060}here @\u{2060}Channel @\u{2060}EVERYONE @\u{2060}group"),
            ("bot@acme.example", "bot@acme.example"),
            ("```rm```", "'''rm'''"),
            ("&lt;", "&amp;lt;"),
            ("@", "@"),
        ];
        for (text, expected) in table {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn a_short_text_is_one_section() {
        assert_eq!(sections("one\n\ntwo", 10), ["one\n\ntwo"]);
        assert_eq!(sections("", 10), [""; 0]);
        assert_eq!(sections("\n \n", 10), [""; 0]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let text = vec!["x".repeat(2_000); 5].join("\n");
        let made = sections(&text, 3);
        assert_eq!(made.len(), 3);
        assert!(made[2].ends_with("(the rest is on the status page)"));
        assert_eq!(sections(&text, 5).len(), 5);
    }

    proptest! {
        #[test]
        fn every_section_fits_and_nothing_is_lost(text in "[a-z<>&@`\n ]{0,20000}") {
            let made = sections(&text, 1_000);
            for section in &made {
                prop_assert!(section.chars().count() <= 3_000);
                prop_assert!(!section.contains(['<', '>']));
                for (at, _) in section.match_indices('&') {
                    let after = &section[at..];
                    prop_assert!(["&amp;", "&lt;", "&gt;"].iter().any(|escape| after.starts_with(escape)));
                }
            }
            let squeeze = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeeze(&made.concat()), squeeze(&escape(&text)));
        }
    }
}
