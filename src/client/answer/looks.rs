//! Whether a text looks made by a machine, as tokens are, or by people: of words, numbers and their like.

/// Fewer letters and digits that are neither a word nor a number prove nothing. Bytes.
const FEWEST: usize = 8;

/// A longer number is no year, count or version. Digits.
const LONGEST_NUMBER: usize = 4;

/// Words that are written as one have their capitals within, but are seldom longer. Letters.
const LONGEST_WORD: usize = 20;

/// No word is longer than this. Letters.
const LONGEST_OF_ALL: usize = 24;

/// Whether so much of it is neither a word nor a number that nobody made it up.
pub(super) fn is_made_by_machine(text: &str) -> bool {
    let pieces = text.split(|letter: char| !letter.is_alphanumeric());
    pieces.filter(|piece| !is_word(piece)).map(str::len).sum::<usize>() >= FEWEST
}

/// A word or a short number, or both: `team7`, `2nd`.
fn is_word(piece: &str) -> bool {
    let letters = piece.trim_matches(|letter: char| letter.is_ascii_digit());
    let has_digits = letters.contains(|letter: char| letter.is_ascii_digit());
    let has_capitals = letters.chars().skip_while(|letter| letter.is_uppercase()).any(char::is_uppercase);
    let longest = if has_capitals { LONGEST_WORD - 1 } else { LONGEST_OF_ALL };
    piece.len() - letters.len() <= LONGEST_NUMBER && !has_digits && letters.chars().count() <= longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_made_is_told_from_words() {
        for token in [
            "8f1b9d3e-0000-4000-8000-000000000001",
            "ATATT3xFfGF0QwErTyUiOp-_aSdFgHjKl",
            "dXNlcjpwYXNzd29yZDEyMw==",
            "aVeryLongMixOfLettersWithoutAnyDigit",
            "hook-token-0123456789",
            "Tr0ub4dor",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            assert!(is_made_by_machine(token), "{token}");
        }
        for words in [
            "",
            "acme-platform-engineering",
            "snyk-integration-bot",
            "administration-required",
            "IncomingWebhook",
            "team7_alerts-2026",
            "acme-k8s-v2.10.3",
            "2026-11-30",
            "ÜBERWACHUNG",
        ] {
            assert!(!is_made_by_machine(words), "{words}");
        }
    }
}
