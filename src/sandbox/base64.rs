//! Base64, as much of it as `Authorization: Basic` and token payloads need.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes standard base64 with or without padding; none when a character does not belong to it.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for character in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|&known| known == character)?;
        buffer = (buffer << 6) | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// Encodes for URLs (`-` and `_`), without padding.
pub(crate) fn encode_url(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = 0_u32;
        for place in 0..3 {
            word = (word << 8) | u32::from(chunk.get(place).copied().unwrap_or(0));
        }
        for place in 0..=chunk.len() {
            let index = (word >> (18 - 6 * place)) & 0x3f;
            let character = usize::try_from(index).ok().and_then(|index| ALPHABET.get(index)).copied().unwrap_or(b'A');
            text.push(match character {
                b'+' => '-',
                b'/' => '_',
                other => char::from(other),
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for text in ["", "a", "ab", "abc", "snyk-bot@acme.example:ATATT3xFAKE"] {
            assert_eq!(
                decode(&encode_url(text.as_bytes()).replace('-', "+").replace('_', "/")).unwrap(),
                text.as_bytes()
            );
        }
        assert_eq!(decode("dXNlcjpwYXNz").unwrap(), b"user:pass");
        assert_eq!(decode("not base64!"), None);
    }
}
