//! Receivers of a configuration, with their secrets and texts. A reload keeps those that say the same with the same
//! secrets: what they are sending is not disturbed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::wiring::WiringError;
use crate::client::answer::KnownSecrets;
use crate::config::files;
use crate::config::receivers::ReceiverSettings;
use crate::config::secrets::TokenVersion;
use crate::config::template::{Template, TemplateContext};
use crate::deliver::text::{self, Wording};
use crate::deliver::{Destination, receivers};
use crate::domain::names::ReceiverName;
use crate::domain::notification::Notification;

/// The receivers of a configuration.
#[derive(Debug, Default)]
pub(super) struct Destinations(BTreeMap<ReceiverName, Entry>);

#[derive(Debug)]
struct Entry {
    settings: Arc<ReceiverSettings>,
    secrets: Vec<TokenVersion>,
    destination: Destination,
}

impl Destinations {
    /// Makes receivers, or takes them over from `before`.
    pub(super) fn try_new(
        configured: &BTreeMap<ReceiverName, Arc<ReceiverSettings>>,
        version_key: &[u8],
        known: &KnownSecrets,
        before: Option<&Self>,
    ) -> Result<Self, WiringError> {
        let mut entries = BTreeMap::new();
        for (name, settings) in configured {
            let unreadable = |source| WiringError::Receiver {
                name: name.clone(),
                source: receivers::ReceiverBuildError::Secret(source),
            };
            let versions = settings
                .secrets()
                .into_iter()
                .map(|source| source.read().map(|secret| TokenVersion::of(&secret, version_key)).map_err(unreadable));
            // Other certificates in the same file are another way to the receiver.
            let certificates = settings.http.ca_file.as_deref().map(|file| {
                let text = files::read(file, files::LONGEST_CERTIFICATES)
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                // A file that cannot be read is told of where the client is made.
                Ok(TokenVersion::of(&text.unwrap_or_default().into(), version_key))
            });
            let secrets = versions.chain(certificates).collect::<Result<Vec<_>, _>>()?;
            let kept = before.and_then(|before| before.0.get(name));
            let kept = kept.filter(|kept| *kept.settings == **settings && kept.secrets == secrets);
            let destination = match kept {
                Some(kept) => kept.destination.clone(),
                None => destination(name, settings, known)?,
            };
            entries.insert(name.clone(), Entry { settings: Arc::clone(settings), secrets, destination });
        }
        Ok(Self(entries))
    }

    pub(super) fn all(&self) -> BTreeMap<ReceiverName, Destination> {
        self.0.iter().map(|(name, entry)| (name.clone(), entry.destination.clone())).collect()
    }
}

fn destination(
    name: &ReceiverName,
    settings: &ReceiverSettings,
    known: &KnownSecrets,
) -> Result<Destination, WiringError> {
    let receiver = receivers::build(settings, known);
    let receiver = receiver.map_err(|source| WiringError::Receiver { name: name.clone(), source })?;
    let template = |text: &Option<String>| {
        let compiled = text.as_deref().map(Template::compile).transpose();
        compiled.map_err(|source| WiringError::Template { name: name.clone(), source })
    };
    let (title, text) = (template(&settings.templates.title)?, template(&settings.templates.text)?);
    if title.is_none() && text.is_none() {
        return Ok(Destination::plain(receiver));
    }
    Ok(Destination { receiver, wording: Arc::new(OperatorsWording { receiver: name.clone(), title, text }) })
}

/// The operator's own texts; what a template does not say, or cannot say of this notification, is said in ours.
#[derive(Debug)]
struct OperatorsWording {
    receiver: ReceiverName,
    title: Option<Template>,
    text: Option<Template>,
}

impl OperatorsWording {
    fn said(&self, template: Option<&Template>, notification: &Notification) -> Option<String> {
        match template?.render(&TemplateContext::of(notification)) {
            Ok(text) => Some(text),
            Err(problem) => {
                // It was tried out on every kind when it was loaded; a page in our words beats no page.
                tracing::warn!(receiver = %self.receiver, %problem, "a template of {} failed; sending our text", self.receiver);
                None
            }
        }
    }
}

impl Wording for OperatorsWording {
    fn title(&self, notification: &Notification) -> String {
        let said = self.said(self.title.as_ref(), notification);
        said.unwrap_or_else(|| text::title(notification))
    }

    fn text(&self, notification: &Notification) -> String {
        self.said(self.text.as_ref(), notification).unwrap_or_else(|| text::text(notification))
    }

    fn is_ours(&self) -> bool {
        false
    }
}
