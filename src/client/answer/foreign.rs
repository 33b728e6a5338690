//! Reads an answer so that every name in it is harmless from here on: on one line, without characters that control, turn
//! or hide a text, and without a secret of ours, whichever API it is of.
//!
//! Nearly all pages have nothing of that and are decoded directly; one that may have goes through a tree, in which each
//! string is looked at.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Redactor;
use crate::domain::text::is_hostile;

/// Decodes a body.
pub(crate) fn read_names<T: DeserializeOwned>(body: &[u8], redactor: &Redactor) -> serde_json::Result<T> {
    if !may_be_harmful(body, redactor) {
        return serde_json::from_slice(body);
    }
    let mut value = serde_json::from_slice(body)?;
    clean(&mut value, redactor);
    T::deserialize(value)
}

/// What is harmful stands as it is, or as an escape.
fn may_be_harmful(body: &[u8], redactor: &Redactor) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return true };
    // Nobody hides anything in an escaped quote. After an escaped backslash comes an empty part.
    let is_harmless = |rest: &str| matches!(rest.as_bytes().first(), None | Some(b'"'));
    text.split('\\').skip(1).any(|rest| !is_harmless(rest))
        || text.chars().any(|character| !character.is_ascii() && is_hostile(character))
        || text.contains('\u{7f}')
        || redactor.may_change_names_in(text)
}

fn clean(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.name(text),
        Value::Array(values) => values.iter_mut().for_each(|value| clean(value, redactor)),
        Value::Object(fields) => {
            let is_harmful = |key: &String| redactor.name(key) != *key;
            if fields.keys().any(is_harmful) {
                *fields = std::mem::take(fields).into_iter().map(|(key, value)| (redactor.name(&key), value)).collect();
            }
            fields.values_mut().for_each(|value| clean(value, redactor));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::KnownSecrets;
    use super::*;
    use crate::domain::text::first_hostile;

    const SECRET: &str = "8f1b9d3e-0000-4000-8000-000000000001";

    fn redactor() -> Redactor {
        KnownSecrets::default().redactor([SECRET.into()])
    }

    #[test]
    fn every_name_is_harmless_however_it_is_written() {
        let check = |body: &str, expected: Value| {
            assert_eq!(read_names::<Value>(body.as_bytes(), &redactor()).unwrap(), expected, "{body}");
        };
        check(r#"{"name": "acme", "size": 3, "parent": null}"#, json!({ "name": "acme", "size": 3, "parent": null }));
        check("[\"evil\u{202e}gnp\"]", json!(["evilgnp"]));
        check(r#"["evil\u202egnp", "\u001b[2Jacme\u0000", "a\nb"]"#, json!(["evilgnp", "[2Jacme", "a b"]));
        check(r#"[{"deep": ["a\u200bb"]}]"#, json!([{ "deep": ["ab"] }]));
        check(r#"{"k\u202ey": 1}"#, json!({ "ky": 1 }));
        check(r#"["8f1b9d3e-0000-4000-8000-000000000001"]"#, json!(["[redacted]"]));
        check(r#"["8f1b9d3e\u002d0000-4000-8000-000000000001"]"#, json!(["[redacted]"]));
        // A slash may be escaped, and nobody's secret is hidden by that.
        let slashed = KnownSecrets::default().redactor(["services/T0/B0/abcdefgh".into()]);
        let read: Value = read_names(br#"["services\/T0\/B0\/abcdefgh"]"#, &slashed).unwrap();
        assert_eq!(read, json!(["[redacted]"]));
        // What only looks so stays.
        check(
            r#"["C:\\users", "say \"hi\"", "a\/b", "Zürich 🦀"]"#,
            json!(["C:\\users", "say \"hi\"", "a/b", "Zürich 🦀"]),
        );
        check("{\n\t\"name\": \"acme\"\r\n}", json!({ "name": "acme" }));
    }

    #[test]
    fn a_body_that_is_none_fails_as_before() {
        let failed = |body: &str| read_names::<Vec<u32>>(body.as_bytes(), &redactor()).unwrap_err();
        for (plain, hostile) in [(r#"["a"]"#, r#"["\u202e"]"#), ("[1", r#"["\u202e""#), ("<p>", r"<\u202e>")] {
            assert_eq!(failed(plain).classify(), failed(hostile).classify(), "{hostile}");
        }
    }

    proptest! {
        #[test]
        fn nothing_harmful_comes_through(name in "\\PC*|[\\x00-\\x9f]*|[\u{2000}-\u{2070}a\\\\ ]*") {
            let body = serde_json::to_vec(&json!({ "name": name })).unwrap();
            let read: Value = read_names(&body, &redactor()).unwrap();
            prop_assert_eq!(first_hostile(read["name"].as_str().unwrap()), None);
        }
    }
}
