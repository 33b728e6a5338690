//! The `snyk` section: one entry per Snyk token.

use url::Url;

use super::http::HttpSettings;
use super::secrets::SecretSource;
use super::token::TokenKind;
use crate::domain::names::CredentialName;

/// The REST API version asked for unless an entry says otherwise (a date; see `docs/apis/snyk.md`).
pub const DEFAULT_API_VERSION: &str = "2026-03-25";

/// A Snyk token: older ones have no prefix.
pub const SNYK_TOKEN: TokenKind = TokenKind { what: "a Snyk token", prefix: None };

/// One Snyk token at one Snyk API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnykEntry {
    /// Its key in the configuration.
    pub name: CredentialName,
    /// Which Snyk it speaks to.
    pub api: SnykApi,
    /// How it proves who it is.
    pub auth: SnykAuth,
    /// The label of this token among the personal access tokens of its user, who may have several.
    pub token_label: Option<String>,
    /// The REST API version: a date, perhaps with `~beta` or `~experimental`.
    pub version: String,
    /// How to reach the API.
    pub http: HttpSettings,
}

/// A Snyk API: one of Snyk's regions, or an address of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnykApi {
    /// One of Snyk's published regions.
    Region(Region),
    /// The root of another API (a private region, a sandbox), without `/rest` or `/v1`, without trailing slash.
    Url(Url),
}

impl SnykApi {
    /// The root of the API, to which `/rest`, `/v1` and `/oauth2/token` are appended.
    pub fn root(&self) -> &str {
        match self {
            Self::Region(region) => region.api_root(),
            Self::Url(url) => url.as_str().trim_end_matches('/'),
        }
    }

    /// The root of the pages people open, where it is known.
    pub fn app_root(&self) -> Option<&'static str> {
        match self {
            Self::Region(region) => Some(region.app_root()),
            Self::Url(_) => None,
        }
    }
}

/// Snyk's regions (see `docs/apis/snyk.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// SNYK-US-01.
    Us01,
    /// SNYK-US-02.
    Us02,
    /// SNYK-EU-01.
    Eu01,
    /// SNYK-AU-01.
    Au01,
}

impl Region {
    /// Every region.
    pub const ALL: [Self; 4] = [Self::Us01, Self::Us02, Self::Eu01, Self::Au01];

    /// Snyk's name of the region.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Us01 => "SNYK-US-01",
            Self::Us02 => "SNYK-US-02",
            Self::Eu01 => "SNYK-EU-01",
            Self::Au01 => "SNYK-AU-01",
        }
    }

    /// The root of the region's API.
    pub const fn api_root(self) -> &'static str {
        match self {
            Self::Us01 => "https://api.snyk.io",
            Self::Us02 => "https://api.us.snyk.io",
            Self::Eu01 => "https://api.eu.snyk.io",
            Self::Au01 => "https://api.au.snyk.io",
        }
    }

    /// The root of the region's web pages.
    pub const fn app_root(self) -> &'static str {
        match self {
            Self::Us01 => "https://app.snyk.io",
            Self::Us02 => "https://app.us.snyk.io",
            Self::Eu01 => "https://app.eu.snyk.io",
            Self::Au01 => "https://app.au.snyk.io",
        }
    }
}

/// How a Snyk entry proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnykAuth {
    /// A token sent as it is.
    Token {
        /// Where the token is.
        token: SecretSource,
        /// The word before it in the header.
        scheme: SnykScheme,
    },
    /// A service account with OAuth 2 client credentials.
    Oauth {
        /// The client's id: not a secret by itself, but read like one.
        client_id: SecretSource,
        /// The client's secret.
        client_secret: SecretSource,
    },
}

impl SnykAuth {
    /// Every secret it needs.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        match self {
            Self::Token { token, .. } => vec![token],
            Self::Oauth { client_id, client_secret } => vec![client_id, client_secret],
        }
    }
}

/// The word before a Snyk token in the `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SnykScheme {
    /// `token`: API tokens, personal access tokens, service accounts.
    #[default]
    Token,
    /// `bearer`: OAuth access tokens.
    Bearer,
}
