use secrecy::{ExposeSecret, SecretString};

use super::*;

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn secrets_are_read_without_their_newline() {
    let files = Files::new("");
    let check = |content: &str, expected: Result<&str, &str>| {
        let source = SecretSource::File(files.write("token", content));
        let found = source.read().map(|secret| secret.expose_secret().to_owned());
        let found = found.map_err(|error| files.plain(&error.to_string()));
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{content:?}");
    };
    check("abc", Ok("abc"));
    check("abc\n", Ok("abc"));
    check("abc\r\n", Ok("abc"));
    check(" a b ", Ok(" a b "));
    check("", Err("the secret from file token is empty"));
    check("\n", Err("the secret from file token is empty"));
    check("abc\n\n", Err("the secret from file token holds a line break or another control character"));
}

#[test]
#[cfg(unix)]
fn missing_empty_and_exposed_secrets_are_told() {
    let files = Files::new(&small("").replace("env: BITBUCKET_TOKEN", "env: SNYKWATCH_TEST_IS_NEVER_SET"));
    let check = || match load(&files.main(), Secrets::Check, now()) {
        Ok(loaded) => files.plain(&loaded.warnings.to_string()),
        Err(problems) => files.plain(&problems.to_string()),
    };
    assert_snapshot!(check(), @"
    snykwatch.yaml:2:20: could not read the secret file snyk: No such file or directory (os error 2)
    snykwatch.yaml:5:62: the environment variable SNYKWATCH_TEST_IS_NEVER_SET is not set
    ");
    set_mode(&files.write("snyk", "top-secret\n"), 0o644);
    assert_snapshot!(check(), @"
    snykwatch.yaml:2:20: every user of this machine can read the secret in file snyk
    snykwatch.yaml:5:62: the environment variable SNYKWATCH_TEST_IS_NEVER_SET is not set
    ");
    set_mode(&files.path("snyk"), 0o600);
    assert_snapshot!(check(), @"snykwatch.yaml:5:62: the environment variable SNYKWATCH_TEST_IS_NEVER_SET is not set");
}

#[test]
fn a_secret_that_is_missing_is_told_with_where_it_was_looked_for() {
    let check = |name: &str, is_helped: bool| {
        let files = Files::new(&small("").replace("file: snyk ", &format!("file: {name} ")));
        let problems = load(&files.main(), Secrets::Check, now()).unwrap_err().render(Style::Plain);
        assert!(problems.contains("could not read the secret file"), "{problems}");
        assert_eq!(problems.contains("CREDENTIALS_DIRECTORY"), is_helped, "{problems}");
    };
    check("snyk", true);
    check("/nonexistent/snyk", false);
}

#[test]
fn no_secret_is_ever_shown() {
    let files = Files::new(&small("").replace("env: BITBUCKET_TOKEN", "file: bitbucket"));
    files.write("snyk", "top-secret-snyk");
    files.write("bitbucket", "ATATT3top-secret-bitbucket");
    let Loaded { config, warnings } = load(&files.main(), Secrets::Check, now()).unwrap();
    for text in [format!("{config:#?}"), config.shown(), warnings.render(Style::Plain), format!("{warnings:?}")] {
        assert!(!text.contains("top-secret"), "{text}");
    }
    let shown = files.plain(&config.shown());
    assert!(shown.contains(r#"token: "<secret from file snyk>""#), "{shown}");
}

#[test]
fn versions_of_a_token_differ_and_need_the_key() {
    let version = |secret: &str, key: &[u8]| TokenVersion::of(&SecretString::from(secret), key);
    assert_eq!(version("one", b"key"), version("one", b"key"));
    assert_ne!(version("one", b"key"), version("two", b"key"));
    assert_ne!(version("one", b"key"), version("one", b"other"));
    assert_eq!(version("one", b"key").as_str().len(), 32);
    assert!(!format!("{:?}", version("one", b"key")).contains("one"));
}

/// What a token's file may hold instead of a token, and what is said of it.
const REFUSED: [(&str, &str); 10] = [
    ("", "is empty"),
    ("\u{feff}ATATT3xSECRET", "byte-order mark"),
    ("\"ATATT3xSECRET\"", "stands in quotes"),
    ("ATATT3xSECRET ", "white space"),
    ("ATATT3xSECRET\nATATT3xSECRET", "line break"),
    ("Bearer ATATT3xSECRET", "`Bearer`"),
    ("TOKEN_OF_BOT=ATATT3xSECRET", "`NAME=`"),
    ("ATATT3xSE\u{200b}CRET", "U+200B"),
    ("ATATT3xS\u{c9}CRET", "U+00C9"),
    ("snyk_uat.SECRET", "looks like a Snyk personal access token"),
];

#[test]
fn at_the_start_a_refused_token_is_a_warning() {
    let files = Files::new(&small("").replace("env: BITBUCKET_TOKEN", "file: bitbucket"));
    files.write("snyk", "0d3728ec-eebf-484d-9907-ba238019f10b");
    let check = |expected: &str| {
        let loaded = load(&files.main(), Secrets::Start, now()).unwrap();
        let said = loaded.warnings.render(Style::Plain);
        assert!(said.contains(expected) && said.contains("bitbucket"), "{expected}: {said}");
        assert!(!said.contains("SECRET"), "{said}");
        let refused = BTreeSet::from([CredentialName::new("bitbucket-acme")]);
        assert!(load(&files.main(), Secrets::Reload(&refused), now()).is_ok(), "what is refused may stay so");
        for strict in [Secrets::Check, Secrets::Reload(&BTreeSet::new())] {
            let problems = load(&files.main(), strict, now()).unwrap_err();
            assert_eq!(problems.errors(), 1, "{strict:?}: {problems}");
        }
    };
    check("No such file");
    for (content, expected) in REFUSED {
        files.write("bitbucket", content);
        check(expected);
    }
    fs::remove_file(files.path("bitbucket")).unwrap();
    fs::create_dir(files.path("bitbucket")).unwrap();
    check("Is a directory");
}

#[test]
fn at_the_start_an_unset_variable_and_a_receivers_secret_are_errors_all_the_same() {
    let check = |text: &str, expected: &str| {
        let files = Files::new(text);
        files.write("snyk", "0d3728ec-eebf-484d-9907-ba238019f10b");
        files.write("bitbucket", "ATATT3xSECRET");
        let problems = load(&files.main(), Secrets::Start, now()).unwrap_err();
        assert!(problems.errors() == 1 && problems.to_string().contains(expected), "{problems}");
    };
    check(&small("").replace("env: BITBUCKET_TOKEN", "env: SNYKWATCH_TEST_IS_NEVER_SET"), "is not set");
    let receiver = "alerts: { receivers: { chat: { slack: { webhook_url: { file: slack } } } } }\n";
    check(&small(receiver).replace("env: BITBUCKET_TOKEN", "file: bitbucket"), "slack");
}
