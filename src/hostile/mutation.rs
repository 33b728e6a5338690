//! Changes of inputs: of bytes, of words, and of pieces between two inputs.

use std::ops::Range;

/// Numbers at which something ends.
const NUMBERS: [&str; 18] = [
    "0",
    "-1",
    "1",
    "99",
    "100",
    "2147483648",
    "4294967296",
    "253402300800",
    "8210266876800",
    "9007199254740993",
    "9223372036854775",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "1e-400",
    "NaN",
];

/// Texts that some reader trips over, whatever it reads.
const TEXTS: [&str; 24] = [
    "",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\r\n",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{feff}",
    "\u{200b}",
    "\u{1f469}\u{200d}\u{1f469}",
    "ß",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "9999-12-31T23:59:59-23:59",
    "+262142-12-31T23:59:59Z",
    "-262143-01-01T00:00:00",
    "//elsewhere.example.com/",
    "https://bot@elsewhere.example.com/",
    "../../..",
];

/// Makes new inputs of those that are there. The same seed makes the same ones.
pub(super) struct Mutator<'a> {
    state: u64,
    words: &'a [&'a str],
    longest: usize,
}

impl<'a> Mutator<'a> {
    pub(super) fn new(seed: u64, words: &'a [&'a str], longest: usize) -> Self {
        Self { state: seed, words, longest }
    }

    /// One of the inputs, changed a few times.
    pub(super) fn change(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.one_of(inputs).cloned().unwrap_or_default();
        loop {
            self.change_once(&mut input, inputs);
            input.truncate(self.longest);
            if self.below(2) == 0 {
                return input;
            }
        }
    }

    fn change_once(&mut self, input: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        match self.below(12) {
            0 => {
                let at = self.below(input.len());
                let with = self.next().to_le_bytes()[0];
                input.iter_mut().skip(at).take(1).for_each(|byte| *byte = with);
            }
            1 => {
                let with: Vec<u8> = (0..=self.below(8)).map(|_| self.next().to_le_bytes()[0]).collect();
                let at = self.below(input.len() + 1);
                input.splice(at..at, with);
            }
            2 => {
                let range = self.range(input);
                input.drain(range);
            }
            3 => {
                let range = self.range(input);
                let piece = input[range.clone()].to_vec();
                let most = (self.longest / piece.len().max(1)).min(300);
                let times = if self.below(8) == 0 { self.below(most + 1) } else { 1 };
                input.splice(range.start..range.start, piece.repeat(times));
            }
            4 | 5 => {
                let (range, with) = (self.word_in(input), self.text());
                input.splice(range, with);
            }
            6 => {
                let with = self.text();
                let at = self.below(input.len() + 1);
                input.splice(at..at, with);
            }
            7 => {
                let range = self.number_in(input);
                let with = self.one_of(&NUMBERS).copied().unwrap_or_default();
                input.splice(range, with.bytes());
            }
            8 => {
                let range = self.word_in(input);
                input.drain(range);
            }
            9 => {
                let other = self.one_of(inputs).cloned().unwrap_or_default();
                let (from, to) = (self.word_in(&other), self.word_in(input));
                input.splice(to, other[from].iter().copied());
            }
            10 => {
                let other = self.one_of(inputs).cloned().unwrap_or_default();
                let (from, to) = (self.below(other.len() + 1), self.below(input.len() + 1));
                input.truncate(to);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let brackets: [&[u8]; 4] = [b"[", b"{\"a\":", b"(", b"- "];
                let bracket = self.one_of(&brackets).copied().unwrap_or_default();
                let at = self.below(input.len() + 1);
                let times = self.below(200);
                input.splice(at..at, bracket.repeat(times));
            }
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let text = match self.below(4) {
            0 => self.one_of(&TEXTS),
            1 => self.one_of(&NUMBERS),
            _ => self.one_of(self.words),
        };
        text.copied().unwrap_or_default().as_bytes().to_vec()
    }

    /// A short piece, anywhere.
    fn range(&mut self, input: &[u8]) -> Range<usize> {
        let start = self.below(input.len() + 1);
        let most = if self.below(4) == 0 { input.len() - start } else { (input.len() - start).min(16) };
        start..start + self.below(most + 1)
    }

    /// A word, or what stands between two words.
    fn word_in(&mut self, input: &[u8]) -> Range<usize> {
        let at = self.below(input.len());
        let Some(of_word) = input.get(at).map(|byte| is_of_word(*byte)) else { return 0..0 };
        let same = |byte: &u8| is_of_word(*byte) == of_word;
        let before = input[..at].iter().rev().take_while(|byte| same(byte)).count();
        let after = input[at..].iter().take_while(|byte| same(byte)).count();
        at - before..at + after
    }

    /// The next number after some place; else a word.
    fn number_in(&mut self, input: &[u8]) -> Range<usize> {
        let at = self.below(input.len());
        let Some(start) = input.iter().skip(at).position(u8::is_ascii_digit).map(|start| at + start) else {
            return self.word_in(input);
        };
        start..start + input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn one_of<'b, T>(&mut self, list: &'b [T]) -> Option<&'b T> {
        list.get(self.below(list.len()))
    }

    /// A number below `bound`; 0 where there is none.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// Splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%') || byte >= 0x80
}
