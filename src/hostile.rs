//! Attacks parts of the product with inputs that nobody would write: hand-made ones, changed at random.
//!
//! A *target* takes an input and fails, by a panic, where something does not hold that the product relies on. It tells
//! in a hash *what came of it*; an input of which something new came is kept and changed further, so that an attack gets
//! deeper than chance alone would, without an instrumented build. An attack is the same each time: its seed is fixed.
//!
//! A plain test run attacks briefly. docs/testing.md says how to attack for long, and how to repeat what failed.

mod mutation;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use mutation::Mutator;

/// An input is not longer, unless its target says so: what goes wrong by length alone has tests of its own. Bytes.
const LONGEST_INPUT: usize = 8 * 1024;

/// So many inputs are kept of which something new came.
const MOST_KEPT: usize = 4_000;

/// No single input may take longer, on however busy a machine: it would be one that makes us slow. Real time.
const LONGEST_RUN: Duration = Duration::from_secs(20);

/// An attack on one target.
pub(crate) struct Attack<'a> {
    /// The target's name, for who repeats it.
    pub(crate) name: &'static str,
    /// Hand-made inputs.
    pub(crate) examples: Vec<Vec<u8>>,
    /// What the target might understand.
    pub(crate) words: &'a [&'a str],
    /// How often a plain test run executes the target.
    pub(crate) runs: u64,
}

/// What came of an input, as one number.
pub(crate) fn told(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Attack<'_> {
    /// Executes the target with the examples and with changes of them.
    pub(crate) fn run(self, target: impl Fn(&[u8]) -> u64) {
        if let Some(path) = setting("SNYKWATCH_HOSTILE_INPUT") {
            target(&std::fs::read(path).unwrap());
            return;
        }
        let number = |name: &str, otherwise| setting(name).map_or(otherwise, |text| text.parse::<u64>().unwrap());
        let (runs, seed) = (number("SNYKWATCH_HOSTILE_RUNS", self.runs), number("SNYKWATCH_HOSTILE_SEED", 1));
        let mut mutator = Mutator::new(seed, self.words, LONGEST_INPUT);
        let (mut kept, mut known) = (self.examples.clone(), HashSet::new());
        let (begin, mut slowest) = (Instant::now(), (Duration::ZERO, Vec::new()));
        for run in 0..runs {
            let example = usize::try_from(run).ok().and_then(|run| self.examples.get(run));
            let input = example.cloned().unwrap_or_else(|| mutator.change(&kept));
            let started = Instant::now();
            match catch_unwind(AssertUnwindSafe(|| target(&input))) {
                Ok(told) if known.insert(told) && kept.len() < MOST_KEPT => kept.push(input.clone()),
                Ok(_) => {}
                Err(panic) => {
                    self.report(&smaller(input, &target), run, seed);
                    resume_unwind(panic);
                }
            }
            let took = started.elapsed();
            if took > slowest.0 {
                slowest = (took, input);
            }
            if took > LONGEST_RUN {
                self.report(&slowest.1, run, seed);
                panic!("{} took {took:?} for one input", self.name);
            }
        }
        println!(
            "{}: {runs} executions in {:.1} s from seed {seed}; {} outcomes, {} inputs kept; the slowest took {:?}: {}",
            self.name,
            begin.elapsed().as_secs_f64(),
            known.len(),
            kept.len(),
            slowest.0,
            shown(&slowest.1)
        );
    }

    /// Says which input it was and how to repeat it.
    fn report(&self, input: &[u8], run: u64, seed: u64) {
        let path: PathBuf = std::env::temp_dir().join(format!("snykwatch-hostile-{}", self.name));
        std::fs::write(&path, input).unwrap();
        println!(
            "{}: execution {run} from seed {seed} failed with {} bytes: {}\nrepeat it with: \
             SNYKWATCH_HOSTILE_INPUT={} cargo test --lib hostile::{}",
            self.name,
            input.len(),
            shown(input),
            path.display(),
            self.name
        );
    }
}

/// A part of the input that fails too, found by leaving pieces out.
fn smaller(mut input: Vec<u8>, target: &impl Fn(&[u8]) -> u64) -> Vec<u8> {
    let mut piece = input.len() / 2;
    let mut tries = 2_000_u32;
    while piece > 0 {
        let mut at = 0;
        while at < input.len() && tries > 0 {
            tries -= 1;
            let mut shorter = input.clone();
            shorter.drain(at..(at + piece).min(input.len()));
            if catch_unwind(AssertUnwindSafe(|| target(&shorter))).is_err() { input = shorter } else { at += piece }
        }
        piece /= 2;
    }
    input
}

/// The input as one line of ASCII, cut.
fn shown(input: &[u8]) -> String {
    let mut text = input.escape_ascii().to_string();
    if text.len() > 1_000 {
        text.truncate(1_000);
        let _ = write!(text, "… ({} bytes)", input.len());
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "how long an attack lasts is for whoever starts it to say")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The harness finds what is hidden behind several steps, each of which something new comes of.
    #[test]
    fn what_is_hidden_behind_steps_is_found_and_made_small() {
        let target = |input: &[u8]| {
            let steps = [b"alpha".as_slice(), b"beta", b"gamma"];
            let found = steps.iter().take_while(|step| input.windows(step.len()).any(|window| window == **step));
            let found = found.count();
            assert!(found < 3, "as scripted");
            told(found)
        };
        let attack = || Attack {
            name: "example",
            examples: vec![b"one two three".to_vec()],
            words: &["beta", "gamma", "delta", "alpha"],
            runs: 100_000,
        };
        let failed = catch_unwind(|| attack().run(target));
        assert!(failed.is_err(), "it was not found");
        let path = std::env::temp_dir().join("snykwatch-hostile-example");
        let found = std::fs::read(path).unwrap();
        assert_eq!(found.len(), "alphabetagamma".len(), "{}", shown(&found));
    }
}
