//! Which requests go through the proxy: one decision, so that a failure can be put on the right layer.

use std::net::IpAddr;

use url::{Host, Url};

use super::HttpBuildError;

/// Everything but loopback and the listed exceptions goes through the proxy.
#[derive(Debug, Clone)]
pub(crate) struct ProxyRule {
    exceptions: Vec<Exception>,
}

#[derive(Debug, Clone, PartialEq)]
enum Exception {
    Everything,
    /// The domain and what is below it, lower case.
    Domain(String),
    Network {
        address: IpAddr,
        prefix: u8,
    },
}

impl ProxyRule {
    pub(crate) fn try_new(proxy: &Url, no_proxy: &[String]) -> Result<Self, HttpBuildError> {
        if !matches!(proxy.scheme(), "http" | "https") || proxy.host_str().is_none() {
            let reason = "it must be http://host:port or https://host:port";
            return Err(HttpBuildError::UnusableProxy { url: without_userinfo(proxy), reason });
        }
        let words = no_proxy.iter().flat_map(|entry| entry.split(',')).map(str::trim).filter(|word| !word.is_empty());
        Ok(Self { exceptions: words.map(Exception::read).collect() })
    }

    pub(crate) fn applies_to(&self, url: &Url) -> bool {
        match url.host() {
            None => false,
            Some(Host::Domain(name)) => {
                let name = name.to_ascii_lowercase();
                name != "localhost" && !self.exceptions.iter().any(|exception| exception.covers_domain(&name))
            }
            Some(Host::Ipv4(address)) => self.applies_to_address(address.into()),
            Some(Host::Ipv6(address)) => self.applies_to_address(address.into()),
        }
    }

    fn applies_to_address(&self, address: IpAddr) -> bool {
        !address.is_loopback() && !self.exceptions.iter().any(|exception| exception.covers_address(address))
    }
}

impl Exception {
    fn read(word: &str) -> Self {
        if word == "*" {
            return Self::Everything;
        }
        let (address, prefix) = word.split_once('/').map_or((word, None), |(address, prefix)| (address, Some(prefix)));
        if let Ok(address) = address.trim_matches(['[', ']']).parse::<IpAddr>() {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.and_then(|prefix| prefix.parse().ok()).unwrap_or(whole).min(whole);
            return Self::Network { address, prefix };
        }
        Self::Domain(word.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase())
    }

    fn covers_domain(&self, name: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Domain(domain) => {
                name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Network { .. } => false,
        }
    }

    fn covers_address(&self, other: IpAddr) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (Self::Network { address: IpAddr::V4(address), prefix }, IpAddr::V4(other)) => {
                let differing = address.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(*prefix)
            }
            (Self::Network { address: IpAddr::V6(address), prefix }, IpAddr::V6(other)) => {
                let differing = address.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(*prefix)
            }
            _ => false,
        }
    }
}

/// The URL as it may be shown.
pub(crate) fn without_userinfo(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have userinfo.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_domains_addresses_and_networks() {
        let proxy = "http://proxy.example.com:3128".parse().unwrap();
        let check = |no_proxy: &str, url: &str, applies: bool| {
            let rule = ProxyRule::try_new(&proxy, &[no_proxy.to_owned()]).unwrap();
            assert_eq!(rule.applies_to(&url.parse().unwrap()), applies, "{no_proxy} {url}");
        };
        check("", "https://api.snyk.io/rest", true);
        check("", "http://127.0.0.1:1/rest", false);
        check("", "http://localhost:1/rest", false);
        check("*", "https://api.snyk.io/rest", false);
        check("snyk.io", "https://api.snyk.io/rest", false);
        check(".SNYK.io", "https://API.snyk.io/rest", false);
        check("*.snyk.io", "https://api.snyk.io/rest", false);
        check("nyk.io", "https://api.snyk.io/rest", true);
        check("example.com, 10.0.0.0/8", "https://10.200.3.4/", false);
        check("10.0.0.0/8", "https://11.0.0.1/", true);
        check("10.1.2.3", "https://10.1.2.3/", false);
        check("0.0.0.0/0", "https://11.0.0.1/", false);
        check("fd00::/8", "https://[fd12::1]/", false);
        check("fd00::/8", "https://[fe80::1]/", true);
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        let proxy = "socks5://me:hunter2@proxy.example.com:3128".parse().unwrap();
        let error = ProxyRule::try_new(&proxy, &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "socks5://proxy.example.com:3128 cannot be a proxy: it must be http://host:port or https://host:port"
        );
    }
}
