//! Reads who issued a certificate: just enough of DER to find the issuer's name, never to trust it.

use crate::client::answer::safe_text;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const OBJECT_IDENTIFIER: u8 = 0x06;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

/// `Common name (Organisation)` of the issuer, or whichever of the two there is.
pub(crate) fn issuer_of(certificate: &[u8]) -> Option<String> {
    // Certificate, then TBSCertificate: [0] version, serial number, signature algorithm, issuer.
    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (body, _) = expect(certificate, SEQUENCE)?;
    let body = match element(body)? {
        (VERSION, _, rest) => rest,
        _ => body,
    };
    let (_, _, body) = element(body)?;
    let (_, _, body) = element(body)?;
    let (mut name, _) = expect(body, SEQUENCE)?;
    let (mut common_name, mut organisation) = (None, None);
    while !name.is_empty() {
        let (_, relative_name, rest) = element(name)?;
        name = rest;
        let (attribute, _) = expect(relative_name, SEQUENCE)?;
        let (kind, value) = expect(attribute, OBJECT_IDENTIFIER)?;
        let (_, text, _) = element(value)?;
        let text = Some(safe_text(&String::from_utf8_lossy(text)));
        match kind {
            COMMON_NAME => common_name = text,
            ORGANISATION => organisation = text,
            _ => {}
        }
    }
    match (common_name, organisation) {
        (Some(name), Some(organisation)) if name != organisation => Some(format!("{name} ({organisation})")),
        (name, organisation) => name.or(organisation),
    }
}

/// The content of an element with this tag, and what follows it.
fn expect(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(input)?;
    (found == tag).then_some((content, rest))
}

/// Tag and content of the first element, and what follows it.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, input) = input.split_first()?;
    let (&first, input) = input.split_first()?;
    let (length, input) = if first < 0x80 {
        (usize::from(first), input)
    } else {
        let size = usize::from(first & 0x7f);
        if !(1..=4).contains(&size) {
            return None;
        }
        let (bytes, input) = input.split_at_checked(size)?;
        (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), input)
    };
    let (content, rest) = input.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, 0x82];
        bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(content);
        bytes
    }

    fn attribute(kind: &[u8], text: &str) -> Vec<u8> {
        der(0x31, &der(SEQUENCE, &[der(OBJECT_IDENTIFIER, kind), der(0x0c, text.as_bytes())].concat()))
    }

    fn certificate(has_version: bool, attributes: &[Vec<u8>]) -> Vec<u8> {
        let version = if has_version { der(VERSION, &[2, 1, 2]) } else { Vec::new() };
        let issuer = der(SEQUENCE, &attributes.concat());
        let body = [version, der(2, &[1]), der(SEQUENCE, &[]), issuer, der(SEQUENCE, b"validity")].concat();
        der(SEQUENCE, &der(SEQUENCE, &body))
    }

    #[test]
    fn the_issuer_is_named() {
        let check = |certificate: &[u8], expected: Option<&str>| {
            assert_eq!(issuer_of(certificate), expected.map(str::to_owned));
        };
        let (name, organisation) = (attribute(COMMON_NAME, "Inspection CA"), attribute(ORGANISATION, "Acme"));
        check(&certificate(true, &[organisation.clone(), name.clone()]), Some("Inspection CA (Acme)"));
        check(&certificate(false, &[name]), Some("Inspection CA"));
        check(&certificate(true, &[organisation]), Some("Acme"));
        check(&certificate(true, &[]), None);
        check(&certificate(true, &[attribute(COMMON_NAME, "two\nlines")]), Some("two lines"));
        check(b"", None);
        check(b"no certificate", None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..120) {
            let _ = issuer_of(&bytes);
            let real = certificate(true, &[attribute(COMMON_NAME, "Inspection CA")]);
            let _ = issuer_of(&real[..cut.min(real.len())]);
        }
    }
}
