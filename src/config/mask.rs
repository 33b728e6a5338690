//! Hides secrets that somebody wrote into the configuration by mistake, before its lines are shown.
//!
//! A problem is shown with the line it lies in, on a terminal, in the log, in the answer to a reload. A token that was
//! pasted in place of `{ file: … }` is a problem, and must not be shown for it. What is hidden keeps its length, so that
//! places stay right.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Values of the keys under which secrets belong, unless they are mappings; users and passwords in addresses; what is
/// known to be a secret wherever it stands.
static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let keys = "token|password|secret|api_key|client_id|client_secret|key|webhook_url|routing_key|bearer_token";
    let value = r#""[^"\n]*"?|'[^'\n]*'?|[^\s{}\["'#][^\n,}#]*"#;
    Regex::new(&format!(
        r#"(?P<lead>["']?\b(?:{keys})\b["']?[ \t]*:[ \t]+)(?P<secret>{value})|(?P<scheme>://)(?P<user>[^/\s@"']*)@|(?P<known>whsec_[A-Za-z0-9+/=]+|hooks\.slack\.com/[^\s"'}},\]]+)"#
    ))
    .ok()
});

/// The key of a web-config file under which passwords belong, hashed. One that is not must not be shown for it.
const USERS: &str = "basic_auth_users";

/// The text with what may be a secret turned into asterisks.
pub(super) fn masked(text: &str) -> String {
    let Some(secrets) = SECRETS.as_ref() else { return "*".repeat(text.len()) };
    let hide = |found: &Captures<'_>| {
        let part = |name| found.name(name).map_or("", |part| part.as_str());
        let at = if part("scheme").is_empty() { "" } else { "@" };
        let hidden = "*".repeat(part("secret").trim_end().len() + part("user").len());
        let rest = part("secret").get(part("secret").trim_end().len()..).unwrap_or_default();
        format!("{}{}{hidden}{rest}{at}{}", part("lead"), part("scheme"), "*".repeat(part("known").len()))
    };
    let masked = secrets.replace_all(text, hide);
    let mut among_users = false;
    let lines = masked.split_inclusive('\n').map(|line| {
        let is_indented = line.starts_with([' ', '\t', '#', '\r', '\n']);
        let begins = line.trim_start_matches(['"', '\'']).starts_with(USERS);
        among_users = begins || (among_users && is_indented);
        if among_users { without_value(line) } else { line.to_owned() }
    });
    lines.collect()
}

/// A line with everything behind its first colon turned into asterisks; one without a colon altogether.
fn without_value(line: &str) -> String {
    let value = line.find(':').map_or(0, |colon| colon + 1);
    let hidden = line.bytes().enumerate().map(|(place, byte)| match byte {
        _ if place < value && byte.is_ascii() => char::from(byte),
        b' ' | b'\t' | b'\r' | b'\n' => char::from(byte),
        _ => '*',
    });
    hidden.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_secrets_are_hidden_and_nothing_moves() {
        for (text, expected) in [
            ("token: abc", "token: ***"),
            ("token: \"a b\" # ours", "token: ***** # ours"),
            ("{ email: a@b.example, token: abc }", "{ email: a@b.example, token: *** }"),
            ("\"password\": 'ä'", "\"password\": ****"),
            ("token: { file: snyk-token }", "token: { file: snyk-token }"),
            ("api_key: { env: KEY }\nid: 1", "api_key: { env: KEY }\nid: 1"),
            ("token:\n  file: snyk-token", "token:\n  file: snyk-token"),
            ("proxy: http://bot:pass@proxy.example:3128", "proxy: http://********@proxy.example:3128"),
            ("routing_key: abc", "routing_key: ***"),
            ("secrets: [whsec_YWJj]", "secrets: [**********]"),
            ("{ url: https://hooks.slack.com/T0/B0 }", "{ url: https://********************* }"),
            ("workspaces: [acme]", "workspaces: [acme]"),
            (
                "basic_auth_users:\n  bob: ä b\n\n  eve: c\nother: d",
                "basic_auth_users:\n  bob: ** *\n\n  eve: *\nother: d",
            ),
            ("basic_auth_users: { bob: a,\n b }", "basic_auth_users: * **** **\n * *"),
        ] {
            assert_eq!(masked(text), expected);
            assert_eq!(masked(text).len(), text.len(), "{text}");
        }
    }
}
