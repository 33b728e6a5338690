//! The configuration file that an operator would have written.

use std::fmt;

use snykwatch::sandbox::Sandbox;
use uuid::Uuid;

/// The integration's configuration key.
pub(crate) const INTEGRATION: &str = "acme-bitbucket";

/// What differs between the stories.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    pub(crate) snyk_url: String,
    pub(crate) bitbucket_url: String,
    pub(crate) group: Uuid,
    /// How often everything is asked.
    pub(crate) every: &'static str,
    /// How long one request may take.
    pub(crate) request_timeout: &'static str,
    /// Organizations are watched too.
    pub(crate) organizations: bool,
}

impl Configuration {
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self {
            snyk_url: sandbox.snyk_api_url().to_string(),
            bitbucket_url: sandbox.bitbucket_api_url().to_string(),
            group: sandbox.world(|world| world.snyk.groups[0].id),
            every: "1h",
            request_timeout: "10s",
            organizations: true,
        }
    }

    /// Everything is asked so often.
    pub(crate) fn every(self, every: &'static str) -> Self {
        Self { every, ..self }
    }

    /// The Group alone is watched: a page about an API waits for no first pass.
    pub(crate) fn without_organizations(self) -> Self {
        Self { organizations: false, ..self }
    }

    /// No request takes longer.
    pub(crate) fn request_timeout(self, request_timeout: &'static str) -> Self {
        Self { request_timeout, ..self }
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { snyk_url, bitbucket_url, group, every, request_timeout, organizations } = self;
        let organizations =
            if *organizations { "    organizations: { credential: bitbucket-acme, discover: all }\n" } else { "" };
        write!(
            formatter,
            "snyk:
  acme-us:
    api_url: {snyk_url}
    token: {{ file: snyk-token }}
credentials:
  bitbucket-acme:
    bitbucket_cloud:
      api_url: {bitbucket_url}
      api_token: {{ email: snyk-bot@acme.example, token: {{ file: bitbucket-token }} }}
    role: integration
integrations:
  {INTEGRATION}:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: {group}
      profiles: {{ main: {{ credential: bitbucket-acme, workspaces: [acme] }} }}
{organizations}schedule:
"
        )?;
        for probe in ["snyk", "credentials", "inventory", "organizations"] {
            writeln!(formatter, "  {probe}: {{ every: {every} }}")?;
        }
        writeln!(
            formatter,
            "http: {{ request_timeout: {request_timeout} }}
server: {{ listen: \"127.0.0.1:0\" }}"
        )
    }
}
