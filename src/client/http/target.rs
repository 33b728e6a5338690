//! Where requests may go: one base URL in one role, to which a secret is bound.

use std::net::IpAddr;

use url::{Host, Url};

use super::proxy::without_userinfo;
use super::{HttpBuildError, HttpClient};
use crate::client::allowed::HostRole;

/// One base URL in one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    role: HostRole,
    /// Without userinfo, query, fragment and trailing slash.
    base: Url,
    host: String,
}

impl HttpClient {
    /// Binds a role to a base URL. Fails for a URL that we send no secret to, and for `https` when no certificate
    /// authority is known.
    pub fn target(&self, role: HostRole, base: &Url) -> Result<Target, HttpBuildError> {
        let target = Target::try_new(role, base)?;
        if target.base.scheme() == "https" && !self.has_authorities() {
            return Err(HttpBuildError::NoCertificateAuthorities { host: target.host });
        }
        Ok(target)
    }
}

impl Target {
    fn try_new(role: HostRole, base: &Url) -> Result<Self, HttpBuildError> {
        let unusable = |reason| HttpBuildError::UnusableBaseUrl { url: without_userinfo(base), reason };
        let Some(host) = base.host() else { return Err(unusable("it names no host")) };
        if !base.username().is_empty() || base.password().is_some() {
            return Err(unusable("it carries a user name or password"));
        }
        match base.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => return Err(unusable("plain http is for loopback addresses only; use https")),
            _ => return Err(unusable("it is neither https nor http")),
        }
        let host = host.to_string();
        let mut base = base.clone();
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        Ok(Self { role, base, host })
    }

    /// The role.
    pub fn role(&self) -> HostRole {
        self.role
    }

    /// The host, as the URL writes it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.base.port_or_known_default().unwrap_or_default()
    }

    /// The URL of these path segments below the base; each is encoded and stays one segment.
    pub(crate) fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // The URL library would leave these out, and so make another path; an encoded slash is on no list.
            let kept = |segment| if matches!(segment, "" | "." | "..") { "/" } else { segment };
            path.pop_if_empty().extend(segments.into_iter().map(kept));
        }
        url
    }

    /// The path below the base, when the URL is one of this target.
    pub(crate) fn path_below<'a>(&self, url: &'a Url) -> Option<&'a str> {
        let is_ours = url.origin() == self.base.origin() && url.username().is_empty() && url.password().is_none();
        let below = is_ours.then(|| url.path().strip_prefix(self.base_path())).flatten()?;
        below.starts_with('/').then_some(below)
    }

    /// The path of the base, without a trailing slash; empty for a host's root.
    pub(crate) fn base_path(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_and_userinfo_are_for_nobody_but_loopback() {
        let check = |url: &str, expected: Result<&str, &str>| {
            let target = Target::try_new(HostRole::SnykRest, &url.parse().unwrap());
            let shown = target.as_ref().map(|target| target.base.as_str()).map_err(ToString::to_string);
            assert_eq!(shown, expected.map_err(str::to_owned));
        };
        check("https://api.snyk.io/rest/?a#b", Ok("https://api.snyk.io/rest"));
        check("http://127.0.0.1:8080/rest", Ok("http://127.0.0.1:8080/rest"));
        check("http://[::1]:8080", Ok("http://[::1]:8080/"));
        check("http://localhost/2.0/", Ok("http://localhost/2.0"));
        check(
            "http://api.snyk.io/rest",
            Err("http://api.snyk.io/rest cannot be a base URL: plain http is for loopback addresses only; use https"),
        );
        check(
            "https://me:hunter2@api.snyk.io/",
            Err("https://api.snyk.io/ cannot be a base URL: it carries a user name or password"),
        );
        check("ftp://example.com/", Err("ftp://example.com/ cannot be a base URL: it is neither https nor http"));
    }

    #[test]
    fn a_url_is_below_the_base_or_foreign() {
        let target =
            Target::try_new(HostRole::BitbucketCloud, &"https://api.bitbucket.org/2.0".parse().unwrap()).unwrap();
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(target.path_below(&url.parse().unwrap()), expected, "{url}");
        };
        check("https://api.bitbucket.org/2.0/user", Some("/user"));
        check("https://api.bitbucket.org:443/2.0/user?x=1", Some("/user"));
        check("https://api.bitbucket.org:444/2.0/user", None);
        check("http://api.bitbucket.org/2.0/user", None);
        check("https://api.bitbucket.org.example.com/2.0/user", None);
        check("https://me@api.bitbucket.org/2.0/user", None);
        check("https://api.bitbucket.org/2.0user", None);
        check("https://api.bitbucket.org/2.0/../1.0/user", None);
        let url = target.url(["repositories", "{a b}", "x/y"]);
        assert_eq!(url.as_str(), "https://api.bitbucket.org/2.0/repositories/%7Ba%20b%7D/x%2Fy");
    }
}
