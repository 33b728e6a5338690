//! Passwords against bcrypt hashes. One check costs tens of milliseconds by design: it runs off the async threads, few at
//! a time and one of each address, so that whoever guesses keeps nobody else waiting. What was right once is remembered by
//! a keyed hash, so that a scrape every few seconds costs nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Checks at a time. More would let strangers take the machine's cores.
const AT_A_TIME: usize = 2;

/// Right passwords that are remembered; when full, all are forgotten.
const REMEMBERED: usize = 100;

/// Salt and hash of no password, behind the cost of a known user's.
const NOBODY: &str = "abcdefghijklmnopqrstuuW1Z8pO3T8lLXcCXCVeLVCJYPpSSoYyi";

/// The cost that `htpasswd -C 10` writes, where a hash does not tell its own.
const USUAL_COST: &str = "10";

#[derive(Debug)]
pub(super) struct Passwords {
    hashes: BTreeMap<String, SecretString>,
    /// A hash of no password: an unknown user costs what the dearest known one costs, so that the time tells nobody who
    /// is known.
    nobody: String,
    key: SecretString,
    right: Mutex<Vec<[u8; 32]>>,
    checks: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(hashes: BTreeMap<String, SecretString>) -> Self {
        let key = SecretString::from(format!("{}{}", Uuid::new_v4(), Uuid::new_v4()));
        let costs = hashes.values().filter_map(|hash| hash.expose_secret().get(4..6));
        let nobody = format!("$2b${}${NOBODY}", costs.max().unwrap_or(USUAL_COST));
        Self { hashes, nobody, key, right: Mutex::default(), checks: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether the user has this password. One that has to be checked waits for the turn of whoever asks first, where
    /// there is one.
    pub(super) async fn are_right(&self, user: &str, password: &SecretString, turn: Option<&Arc<Semaphore>>) -> bool {
        let hash = self.hashes.get(user);
        let print = self.print(user, password);
        if hash.is_some() && self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(&print) {
            return true;
        }
        // Nobody closes these. Who waits for the own turn holds no place that others wait for.
        let own = match turn {
            Some(turn) => Arc::clone(turn).acquire_owned().await.ok(),
            None => None,
        };
        let Ok(place) = Arc::clone(&self.checks).acquire_owned().await else { return false };
        let (is_known, hash) =
            (hash.is_some(), hash.map_or(self.nobody.as_str(), |hash| hash.expose_secret()).to_owned());
        let password = password.clone();
        let check = move || {
            // Until it is done, even if whoever asked has gone: it cannot be called back.
            let _places = (own, place);
            bcrypt::verify(password.expose_secret(), &hash).unwrap_or(false)
        };
        // In this order: nobody's password is checked too.
        let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false) && is_known;
        if is_right {
            let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
            if right.len() >= REMEMBERED {
                right.clear();
            }
            right.push(print);
        }
        is_right
    }

    fn print(&self, user: &str, password: &SecretString) -> [u8; 32] {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose_secret().as_bytes()) else { return [0; 32] };
        mac.update(user.as_bytes());
        mac.update(&[0]);
        mac.update(password.expose_secret().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Cheap, for tests.
    const COST: u32 = 4;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_right() {
        let passwords = passwords("prometheus", COST);
        for _ in 0..2 {
            for (user, password, expected) in [
                ("prometheus", "secret", true),
                ("prometheus", "Secret", false),
                ("prometheus", "", false),
                ("nobody", "secret", false),
                ("", "", false),
            ] {
                let right = passwords.are_right(user, &SecretString::from(password), None).await;
                assert_eq!(right, expected, "{user} {password}");
            }
        }
    }

    fn passwords(user: &str, cost: u32) -> Passwords {
        let hash = bcrypt::hash_with_salt("secret", cost, *b"0123456789abcdef").unwrap().to_string();
        Passwords::new(BTreeMap::from([(user.to_owned(), SecretString::from(hash))]))
    }

    #[test]
    fn the_hash_of_nobody_is_one() {
        let passwords = passwords("prometheus", COST);
        assert!(passwords.nobody.starts_with("$2b$04$"), "{}", passwords.nobody);
        assert!(bcrypt::verify("anything", &passwords.nobody).is_ok_and(|is_right| !is_right));
        assert!(Passwords::new(BTreeMap::new()).nobody.starts_with("$2b$10$"));
    }

    #[tokio::test]
    async fn whoever_guesses_keeps_nobody_else_waiting() {
        let passwords = Arc::new(passwords("prometheus", COST + 2));
        let (turn, checked) = (Arc::new(Semaphore::new(1)), Arc::<AtomicUsize>::default());
        let guesses = 50;
        for _ in 0..guesses {
            let (passwords, turn, checked) = (Arc::clone(&passwords), Arc::clone(&turn), Arc::clone(&checked));
            tokio::spawn(async move {
                passwords.are_right("prometheus", &SecretString::from("wrong"), Some(&turn)).await;
                checked.fetch_add(1, Ordering::SeqCst);
            });
        }
        // All of them ask, in this order.
        tokio::task::yield_now().await;
        let another = Arc::new(Semaphore::new(1));
        assert!(passwords.are_right("prometheus", &SecretString::from("secret"), Some(&another)).await);
        let checked = checked.load(Ordering::SeqCst);
        assert!(checked < guesses / 2, "{checked} guesses came first");
    }

    /// The work of a check cannot be called back: whoever asks and leaves must not make room for more of it.
    #[tokio::test]
    async fn a_check_holds_its_place_until_it_is_done() {
        let passwords = passwords("prometheus", 11);
        for _ in 0..AT_A_TIME {
            let wrong = SecretString::from("wrong");
            tokio::select! {
                biased;
                _ = passwords.are_right("prometheus", &wrong, None) => unreachable!("it takes longer"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(passwords.checks.available_permits(), 0);
    }

    /// Where the work is left out, the best of several differs by a factor of hundreds, however busy the machine is.
    #[tokio::test]
    async fn an_unknown_user_costs_what_a_wrong_password_costs() {
        let passwords = passwords("prometheus", COST + 2);
        let best = async |user: &str| {
            let mut best = std::time::Duration::MAX;
            for _ in 0..5 {
                let began = tokio::time::Instant::now();
                assert!(!passwords.are_right(user, &SecretString::from("wrong"), None).await);
                best = best.min(began.elapsed());
            }
            best
        };
        let (known, unknown) = (best("prometheus").await, best("nobody").await);
        assert!(unknown * 4 > known, "known {known:?}, unknown {unknown:?}");
    }
}
