use super::*;
use crate::config::web_config::WebConfig;

/// Cheap, for tests.
const COST: u32 = 4;

const ACTOR: &str = "on-call";
const CERTIFIED_ACTOR: &str = "ops.example.com";

/// Where we listen and whom we know.
#[derive(Clone, Copy)]
struct Rules {
    on_loopback: bool,
    has_users: bool,
    needs_certificate: bool,
}

impl Rules {
    fn access(self) -> Access {
        let hash = |password: &str| {
            let hash = bcrypt::hash_with_salt(password, COST, *b"0123456789abcdef").unwrap();
            SecretString::from(hash.to_string())
        };
        let users = [("prometheus", "scrape"), (ACTOR, "pager")].map(|(user, word)| (user.to_owned(), hash(word)));
        let users = if self.has_users { users.into_iter().collect() } else { std::collections::BTreeMap::new() };
        let config =
            WebConfig { path: "web.yaml".into(), tls: None, users, headers: std::collections::BTreeMap::new() };
        let actors = [ACTOR, CERTIFIED_ACTOR].map(str::to_owned).into();
        let access = Access::new(Some(&config), self.on_loopback, actors).unwrap();
        Access { needs_certificate: self.needs_certificate, ..access }
    }
}

fn asker(wants: Wants, login: Option<(&str, &str)>, certified: Option<&[&str]>) -> Asker {
    let given = login.map(|(user, password)| (user.to_owned(), SecretString::from(password)));
    let names = |names: &[&str]| CertifiedNames(names.iter().map(|name| (*name).to_owned()).collect());
    Asker { wants, given, certified: certified.map(names), turn: None }
}

#[tokio::test]
async fn reading_and_acting_are_two_rights() {
    use Verdict::{MayOnlyRead, ShowACertificate, Welcome, WhoAreYou};
    let open = Rules { on_loopback: true, has_users: false, needs_certificate: false };
    let public = Rules { on_loopback: false, ..open };
    let users = Rules { has_users: true, ..open };
    let certificates = Rules { needs_certificate: true, ..public };
    let both = Rules { has_users: true, ..certificates };
    let scraper = Some(("prometheus", "scrape"));
    let actor = Some((ACTOR, "pager"));
    let ops: Option<&[&str]> = Some(&["www.example.com", CERTIFIED_ACTOR]);
    let guest: Option<&[&str]> = Some(&["guest.example.com"]);
    let nameless: Option<&[&str]> = Some(&[]);
    for (row, (rules, login, certified, reads, acts)) in [
        (open, None, None, Welcome, Welcome),
        (open, actor, None, Welcome, Welcome),
        (public, None, None, Welcome, MayOnlyRead),
        // Nobody checks this password: it proves nothing.
        (public, actor, None, Welcome, MayOnlyRead),
        // A certificate was verified, though none was needed.
        (public, None, ops, Welcome, Welcome),
        (public, None, guest, Welcome, MayOnlyRead),
        // Known on loopback too: being on this machine is not enough.
        (users, None, None, WhoAreYou, WhoAreYou),
        (users, scraper, None, Welcome, MayOnlyRead),
        (users, actor, None, Welcome, Welcome),
        (users, Some((ACTOR, "scrape")), None, WhoAreYou, WhoAreYou),
        (users, Some(("nobody", "pager")), None, WhoAreYou, WhoAreYou),
        (users, Some((ACTOR, "")), None, WhoAreYou, WhoAreYou),
        (users, None, ops, WhoAreYou, WhoAreYou),
        (users, scraper, ops, Welcome, Welcome),
        (certificates, None, ops, Welcome, Welcome),
        (certificates, None, guest, Welcome, MayOnlyRead),
        (certificates, None, nameless, Welcome, MayOnlyRead),
        (certificates, actor, guest, Welcome, MayOnlyRead),
        (certificates, actor, None, ShowACertificate, ShowACertificate),
        (both, actor, None, ShowACertificate, ShowACertificate),
        (both, None, ops, WhoAreYou, WhoAreYou),
        (both, scraper, guest, Welcome, MayOnlyRead),
        (both, actor, guest, Welcome, Welcome),
    ]
    .into_iter()
    .enumerate()
    {
        let access = rules.access();
        assert_eq!(access.judge(asker(Wants::Read, login, certified)).await, reads, "row {row} reads");
        assert_eq!(access.judge(asker(Wants::Act, login, certified)).await, acts, "row {row} acts");
        assert_eq!(access.judge(asker(Wants::SignOfLife, login, certified)).await, Welcome, "row {row} lives");
    }
}

#[test]
fn what_is_wanted_is_seen_by_method_and_path() {
    for (method, path, wanted) in [
        ("GET", "/-/healthy", Wants::SignOfLife),
        ("HEAD", "/-/ready", Wants::SignOfLife),
        ("POST", "/-/healthy", Wants::Act),
        ("GET", "/-/healthy/", Wants::Read),
        ("GET", "//-/healthy", Wants::Read),
        ("GET", "/-/healthy?x=/metrics", Wants::SignOfLife),
        ("GET", "/metrics", Wants::Read),
        ("OPTIONS", "/api/v1/silences", Wants::Read),
        ("DELETE", "/api/v1/silences/1", Wants::Act),
        ("PUT", "/-/log-filter", Wants::Act),
        ("BREW", "/", Wants::Act),
    ] {
        let request = Request::builder().method(method).uri(path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(Asker::of(&request).wants, wanted, "{method} {path}");
    }
}

#[test]
fn a_login_is_read_as_it_is_written_or_not_at_all() {
    use secrecy::ExposeSecret as _;
    for (written, expected) in [
        ("Basic b24tY2FsbDpwYWdlcg==", Some(("on-call", "pager"))),
        ("basic b24tY2FsbDpwYWdlcg==", Some(("on-call", "pager"))),
        ("Basic YTpiOmM=", Some(("a", "b:c"))),
        ("Basic YTo=", Some(("a", ""))),
        ("Basic YQ==", None),
        ("Basic ", None),
        ("Basic", None),
        ("Basic !!!", None),
        ("Basic /w==", None),
        ("Bearer b24tY2FsbDpwYWdlcg==", None),
    ] {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, written.parse().unwrap())]);
        let found = given(&headers);
        let found = found.as_ref().map(|(user, password)| (user.as_str(), password.expose_secret()));
        assert_eq!(found, expected, "{written}");
    }
}
