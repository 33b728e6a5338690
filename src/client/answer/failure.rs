//! A call that gave no usable answer, and the kinds of trouble it can meet.

use std::time::Duration;

use super::{AnswerMeta, Redactor};

/// A call that gave no usable answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What kind of trouble.
    pub class: FailureClass,
    /// One line for people: no secret, no control character, capped length. Its words may come from outside.
    pub detail: String,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What sort of body came with it: a 403 with an HTML page is a proxy's word, not the API's.
    pub body: BodyKind,
    /// What the server asks us to wait.
    pub retry_after: Option<Duration>,
    /// What the headers said; the scope headers come with a 403 too.
    pub meta: Box<AnswerMeta>,
    /// What was asked and said, boxed to keep results small.
    pub(crate) context: Box<FailureContext>,
}

/// What was asked, how far it came, and what the API itself said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FailureContext {
    pub(crate) asked: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) code: Option<String>,
    /// Complete pages read before a walk failed.
    pub(crate) pages_before: usize,
    /// Items on those pages.
    pub(crate) items_before: usize,
}

impl Failure {
    /// A failure without an HTTP answer.
    pub(crate) fn without_answer(class: FailureClass, detail: impl Into<String>) -> Self {
        Self {
            class,
            detail: detail.into(),
            status: None,
            body: BodyKind::Absent,
            retry_after: None,
            meta: Box::default(),
            context: Box::default(),
        }
    }

    /// A success that is well formed and does not say what we asked; `what` it is instead.
    pub(crate) fn of_another_shape(what: &str, meta: AnswerMeta) -> Self {
        let detail = format!("the API answered with {what} instead of the expected JSON");
        let mut failure = Self::without_answer(FailureClass::UnexpectedBody, detail);
        failure.body = BodyKind::Json;
        *failure.meta = meta;
        failure
    }

    /// A page that does not say whether it is the last one: `name` is `found` instead of what is described.
    pub(crate) fn of_an_odd_page(name: &str, found: &str, meta: AnswerMeta) -> Self {
        let mut failure = Self::of_another_shape("a page", meta);
        failure.detail = format!("a page of the list does not say whether more follow: its `{name}` is {found}");
        failure
    }

    /// A list that ends before its own total.
    pub(crate) fn of_a_short_list(listed: u64, total: u64, meta: AnswerMeta) -> Self {
        let detail = format!("the list ends after {listed} of the {total} items that it states");
        let mut failure = Self::without_answer(FailureClass::Incomplete { listed, total }, detail);
        failure.body = BodyKind::Json;
        *failure.meta = meta;
        failure
    }

    /// What was asked: method and path, without host and parameters.
    pub fn asked(&self) -> Option<&str> {
        self.context.asked.as_deref()
    }

    /// What the API itself says, without our words around it; cleaned and capped like `detail`. Hostile text.
    pub fn message(&self) -> Option<&str> {
        self.context.message.as_deref()
    }

    /// The vendor's code for it, such as `SNYK-0005`.
    pub fn code(&self) -> Option<&str> {
        self.context.code.as_deref()
    }

    /// Whether the API itself rejects the credential. A page for people with status 401 and without a challenge is a
    /// gateway's or a login page, and says nothing about the credential.
    pub fn is_rejection(&self) -> bool {
        self.class == FailureClass::Unauthorized && (self.body != BodyKind::Html || self.meta.has_challenge)
    }

    /// The layer at which it failed.
    pub fn layer(&self) -> FailureLayer {
        self.class.layer()
    }

    /// Takes the secrets out of every text that came from outside.
    pub(crate) fn clean(mut self, redactor: &Redactor) -> Self {
        self.detail = redactor.clean(&self.detail);
        let FailureContext { asked, message, code, .. } = &mut *self.context;
        for text in [asked, message, code].into_iter().flatten() {
            *text = redactor.clean(text);
        }
        self.meta.clean(redactor);
        match &mut self.class {
            FailureClass::MissingScope { required, granted } => {
                for scope in required.iter_mut().chain(granted) {
                    *scope = redactor.clean(scope);
                }
            }
            FailureClass::Gone { announcement: Some(text) }
            | FailureClass::Redirected { location_host: Some(text) }
            | FailureClass::ForeignNextLink { host: Some(text) }
            | FailureClass::Tls { issuer: Some(text) } => *text = redactor.clean(text),
            _ => {}
        }
        self
    }
}

/// What sort of body an answer had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// No answer, or an answer without a body.
    Absent,
    /// JSON.
    Json,
    /// An HTML page.
    Html,
    /// Anything else.
    Other,
}

/// The kinds of trouble a call can meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureClass {
    /// 401: the credential is not accepted.
    Unauthorized,
    /// The credential works but lacks a scope. Told by the message or body, whatever the status (400 and 403 both occur).
    MissingScope {
        /// Scopes the endpoint wants.
        required: Vec<String>,
        /// Scopes the credential has.
        granted: Vec<String>,
    },
    /// A 403 about the address that we ask from (an IP allow-list). It says nothing about the credential, nor about what
    /// Snyk may do from its own addresses.
    AddressRefused,
    /// A 403 that shuts an accepted credential out until somebody does something about it.
    ShutOut {
        /// What shuts it out.
        by: ShutOut,
    },
    /// Any other 403: the account lacks a right, or the organisation's policy forbids it.
    Forbidden,
    /// Bitbucket Cloud's 403 to an access token on a user endpoint: the credential is valid, it has no user.
    NotAccessibleByThisAuthentication,
    /// 404: not there, or not visible to this credential.
    NotFound,
    /// 410: the endpoint was removed, or browned out.
    Gone {
        /// The change or announcement that the answer names.
        announcement: Option<String>,
    },
    /// 429; without a status it never left, since an earlier answer asked for patience.
    RateLimited {
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// Our own share of the credential's requests is used up. It never left.
    BudgetSpent {
        /// When the next turn is.
        retry_after: Option<Duration>,
    },
    /// The vendor says that it is under maintenance.
    Maintenance,
    /// Any other 5xx.
    ServerError,
    /// 3xx: we follow none, because a redirect to a login page must not look healthy.
    Redirected {
        /// The host that the answer points to.
        location_host: Option<String>,
    },
    /// A success status with something else than the expected JSON.
    UnexpectedBody,
    /// The body ended before it was complete.
    Truncated,
    /// The body was larger than the cap.
    Oversized {
        /// The cap in bytes of the decompressed body.
        limit: usize,
    },
    /// The link to the next page leads to another host, scheme, port or path: our secret does not go there.
    ForeignNextLink {
        /// The host it points to.
        host: Option<String>,
    },
    /// The list ended before its own total: nobody knows what is missing.
    Incomplete {
        /// Items listed.
        listed: u64,
        /// Items that the list states.
        total: u64,
    },
    /// The list has more pages than are read at once, and nothing that was read is lost: it can be read on.
    Unfinished {
        /// Pages read.
        pages: usize,
    },
    /// Two complete answers of the same round exclude each other.
    Contradicted,
    /// The list does not end: a link repeats, or there are more pages than any real list has.
    EndlessPaging,
    /// No complete answer in time.
    Timeout {
        /// What was being waited for.
        phase: TimeoutPhase,
    },
    /// The host name does not resolve.
    Dns,
    /// The proxy is not reachable or refuses.
    Proxy,
    /// The secure connection was refused by one side, most often by us for an unknown issuer.
    Tls {
        /// Who issued the certificate that was not trusted.
        issuer: Option<String>,
    },
    /// Nothing listens there.
    ConnectionRefused,
    /// No connection came about (no route, the network is down).
    Unconnected,
    /// The connection broke before an answer.
    Network,
    /// Another 4xx: we asked in a way the API does not accept.
    BadRequest,
    /// The request is not on our own list of allowed requests; it never left. An error of ours.
    Refused,
    /// The secret was refused when it was read: nothing is asked with it. It never left.
    SecretRefused,
}

/// What shuts an accepted credential out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShutOut {
    /// The token was not authorised for the organisation's single sign-on.
    SingleSignOn,
    /// The account has no two-step verification, which the owner requires.
    TwoStepVerification,
    /// The owner forbids tokens of this kind or lifetime.
    TokenPolicy,
    /// The token or its access waits for somebody's approval.
    ApprovalPending,
}

impl ShutOut {
    /// The word for it in conditions and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SingleSignOn => "single_sign_on",
            Self::TwoStepVerification => "two_step_verification",
            Self::TokenPolicy => "token_policy",
            Self::ApprovalPending => "approval_pending",
        }
    }
}

/// What was being waited for when time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeoutPhase {
    /// Name lookup, TCP, proxy and TLS.
    Connect,
    /// The head of the answer.
    Answer,
    /// The rest of the body.
    Body,
}

/// The layer of a failure: which of name lookup, proxy, TLS, network and API to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureLayer {
    /// Name lookup.
    Dns,
    /// The configured proxy.
    Proxy,
    /// Certificates and handshake.
    Tls,
    /// TCP, or an answer that came late or in part.
    Network,
    /// The API answered, and this is its answer.
    Api,
    /// We ourselves did not send the request.
    Ours,
}

impl FailureClass {
    /// Every label that [`FailureClass::as_label`] can give.
    pub const LABELS: [&'static str; 31] = [
        "unauthorized",
        "missing_scope",
        "address_refused",
        "shut_out",
        "forbidden",
        "not_accessible_by_this_authentication",
        "not_found",
        "gone",
        "rate_limited",
        "budget_spent",
        "maintenance",
        "server_error",
        "redirected",
        "unexpected_body",
        "truncated",
        "oversized",
        "foreign_next_link",
        "incomplete",
        "contradicted",
        "unfinished",
        "endless_paging",
        "timeout",
        "dns",
        "proxy",
        "tls",
        "connection_refused",
        "unconnected",
        "network",
        "bad_request",
        "refused",
        "secret_refused",
    ];

    /// A word of a closed list, for metrics.
    pub fn as_label(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::MissingScope { .. } => "missing_scope",
            Self::AddressRefused => "address_refused",
            Self::ShutOut { .. } => "shut_out",
            Self::Forbidden => "forbidden",
            Self::NotAccessibleByThisAuthentication => "not_accessible_by_this_authentication",
            Self::NotFound => "not_found",
            Self::Gone { .. } => "gone",
            Self::RateLimited { .. } => "rate_limited",
            Self::BudgetSpent { .. } => "budget_spent",
            Self::Maintenance => "maintenance",
            Self::ServerError => "server_error",
            Self::Redirected { .. } => "redirected",
            Self::UnexpectedBody => "unexpected_body",
            Self::Truncated => "truncated",
            Self::Oversized { .. } => "oversized",
            Self::ForeignNextLink { .. } => "foreign_next_link",
            Self::Incomplete { .. } => "incomplete",
            Self::Contradicted => "contradicted",
            Self::Unfinished { .. } => "unfinished",
            Self::EndlessPaging => "endless_paging",
            Self::Timeout { .. } => "timeout",
            Self::Dns => "dns",
            Self::Proxy => "proxy",
            Self::Tls { .. } => "tls",
            Self::ConnectionRefused => "connection_refused",
            Self::Unconnected => "unconnected",
            Self::Network => "network",
            Self::BadRequest => "bad_request",
            Self::Refused => "refused",
            Self::SecretRefused => "secret_refused",
        }
    }

    /// The layer at which such a failure happens.
    pub fn layer(&self) -> FailureLayer {
        match self {
            Self::Dns => FailureLayer::Dns,
            Self::Proxy => FailureLayer::Proxy,
            Self::Tls { .. } => FailureLayer::Tls,
            Self::Timeout { .. } | Self::ConnectionRefused | Self::Unconnected | Self::Network | Self::Truncated => {
                FailureLayer::Network
            }
            Self::BudgetSpent { .. } | Self::Refused | Self::SecretRefused | Self::Unfinished { .. } => {
                FailureLayer::Ours
            }
            _ => FailureLayer::Api,
        }
    }
}
