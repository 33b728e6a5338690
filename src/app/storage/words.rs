//! What is told of the store in words: what is wrong once, however long it lasts, and what was mended each time.

use std::time::Duration;

use tokio::time::Instant;

/// What is mended is told for so long: the page and the dead man's switch look every half minute, and somebody has laid
/// hands on the file.
const MENDED_FOR: Duration = Duration::from_mins(3);

/// What was heard of the store.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// What is wrong.
    standing: Option<String>,
    /// What was mended last, and when.
    mended: Option<(Instant, String)>,
}

/// What there is to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// On the page, and to the dead man's switch.
    pub(super) found: Option<String>,
    /// To the log.
    pub(super) to_log: Vec<String>,
}

impl Words {
    /// Takes in what a look found: what is wrong, and what was and is not any more.
    pub(super) fn hear(&mut self, standing: Option<String>, mended: Option<String>, now: Instant) -> Heard {
        let news = standing.clone().filter(|_| standing != self.standing);
        let to_log = mended.iter().cloned().chain(news).collect();
        self.standing.clone_from(&standing);
        if let Some(what) = mended {
            self.mended = Some((now, what));
        }
        let recent = self.mended.as_ref().filter(|(at, _)| now.duration_since(*at) < MENDED_FOR);
        let found = standing.or_else(|| recent.map(|(_, what)| what.clone()));
        Heard { found, to_log }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(10);

    #[expect(clippy::unnecessary_wraps, reason = "as it is compared with")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn an_equal_harm_soon_after_the_first_is_told_again() {
        let (mut words, begin) = (Words::default(), Instant::now());
        assert_eq!(words.hear(None, None, begin), Heard { found: None, to_log: vec![] });
        for number in 1..3 {
            let heard = words.hear(None, some("removed"), begin + number * STEP);
            assert_eq!(heard, Heard { found: some("removed"), to_log: vec!["removed".to_owned()] }, "{number}");
        }
        let heard = words.hear(None, None, begin + 3 * STEP);
        assert_eq!(heard, Heard { found: some("removed"), to_log: vec![] }, "it stays on the page for a while");
        assert_eq!(words.hear(None, None, begin + 2 * STEP + MENDED_FOR).found, None);
    }

    #[test]
    fn what_lasts_is_told_once_whatever_else_is_mended_meanwhile() {
        let (mut words, begin) = (Words::default(), Instant::now());
        let told: Vec<_> = (0..4)
            .flat_map(|number| {
                let mended = (number == 2).then(|| "lock".to_owned());
                let heard = words.hear(some("damaged"), mended, begin + number * STEP);
                assert_eq!(heard.found, some("damaged"), "what is wrong comes first");
                heard.to_log
            })
            .collect();
        assert_eq!(told, ["damaged", "lock"]);
        words.hear(None, None, begin + 4 * STEP);
        let again = words.hear(some("damaged"), None, begin + 5 * STEP);
        assert_eq!(again.to_log, ["damaged"], "it is another one");
    }
}
