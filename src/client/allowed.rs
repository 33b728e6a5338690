//! The compiled list of every request that may leave for Snyk and the Git host: method, role of the host, path.
//!
//! The transport asks this list before each request; what is not on it never leaves ([`FailureClass::Refused`]) and is
//! an error of ours. Reading is all we do: the only `POST`s are Snyk's read-only asset search and OAuth token requests.
//!
//! [`FailureClass::Refused`]: super::answer::FailureClass::Refused

/// The methods we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Verb {
    /// The word in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What a host is to us; a secret is bound to one base URL in one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostRole {
    /// Snyk's REST API, below `/rest`.
    SnykRest,
    /// Snyk's V1 API, below `/v1`.
    SnykV1,
    /// Snyk's OAuth token endpoint.
    SnykOAuth,
    /// Bitbucket Cloud's API, below `/2.0`.
    BitbucketCloud,
    /// Bitbucket Cloud's OAuth token endpoint.
    BitbucketCloudOAuth,
    /// Atlassian's organisation admin API.
    AtlassianAdmin,
}

/// One kind of request that may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AllowedRequest {
    /// The method.
    pub verb: Verb,
    /// The host.
    pub role: HostRole,
    /// The path below the base URL; `{}` stands for one segment, `{*}` at the end for one or more.
    pub path: &'static str,
}

const fn get(role: HostRole, path: &'static str) -> AllowedRequest {
    AllowedRequest { verb: Verb::Get, role, path }
}

const fn post(role: HostRole, path: &'static str) -> AllowedRequest {
    AllowedRequest { verb: Verb::Post, role, path }
}

/// Every request that may leave.
pub const ALLOWED: &[AllowedRequest] = &[
    get(HostRole::SnykRest, "/self"),
    get(HostRole::SnykRest, "/self/personal_access_tokens"),
    get(HostRole::SnykRest, "/groups"),
    get(HostRole::SnykRest, "/groups/{}"),
    get(HostRole::SnykRest, "/groups/{}/orgs"),
    get(HostRole::SnykRest, "/groups/{}/service_accounts"),
    get(HostRole::SnykRest, "/groups/{}/service_accounts/{}"),
    get(HostRole::SnykRest, "/groups/{}/inventory/assets"),
    get(HostRole::SnykRest, "/groups/{}/assets/repository/aliases"),
    get(HostRole::SnykRest, "/groups/{}/audit_logs/search"),
    post(HostRole::SnykRest, "/groups/{}/assets/search"),
    get(HostRole::SnykRest, "/orgs/{}"),
    get(HostRole::SnykRest, "/orgs/{}/service_accounts"),
    get(HostRole::SnykRest, "/orgs/{}/service_accounts/{}"),
    get(HostRole::SnykRest, "/orgs/{}/audit_logs/search"),
    get(HostRole::SnykRest, "/orgs/{}/targets"),
    get(HostRole::SnykRest, "/orgs/{}/projects"),
    get(HostRole::SnykRest, "/orgs/{}/integrations"),
    get(HostRole::SnykV1, "/org/{}/integrations"),
    get(HostRole::SnykV1, "/org/{}/integrations/{}/settings"),
    post(HostRole::SnykOAuth, "/oauth2/token"),
    get(HostRole::BitbucketCloud, "/user"),
    get(HostRole::BitbucketCloud, "/user/workspaces"),
    get(HostRole::BitbucketCloud, "/user/workspaces/{}/permission"),
    get(HostRole::BitbucketCloud, "/user/workspaces/{}/permissions/repositories"),
    get(HostRole::BitbucketCloud, "/workspaces/{}"),
    get(HostRole::BitbucketCloud, "/workspaces/{}/projects"),
    get(HostRole::BitbucketCloud, "/repositories/{}"),
    get(HostRole::BitbucketCloud, "/repositories/{}/{}"),
    get(HostRole::BitbucketCloud, "/repositories/{}/{}/hooks"),
    get(HostRole::BitbucketCloud, "/repositories/{}/{}/pullrequests"),
    get(HostRole::BitbucketCloud, "/repositories/{}/{}/issues"),
    get(HostRole::BitbucketCloud, "/repositories/{}/{}/src/{}/{*}"),
    post(HostRole::BitbucketCloudOAuth, "/site/oauth2/access_token"),
    get(HostRole::AtlassianAdmin, "/admin/api-access/v1/orgs/{}/api-tokens"),
];

/// The entry that lets this request leave. `path` is percent-encoded and below the base URL.
pub fn find(verb: Verb, role: HostRole, path: &str) -> Option<&'static AllowedRequest> {
    ALLOWED.iter().find(|allowed| allowed.verb == verb && allowed.role == role && matches(allowed.path, path))
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut expected, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (expected.next(), segments.next()) {
            (None, None) => return true,
            (Some("{*}"), Some(first)) => return is_plain(first) && segments.all(is_plain),
            (Some("{}"), Some(segment)) if is_plain(segment) => {}
            (Some(word), Some(segment)) if word == segment && word != "{}" => {}
            _ => return false,
        }
    }
}

/// A segment that stays one segment whatever the server decodes.
fn is_plain(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    !segment.is_empty() && !["%2f", "%5c", "%2e", "%00", "\\"].iter().any(|hidden| lower.contains(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_requests_are_found() {
        let check = |verb, role, path, allowed: Option<&str>| {
            assert_eq!(find(verb, role, path).map(|entry| entry.path), allowed, "{verb:?} {role:?} {path}");
        };
        check(Verb::Get, HostRole::SnykRest, "/self", Some("/self"));
        check(Verb::Get, HostRole::SnykRest, "/self/", None);
        check(Verb::Get, HostRole::SnykRest, "/groups/1/orgs", Some("/groups/{}/orgs"));
        check(Verb::Get, HostRole::SnykRest, "/groups//orgs", None);
        check(Verb::Get, HostRole::SnykRest, "/groups/1%2F2/orgs", None);
        check(Verb::Get, HostRole::SnykRest, "/groups/%2e%2e/orgs", None);
        check(Verb::Get, HostRole::BitbucketCloud, "/self", None);
        check(Verb::Post, HostRole::SnykRest, "/groups/1/assets/search", Some("/groups/{}/assets/search"));
        check(Verb::Get, HostRole::SnykRest, "/groups/1/assets/search", None);
        check(Verb::Post, HostRole::SnykRest, "/groups/1/orgs", None);
        check(Verb::Post, HostRole::SnykV1, "/org/1/integrations/2/import", None);
        let source = "/repositories/{}/{}/src/{}/{*}";
        check(Verb::Get, HostRole::BitbucketCloud, "/repositories/acme/web/src/HEAD/catalog-info.yaml", Some(source));
        check(Verb::Get, HostRole::BitbucketCloud, "/repositories/acme/web/src/HEAD/a/b.yaml", Some(source));
        check(Verb::Get, HostRole::BitbucketCloud, "/repositories/acme/web/src/HEAD/", None);
        check(Verb::Get, HostRole::BitbucketCloud, "/repositories/acme/web/src/HEAD/a//b", None);
        check(Verb::Get, HostRole::BitbucketCloud, "/repositories/%7Ba%7D", Some("/repositories/{}"));
    }

    #[test]
    fn what_posts_is_a_search_or_a_token_request() {
        let posts: Vec<_> = ALLOWED.iter().filter(|entry| entry.verb == Verb::Post).map(|entry| entry.path).collect();
        assert_eq!(posts, ["/groups/{}/assets/search", "/oauth2/token", "/site/oauth2/access_token"]);
    }
}
