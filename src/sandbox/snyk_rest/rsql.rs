//! RSQL, as far as `inventory/assets` needs it: comparisons, `;` for and, `,` for or, wildcards, quotes.

use std::cmp::Ordering;

use super::search::order;
use crate::sandbox::world::Asset;

/// A filter: any of these groups, of which all terms hold.
pub(super) struct Filter(Vec<Vec<Term>>);

struct Term {
    field: String,
    operator: &'static str,
    values: Vec<String>,
}

/// Longest first, so that none hides another.
const OPERATORS: [&str; 14] =
    ["=in=", "=out=", "=lt=", "=le=", "=gt=", "=ge=", "==", "!=", "<=", ">=", "<", ">", "=in", "=out"];
const FIELDS: [&str; 7] = ["q", "id", "type", "class", "created_at", "updated_at", "name"];

impl Filter {
    /// Understands a filter, or says why not.
    pub(super) fn parse(text: &str, known_types: &[&str]) -> Result<Self, String> {
        let groups = split(text, ',', " or ");
        let groups = groups.iter().map(|group| {
            split(group, ';', " and ").iter().map(|term| Term::parse(term, known_types)).collect::<Result<Vec<_>, _>>()
        });
        groups.collect::<Result<Vec<_>, _>>().map(Self)
    }

    pub(super) fn holds(&self, asset: &Asset) -> bool {
        self.0.iter().any(|terms| terms.iter().all(|term| term.holds(asset)))
    }
}

/// Splits outside of parentheses and quotes.
fn split(text: &str, symbol: char, word: &str) -> Vec<String> {
    let text = text.replace(word, &symbol.to_string());
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0_i32, None);
    for character in text.chars() {
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            ('(', None) => depth += 1,
            (')', None) => depth -= 1,
            _ => {}
        }
        if character == symbol && depth == 0 && quote.is_none() {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    parts
}

impl Term {
    fn parse(text: &str, known_types: &[&str]) -> Result<Self, String> {
        let text = text.trim();
        let at = text.find(['=', '!', '<', '>']).ok_or_else(|| format!("no operator in {text}"))?;
        let (field, rest) = text.split_at_checked(at).unwrap_or((text, ""));
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
        let operator = operator.ok_or_else(|| format!("unknown operator in {text}"))?;
        if !FIELDS.contains(&field) {
            return Err(format!("unknown field {field}"));
        }
        let raw = rest.strip_prefix(operator).unwrap_or_default().trim();
        let values: Vec<String> = match raw.strip_prefix('(').and_then(|raw| raw.strip_suffix(')')) {
            Some(list) => list.split(',').map(unquoted).collect(),
            None => vec![unquoted(raw)],
        };
        if field == "type" && values.iter().any(|value| !known_types.contains(&value.as_str())) {
            return Err(format!("type must be one of {}", known_types.join(", ")));
        }
        Ok(Self { field: field.to_owned(), operator, values })
    }

    fn holds(&self, asset: &Asset) -> bool {
        let actual = field(asset, &self.field);
        let matches = |want: &String| match self.field.as_str() {
            "q" => [asset.name.as_str(), asset.address()]
                .iter()
                .any(|text| text.to_lowercase().contains(&want.to_lowercase())),
            _ => wildcard(&actual, want),
        };
        let compared = self.values.first().and_then(|want| order(&actual, want));
        match self.operator {
            "==" | "=in=" | "=in" => self.values.iter().any(matches),
            "!=" | "=out=" | "=out" => !self.values.iter().any(matches),
            "<" | "=lt=" => compared == Some(Ordering::Less),
            ">" | "=gt=" => compared == Some(Ordering::Greater),
            "<=" | "=le=" => matches!(compared, Some(Ordering::Less | Ordering::Equal)),
            _ => matches!(compared, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inner = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inner.unwrap_or(text).to_owned()
}

fn wildcard(actual: &str, pattern: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => actual.contains(rest.trim_end_matches('*')),
        (Some(end), None) => actual.ends_with(end),
        (None, Some(start)) => actual.starts_with(start),
        (None, None) => actual == pattern,
    }
}

/// A field of an asset as text.
pub(super) fn field(asset: &Asset, name: &str) -> String {
    match name {
        "id" => asset.id.to_string(),
        "type" => "repositories".to_owned(),
        "class" => "C".to_owned(),
        "created_at" => asset.created_at.to_rfc3339(),
        "updated_at" => asset.updated_at.to_rfc3339(),
        _ => asset.name.clone(),
    }
}
