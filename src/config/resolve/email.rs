//! Resolves receivers of e-mail.

use lettre::Address;
use url::Host;

use super::Resolver;
use super::receivers::is_link_local;
use crate::config::problem::{Place, Problem, ProblemKind};
use crate::config::raw::receivers::{RawEmail, RawSmtpTls};
use crate::config::raw::spanned::Spanned;
use crate::config::raw::value::is_loopback_host;
use crate::config::receivers::{EmailSettings, SmtpTls};
use crate::config::secrets::SecretSource;

/// TLS from the first byte.
const IMPLICIT_PORT: u16 = 465;
/// Submission, with STARTTLS.
const SUBMISSION_PORT: u16 = 587;
/// Without TLS.
const PLAIN_PORT: u16 = 25;

impl Resolver<'_> {
    pub(super) fn email(&self, raw: &RawEmail, place: Place) -> Option<EmailSettings> {
        let host = self.need(raw.host.as_ref(), place, "host");
        let host = host.and_then(|host| Some((self.mail_host(host)?, host.value.clone())));
        let given_port = raw.port.as_ref().map(|port| self.port(port));
        let tls = match (raw.tls.as_ref().map(|tls| tls.value), given_port) {
            (Some(RawSmtpTls::Implicit), _) | (None, Some(IMPLICIT_PORT)) => SmtpTls::Implicit,
            (Some(RawSmtpTls::StartTls) | None, _) => SmtpTls::StartTls,
            (Some(RawSmtpTls::None), _) => SmtpTls::None,
        };
        if let (SmtpTls::None, Some((parsed, name)), Some(written)) = (tls, &host, &raw.tls)
            && !is_loopback_host(parsed)
        {
            let message = format!("without TLS, mail to {name} could be read and changed on its way");
            let help = "`tls: none` is for a mail server on this machine; write `starttls` or `implicit`";
            self.note(Problem::error(ProblemKind::Insecure, written.place, message).help(help));
        }
        let from = self.need(raw.from.as_ref(), place, "from").map(|from| self.mail_address(from));
        let to = self.need(raw.to.as_ref(), place, "to");
        if let Some(to) = to
            && to.value.is_empty()
        {
            let message = "an empty list of recipients gets no mail";
            self.note(Problem::error(ProblemKind::InvalidValue, to.place, message));
        }
        let to = to.map(|to| to.value.iter().map(|address| self.mail_address(address)).collect());
        let login = self.login(raw, place);
        Some(EmailSettings {
            host: host?.1,
            port: given_port.unwrap_or(match tls {
                SmtpTls::Implicit => IMPLICIT_PORT,
                SmtpTls::StartTls => SUBMISSION_PORT,
                SmtpTls::None => PLAIN_PORT,
            }),
            tls,
            login,
            from: from?,
            to: to?,
        })
    }

    fn mail_host(&self, raw: &Spanned<String>) -> Option<Host> {
        let problem = |message: String| Problem::error(ProblemKind::InvalidValue, raw.place, message);
        let Ok(host) = Host::parse(&raw.value) else {
            let message = format!("`{}` is no name of a server", raw.value.escape_debug());
            self.note(problem(message).help("write for example smtp.example.com; the port stands in `port`"));
            return None;
        };
        if is_link_local(&host) {
            self.note(problem(format!("{host} is a link-local address: nothing is ever sent there")));
        }
        Some(host)
    }

    fn port(&self, raw: &Spanned<u32>) -> u16 {
        let port = u16::try_from(raw.value).unwrap_or_default();
        if port == 0 {
            let message = format!("{} is no port; ports go from 1 to {}", raw.value, u16::MAX);
            self.note(Problem::error(ProblemKind::InvalidValue, raw.place, message));
        }
        port
    }

    fn login(&self, raw: &RawEmail, place: Place) -> Option<(String, SecretSource)> {
        let password = raw.password.as_ref().map(|password| self.secret(password));
        match (&raw.username, password) {
            (None, None) => None,
            (Some(username), Some(password)) => Some((username.value.clone(), password)),
            (Some(_), None) => {
                self.need(raw.password.as_ref(), place, "password");
                None
            }
            (None, Some(_)) => {
                self.need(raw.username.as_ref(), place, "username");
                None
            }
        }
    }

    fn mail_address(&self, raw: &Spanned<String>) -> String {
        if raw.value.parse::<Address>().is_err() {
            let message = format!("`{}` is no e-mail address", raw.value.escape_debug());
            self.note(
                Problem::error(ProblemKind::InvalidValue, raw.place, message)
                    .help("write the address alone, such as oncall@acme.example"),
            );
        }
        raw.value.clone()
    }
}
