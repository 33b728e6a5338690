//! E-mail, by SMTP.
//!
//! **How it works.** Each notification is one message with a text and an HTML part ([`letter`]). Its `Message-ID` is made
//! of the notification's id, so that a repeat is recognised as one. All messages of an episode refer to one thread id that
//! nobody has sent: mail programs show them as one conversation, whichever of them arrived.
//!
//! A recipient who was refused for now, while others were not, is asked again; the others are not sent it twice (as long
//! as this process lives). One who was refused for good, while others were not, is logged: the page has arrived at
//! somebody.
//!
//! **What it does not do.** It never speaks without TLS to another machine, keeps no connection, and does not read mail:
//! a bounce that comes back later is seen by nobody but the sender's mailbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};
use lettre::address::Address;

use self::letter::Correspondents;
use super::ReceiverBuildError;
use crate::client::answer::{KnownSecrets, Redactor};
use crate::client::smtp::{Letter, RefusedRecipient, SmtpClient, SmtpServer};
use crate::config::http::HttpSettings;
use crate::config::receivers::{EmailSettings, SmtpTls};
use crate::deliver::receiver::{Message, Receiver, Retry, SendFailure};
use crate::domain::notification::{FailureReason, NotificationId, NotificationKind, Reach};

mod letter;
mod verdict;

/// As many messages may be on their way to some of their recipients at once. A retry that was forgotten costs a second
/// copy, nothing worse.
const UNFINISHED_LIMIT: usize = 256;

/// Codes from here on are final (RFC 5321, section 4.2.1).
const PERMANENT: u16 = 500;

/// Sends e-mail.
#[derive(Debug)]
pub struct EmailReceiver {
    client: SmtpClient,
    correspondents: Correspondents,
    redactor: Redactor,
    /// Who already has a message that others do not have yet.
    unfinished: Mutex<BTreeMap<NotificationId, BTreeSet<Address>>>,
}

impl EmailReceiver {
    /// Makes the receiver. The password is read here; of `http` the CA file and the timeouts count. Nothing that the
    /// server says lets one of `secrets` out.
    ///
    /// # Errors
    /// When the password or the CA file cannot be read, an address is none, or TLS is off and the server is not on this
    /// machine.
    pub fn try_new(
        settings: &EmailSettings,
        http: &HttpSettings,
        secrets: &KnownSecrets,
    ) -> Result<Self, ReceiverBuildError> {
        if settings.tls == SmtpTls::None && !is_this_machine(&settings.host) {
            let reason = "without TLS only a server on this machine is spoken to".to_owned();
            return Err(ReceiverBuildError::Address { address: settings.host.clone(), reason });
        }
        let login = match &settings.login {
            Some((name, password)) => Some((name.clone(), password.read()?)),
            None => None,
        };
        let redactor = secrets.redactor_of_receiver(login.iter().map(|(_, password)| password.clone()));
        let correspondents = Correspondents::try_new(&settings.from, &settings.to)?;
        let server = SmtpServer {
            host: settings.host.clone(),
            port: settings.port,
            tls: settings.tls,
            login,
            hello: correspondents.domain().to_owned(),
        };
        let client = SmtpClient::build(server, http)?;
        Ok(Self { client, correspondents, redactor, unfinished: Mutex::default() })
    }

    async fn deliver(&self, message: &Message) -> Result<(), SendFailure> {
        let id = &message.notification.id;
        let content = letter::compose(message, &self.correspondents).map_err(|error| SendFailure {
            reason: FailureReason::Rejected,
            detail: format!("the message could not be written: {error}"),
            reach: Reach::NotReceived,
            retry: Retry::Never,
        })?;
        let done = self.unfinished().get(id).cloned().unwrap_or_default();
        let to: Vec<_> = self.correspondents.recipients().filter(|address| !done.contains(*address)).cloned().collect();
        let letter = Letter { from: self.correspondents.sender(), to: &to, content: &content };
        let mut refused = self.client.deliver(letter).await.map_err(|failure| {
            let failure = verdict::of(failure);
            SendFailure { detail: self.redactor.clean(&failure.detail), ..failure }
        })?;
        for refusal in &mut refused {
            refusal.text = self.redactor.clean(&refusal.text);
        }
        let (for_good, for_now): (Vec<_>, Vec<_>) = refused.into_iter().partition(|refusal| refusal.code >= PERMANENT);
        for RefusedRecipient { address, code, text } in &for_good {
            tracing::error!(%address, code, text, "a recipient of pages was refused by the mail server; correct `to`");
        }
        let Some(first) = for_now.first() else {
            self.unfinished().remove(id);
            return Ok(());
        };
        let detail = format!("{} was refused for now, with {}: {}", first.address, first.code, first.text);
        let is_waiting = |address: &&Address| for_now.iter().any(|refusal| refusal.address == **address);
        let served: Vec<_> = to.iter().filter(|address| !is_waiting(address)).cloned().collect();
        let mut unfinished = self.unfinished();
        unfinished.entry(id.clone()).or_default().extend(served);
        if unfinished.len() > UNFINISHED_LIMIT {
            unfinished.pop_first();
        }
        Err(SendFailure { reason: FailureReason::ServerError, detail, reach: Reach::Unclear, retry: Retry::Later })
    }

    fn unfinished(&self) -> std::sync::MutexGuard<'_, BTreeMap<NotificationId, BTreeSet<Address>>> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver for EmailReceiver {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendFailure>> {
        self.deliver(message).boxed()
    }

    /// Each of them is a message to a person.
    fn takes(&self, _kind: NotificationKind) -> bool {
        true
    }
}

fn is_this_machine(host: &str) -> bool {
    let literal = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || literal.is_ok_and(|address| address.is_loopback())
}
