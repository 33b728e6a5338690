//! The secrets of the process: which are known, and to whom.
//!
//! A secret of a credential is looked for in names too, before anything is compared with them. All others (passwords of
//! mail servers, keys, addresses that let somebody in) are looked for in texts alone: an address may well hold the id of
//! what is watched, and an answer without that id is not understood any more.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};
use url::{Position, Url};

use super::Redactor;
use super::disguise::Divided;
use super::finder::Finder;
use super::looks::is_made_by_machine;

/// A shorter one is known to its own client alone: elsewhere it may be an ordinary word. The tokens of every vendor are
/// longer. Bytes.
const SHORTEST_KNOWN: usize = 8;

/// A shorter one is no secret to anybody, and would blank out half of what is said. Bytes.
const SHORTEST: usize = 4;

/// In an address, a part at least so long is what lets somebody in, if it looks so. Bytes.
const SHORTEST_PART: usize = 20;

/// In names, which must stay what they are to be found again, only what can be no name by accident is blanked. Bytes.
const SHORTEST_IN_NAMES: usize = 20;

/// How keys of Standard Webhooks begin. Whoever signs uses what comes after it.
const WEBHOOK_KEY: &str = "whsec_";

/// So many access tokens are remembered, which come and go; those before them have long expired.
const PASSING: usize = 64;

/// Every secret that the process holds or held, whatever it is for. Clients share it: what one is given, none lets out.
#[derive(Clone, Default)]
pub struct KnownSecrets(Arc<RwLock<Known>>);

/// Where a secret is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Texts,
    /// And names.
    Names,
}

#[derive(Default)]
struct Known {
    lasting: Vec<(SecretString, Reach)>,
    /// Of which some parts are secrets.
    addresses: Vec<SecretString>,
    /// Access tokens, the latest last.
    passing: VecDeque<SecretString>,
    /// Ids and names of the configuration, in small letters: in an address they let nobody in.
    ordinary: BTreeSet<String>,
    finders: Finders,
}

/// What finds those that are known.
#[derive(Clone, Default)]
pub(super) struct Finders {
    pub(super) texts: Arc<Finder>,
    pub(super) names: Arc<Finder>,
}

impl Known {
    fn has(&self, secret: &SecretString, reach: Reach) -> bool {
        let lasting = self.lasting.iter().filter(|(_, known)| reach <= *known).map(|(secret, _)| secret);
        lasting.chain(&self.passing).any(|known| known.expose_secret() == secret.expose_secret())
    }

    fn has_address(&self, address: &SecretString) -> bool {
        self.addresses.iter().any(|known| known.expose_secret() == address.expose_secret())
    }

    /// Finds what is known by now.
    fn renew(&mut self) {
        let parts: Vec<String> = self.addresses.iter().flat_map(parts).filter(|part| !self.is_ordinary(part)).collect();
        let parts = parts.iter().map(|part| (part.as_str(), Divided::Never));
        let passing = self.passing.iter().map(|secret| (secret.expose_secret(), Divided::of_passing(secret)));
        let lasting = self.lasting.iter().map(|(secret, reach)| (secret.expose_secret(), *reach));
        let divided = |(secret, _)| (secret, Divided::of(secret));
        let texts: Vec<_> = lasting.clone().map(divided).chain(parts).chain(passing.clone()).collect();
        let names = lasting.filter(|(_, reach)| *reach == Reach::Names).map(divided).chain(passing);
        let names: Vec<_> = names.filter(|(secret, _)| secret.len() >= SHORTEST_IN_NAMES).collect();
        let finders = Finders { texts: Arc::new(Finder::of(&texts)), names: Arc::new(Finder::of(&names)) };
        self.finders = finders;
    }

    /// Whether a part of an address lets nobody in: it is of words, or of what the configuration itself names.
    fn is_ordinary(&self, part: &str) -> bool {
        let small = part.to_lowercase();
        let named = self.ordinary.iter().filter(|name| small.contains(name.as_str()));
        let rest = named.fold(small.clone(), |rest, name| rest.replace(name.as_str(), "/"));
        let rest = if rest == small { part } else { &rest };
        rest.len() < SHORTEST_PART || !is_made_by_machine(rest)
    }
}

impl std::fmt::Debug for KnownSecrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KnownSecrets([hidden])")
    }
}

impl KnownSecrets {
    /// Knows these too, for as long as the process lives: after a rotation the old one may still be valid.
    pub fn learn(&self, secrets: impl IntoIterator<Item = SecretString>) {
        let secrets: Vec<_> =
            secrets.into_iter().flat_map(|secret| key_of(&secret).into_iter().chain([secret])).collect();
        self.learn_addresses(secrets.iter().cloned());
        self.learn_lasting(secrets, Reach::Texts);
    }

    /// Knows what in these addresses lets somebody in.
    fn learn_addresses(&self, addresses: impl IntoIterator<Item = SecretString>) {
        let addresses = addresses.into_iter().filter(|address| url_of(address).is_some());
        self.add(addresses, Known::has_address, |known, address| known.addresses.push(address));
    }

    fn learn_lasting(&self, secrets: impl IntoIterator<Item = SecretString>, reach: Reach) {
        let has = |known: &Known, secret: &SecretString| known.has(secret, reach);
        self.add(secrets, has, |known, secret| {
            known.lasting.retain(|(known, _)| known.expose_secret() != secret.expose_secret());
            known.lasting.push((secret, reach));
        });
    }

    /// Knows these access tokens too, until enough others came after them.
    pub(super) fn learn_passing(&self, secrets: &[SecretString]) {
        let has = |known: &Known, secret: &SecretString| known.has(secret, Reach::Names);
        self.add(secrets.iter().cloned(), has, |known, secret| {
            known.passing.push_back(secret);
            let surplus = known.passing.len().saturating_sub(PASSING);
            known.passing.drain(..surplus);
        });
    }

    /// Takes these ids and names, which a configuration says, for no secrets where they stand in an address. Those of the
    /// configuration before are forgotten.
    pub fn name_ordinary(&self, names: impl IntoIterator<Item = String>) {
        let names = names.into_iter().map(|name| name.to_lowercase()).filter(|name| name.len() >= SHORTEST_KNOWN);
        let ordinary: BTreeSet<_> = names.collect();
        if self.0.read().unwrap_or_else(PoisonError::into_inner).ordinary == ordinary {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.ordinary = ordinary;
        known.renew();
    }

    fn add(
        &self,
        secrets: impl IntoIterator<Item = SecretString>,
        has: impl Fn(&Known, &SecretString) -> bool,
        add: impl Fn(&mut Known, SecretString),
    ) {
        let mut secrets: Vec<_> = secrets.into_iter().collect();
        secrets.retain(|secret| secret.expose_secret().len() >= SHORTEST_KNOWN);
        {
            // Nearly always all are known, and nobody has to wait.
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            secrets.retain(|secret| !has(&known, secret));
        }
        if secrets.is_empty() {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            if !has(&known, &secret) {
                add(&mut known, secret);
            }
        }
        known.renew();
    }

    /// One that knows all of these, and the secrets of a credential `own`, even where they are short.
    pub fn redactor(&self, own: impl IntoIterator<Item = SecretString>) -> Redactor {
        let own: Vec<_> = own.into_iter().collect();
        self.learn(own.iter().cloned());
        self.learn_lasting(own.iter().cloned(), Reach::Names);
        Redactor::new(self.clone(), short(own))
    }

    /// The same for the secrets of a receiver, which no name is searched for.
    pub fn redactor_of_receiver(&self, own: impl IntoIterator<Item = SecretString>) -> Redactor {
        let own: Vec<_> = own.into_iter().collect();
        self.learn(own.iter().cloned());
        Redactor::new(self.clone(), short(own))
    }

    /// One for what stands at this address. It alone takes the address and its path out whatever they are made of: servers
    /// repeat them, and elsewhere they may be ordinary words.
    pub fn redactor_of_address(&self, address: &SecretString) -> Redactor {
        self.learn_addresses([address.clone()]);
        let path = url_of(address).map(|url| SecretString::from(&url[Position::BeforePath..]));
        let own = path.into_iter().chain([address.clone()]);
        Redactor::new(self.clone(), own.filter(|own| own.expose_secret().len() >= SHORTEST).collect())
    }

    /// What finds those that are known by now.
    pub(super) fn finders(&self) -> Finders {
        self.0.read().unwrap_or_else(PoisonError::into_inner).finders.clone()
    }
}

fn url_of(secret: &SecretString) -> Option<Url> {
    Url::parse(secret.expose_secret()).ok().filter(Url::has_host)
}

/// A key without what tells its kind: others may repeat it without that.
fn key_of(secret: &SecretString) -> Option<SecretString> {
    secret.expose_secret().strip_prefix(WEBHOOK_KEY).map(SecretString::from)
}

/// Parts of an address that may let somebody in: others may repeat them without the rest.
fn parts(address: &SecretString) -> Vec<String> {
    let Some(url) = url_of(address) else { return Vec::new() };
    let segments = url.path().split('/').map(str::to_owned);
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    segments.chain(values).collect()
}

/// Those that [`KnownSecrets`] leaves to their own client.
pub(super) fn short(secrets: impl IntoIterator<Item = SecretString>) -> Vec<SecretString> {
    let is_short = |secret: &SecretString| (SHORTEST..SHORTEST_KNOWN).contains(&secret.expose_secret().len());
    secrets.into_iter().filter(is_short).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::super::finder::REDACTED;
    use super::*;

    const SECRET: &str = "8f1b9d3e-0000-4000-8000-000000000001";

    #[test]
    fn what_one_client_holds_none_lets_out() {
        let known = KnownSecrets::default();
        let snyk = known.redactor([SECRET.into()]);
        let receiver = known.redactor(["/webhook".into(), "hunter2".into(), "T0/B0/abcdefghijkl".into()]);
        let before = known.redactor(["rotated-away-long-ago".into()]);
        drop(before);
        let check = |redactor: &Redactor, text: &str, expected: &str| assert_eq!(redactor.clean(text), expected);
        check(&receiver, &format!("{SECRET} is bad"), "[redacted] is bad");
        check(&snyk, "T0/B0/abcdefghijkl, rotated-away-long-ago", "[redacted], [redacted]");
        // What makes an address secret, without the rest of it.
        known.learn([
            "https://hooks.example.com/services/T0AAAA/slackSlackSlackSlackSlack?t=0123456789-abcdefghij".into()
        ]);
        check(&snyk, "T0AAAA/slackSlackSlackSlackSlack", "T0AAAA/[redacted]");
        check(&snyk, "0123456789-abcdefghij at hooks.example.com", "[redacted] at hooks.example.com");
        // A key by which receivers are told that it is us, as it is configured and as it is used.
        known.learn(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()]);
        check(&snyk, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "[redacted]");
        // An access token, too.
        drop(snyk.and(&["an-access-token-of-an-hour".into()]));
        check(&receiver, "an-access-token-of-an-hour", "[redacted]");
    }

    #[test]
    fn a_short_secret_turns_no_ordinary_text_into_stars() {
        let known = KnownSecrets::default();
        let own = known.redactor(["/webhook".into(), "acme".into(), "hunter2".into(), "abc".into()]);
        let other = known.redactor([]);
        let check = |redactor: &Redactor, text: &str, expected: &str| assert_eq!(redactor.clean(text), expected);
        check(&own, "POST /webhook said hunter2 to acme", "POST [redacted] said [redacted] to [redacted]");
        check(&own, "GET /repositories/acme-labs/webhooks abc", "GET /repositories/acme-labs/webhooks abc");
        check(&own, "acmeish hunter2x xhunter2", "acmeish hunter2x xhunter2");
        // Elsewhere it is a word like any other, unless it is long enough to be a password.
        check(&other, "acme, hunter2: /webhook", "acme, hunter2: [redacted]");
        check(&other, "/acme/webhooks", "/acme/webhooks");
    }

    #[test]
    fn what_only_looks_like_a_short_one_hides_no_long_one() {
        let known = KnownSecrets::default();
        let redactor = known.redactor(["abc/defg".into(), "defghijklmnop".into()]);
        assert_eq!(redactor.clean("abc/defghijklmnop"), "abc/[redacted]");
    }

    #[test]
    fn an_echo_is_found_however_it_is_spelled() {
        let secret = "hunter2+/ \"se&cret";
        let known = KnownSecrets::default();
        drop(known.redactor([secret.into(), SECRET.into()]));
        let other = known.redactor([]);
        let check = |text: &str, expected: &str| assert_eq!(other.clean(text), expected, "{text}");
        check(&format!("it is {secret}."), "it is [redacted].");
        check("?t=hunter2%2B%2F+%22se%26cret&x", "?t=[redacted]&x");
        check("?t=hunter2%2b%2f%20%22se%26cret&x", "?t=[redacted]&x");
        check(r#"{"t":"hunter2+\/ \"se&cret"}"#, r#"{"t":"[redacted]"}"#);
        // With whatever user, and with whatever after it.
        for user in ["a", "ab", "abc", "snyk-bot@acme.example"] {
            for tail in ["", "x", "xy"] {
                let basic = STANDARD.encode(format!("{user}:{SECRET}{tail}"));
                check(&format!("saw {basic}, once"), "saw [redacted], once");
            }
        }
    }

    #[test]
    fn access_tokens_that_come_and_go_are_bounded_and_drive_out_no_secret() {
        let known = KnownSecrets::default();
        let redactor = known.redactor(["a-secret-of-the-configuration".into()]);
        for number in 0..80 {
            drop(redactor.and(&[format!("access-token-number-{number:06}").into()]));
        }
        let other = known.redactor([]);
        assert_eq!(other.clean("a-secret-of-the-configuration"), REDACTED);
        assert_eq!(other.clean("access-token-number-000079"), REDACTED);
        assert_eq!(other.clean("access-token-number-000000"), "access-token-number-000000");
        assert_eq!(known.0.read().unwrap().passing.len(), PASSING);
    }

    #[test]
    fn an_address_blinds_nobody() {
        const GROUP: &str = "0d3728ec-eebf-484d-9907-ba238019f10b";
        let known = KnownSecrets::default();
        known.name_ordinary([GROUP.to_owned(), "acme-platform-2026-core-x7k9q2".to_owned()]);
        let client = known.redactor([SECRET.into()]);
        let address = format!("https://alerts.example.com/groups/{GROUP}/acme-platform-engineering/alerts");
        let receiver = known.redactor_of_address(&address.clone().into());
        let listed = known.redactor_of_address(&"https://alerts.example.com/acme-platform-2026-core-x7k9q2".into());
        // Names and ids are compared: not even what is a secret in an address may go from them.
        let hook = "https://hooks.example.com/7a5b8f1e-2c3d-4e5f-8a9b-0c1d2e3f4a5b/T0AAAAAAA/x1Y2z3A4b5C6d7E8f9G0h1I2";
        known.learn([hook.into()]);
        for name in [GROUP, "acme-platform-engineering", "x1Y2z3A4b5C6d7E8f9G0h1I2", address.as_str(), hook] {
            assert_eq!(client.name(name), name);
            assert!(!client.may_change_names_in(name), "{name}");
        }
        // In texts, ordinary words and what the configuration names are no secrets, nor are their halves.
        let said = format!("{GROUP} of acme-platform-engineering, acme-platform-2026-core-x7k9q2 and acme-platform");
        assert_eq!(client.clean(&said), said);
        assert_eq!(listed.clean(GROUP), GROUP);
        // What lets somebody in is one, whichever part it is.
        let said = "x1Y2z3A4b5C6d7E8f9G0h1I2 and 7a5b8f1e-2c3d-4e5f-8a9b-0c1d2e3f4a5b";
        assert_eq!(client.clean(said), "[redacted] and [redacted]");
        // Whose address it is, takes all of it out.
        let said = format!("cannot POST /groups/{GROUP}/acme-platform-engineering/alerts");
        assert_eq!(receiver.clean(&said), "cannot POST [redacted]");
        assert_eq!(client.clean(&said), said);
    }

    #[test]
    fn what_a_later_configuration_names_was_never_a_secret() {
        const GROUP: &str = "0d3728ec-eebf-484d-9907-ba238019f10b";
        let known = KnownSecrets::default();
        let client = known.redactor([]);
        known.learn([format!("https://alerts.example.com/groups/{GROUP}").into()]);
        assert_eq!(client.clean(&format!("Group {GROUP}")), "Group [redacted]");
        known.name_ordinary([GROUP.to_uppercase()]);
        assert_eq!(client.clean(&format!("Group {GROUP}")), format!("Group {GROUP}"));
    }

    #[test]
    fn only_secrets_of_credentials_are_looked_for_in_names() {
        let known = KnownSecrets::default();
        let client = known.redactor([SECRET.into()]);
        drop(
            known.redactor_of_receiver(["acme-platform-engineering-2026".into(), "R0UTINGKEY0123456789abcdef".into()]),
        );
        known.learn(["hunter2-of-the-mail-server".into()]);
        for name in ["acme-platform-engineering-2026", "R0UTINGKEY0123456789abcdef", "hunter2-of-the-mail-server"] {
            assert_eq!(client.name(name), name);
            assert_eq!(client.clean(name), REDACTED);
        }
        assert_eq!(client.name(SECRET), REDACTED);
        // First read with all the others, then used by a client.
        drop(known.redactor(["hunter2-of-the-mail-server".into()]));
        assert_eq!(client.name("hunter2-of-the-mail-server"), REDACTED);
    }
}
