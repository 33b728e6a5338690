//! Snyk's regions and their API hosts. Tokens are bound to a region; another region answers 401.

use std::str::FromStr;

use url::Url;

/// A public Snyk region. Private and government clouds are configured by URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Region {
    /// `SNYK-US-01`
    Us01,
    /// `SNYK-US-02`
    Us02,
    /// `SNYK-EU-01`
    Eu01,
    /// `SNYK-AU-01`
    Au01,
}

/// A word that names no region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no Snyk region; there are SNYK-US-01, SNYK-US-02, SNYK-EU-01 and SNYK-AU-01")]
pub struct UnknownRegion(pub String);

impl Region {
    /// Every public region.
    pub const ALL: [Self; 4] = [Self::Us01, Self::Us02, Self::Eu01, Self::Au01];

    /// Snyk's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Us01 => "SNYK-US-01",
            Self::Us02 => "SNYK-US-02",
            Self::Eu01 => "SNYK-EU-01",
            Self::Au01 => "SNYK-AU-01",
        }
    }

    /// The host of its API.
    pub fn api_host(self) -> &'static str {
        match self {
            Self::Us01 => "api.snyk.io",
            Self::Us02 => "api.us.snyk.io",
            Self::Eu01 => "api.eu.snyk.io",
            Self::Au01 => "api.au.snyk.io",
        }
    }

    /// The root of its API, for [`SnykOptions`](super::SnykOptions).
    #[expect(clippy::missing_panics_doc, reason = "the four constant hosts are valid, and tested")]
    pub fn api_url(self) -> Url {
        let url = format!("https://{}", self.api_host());
        #[expect(clippy::expect_used, reason = "the four constant hosts are valid, and tested")]
        Url::parse(&url).expect("a constant host makes a URL")
    }

    /// The region of an API host.
    pub fn of_host(host: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.api_host().eq_ignore_ascii_case(host))
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(word: &str) -> Result<Self, UnknownRegion> {
        let region = Self::ALL.into_iter().find(|region| region.as_str().eq_ignore_ascii_case(word));
        region.ok_or_else(|| UnknownRegion(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_names_and_hosts() {
        for region in Region::ALL {
            assert_eq!(region.as_str().parse(), Ok(region));
            assert_eq!(region.api_url().host_str(), Some(region.api_host()));
            assert_eq!(Region::of_host(region.api_host()), Some(region));
        }
        assert!("SNYK-EU-02".parse::<Region>().unwrap_err().to_string().contains("SNYK-EU-01"));
    }
}
