//! Answers from memory: a request of this thread that may leave is answered by its script, and no socket is opened.

use std::cell::RefCell;
use std::collections::VecDeque;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::client::http::RawAnswer;

/// Between two answers of a written script.
const BETWEEN: &[u8] = b"\n=====\n";

thread_local! {
    static SCRIPT: RefCell<Option<Script>> = const { RefCell::new(None) };
}

/// The answers to come, and the requests that came.
#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: VecDeque<RawAnswer>,
    pub(crate) asked: Vec<Url>,
}

impl Script {
    /// Reads answers as HTTP writes them, without its first word: a status, headers, an empty line, a body. Whatever it
    /// is, it is a script: what cannot be read is left out.
    pub(crate) fn read(text: &[u8]) -> Self {
        Self { answers: parts(text).map(raw_answer).collect(), asked: Vec::new() }
    }

    /// How many answers are still to come.
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Answers this thread's requests from now on.
    pub(crate) fn begin(self) {
        SCRIPT.set(Some(self));
    }

    /// What is left when this thread's requests are answered by it no more.
    pub(crate) fn end() -> Self {
        SCRIPT.take().unwrap_or_default()
    }
}

/// The next answer; a server's error once there is none. Nothing for a thread without a script.
pub(crate) fn answer(url: &Url) -> Option<RawAnswer> {
    SCRIPT.with_borrow_mut(|script| {
        let script = script.as_mut()?;
        script.asked.push(url.clone());
        let over = || RawAnswer { status: 500, headers: HeaderMap::new(), body: Vec::new() };
        Some(script.answers.pop_front().unwrap_or_else(over))
    })
}

/// Reads lines of headers; what is none is left out.
pub(crate) fn headers(text: &[u8]) -> HeaderMap {
    let lines = text.split(|byte| *byte == b'\n');
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..colon].trim_ascii()).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(header) {
        headers.append(name, value);
    }
    headers
}

fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.windows(BETWEEN.len()).position(|window| window == BETWEEN);
        rest = end.map(|end| &text[end + BETWEEN.len()..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

fn raw_answer(text: &[u8]) -> RawAnswer {
    let end = text.windows(2).position(|window| window == b"\n\n");
    let (head, body) = end.map_or((text, [].as_slice()), |end| (&text[..end], &text[end + 2..]));
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let status = std::str::from_utf8(line).ok().and_then(|line| line.trim().parse().ok());
    // Others never leave the HTTP library.
    let status = status.filter(|status| (100..1000).contains(status)).unwrap_or(200);
    RawAnswer { status, headers: headers(head), body: body.to_vec() }
}
