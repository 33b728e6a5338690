//! A real SMTP server: TLS, logins, what arrives, and refusals.

pub(crate) mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use snykwatch::client::answer::KnownSecrets;
use snykwatch::config::http::HttpSettings;
use snykwatch::config::receivers::{EmailSettings, SmtpTls};
use snykwatch::config::secrets::SecretSource;
use snykwatch::deliver::receiver::{Message, Receiver, Retry, SendFailure};
use snykwatch::deliver::receivers::email::EmailReceiver;
use snykwatch::domain::incident::Severity;
use snykwatch::domain::notification::{FailureReason, NotificationKind, Reach};
use tempfile::TempDir;

use self::server::{SmtpServer, python};
use crate::support::Episode;

/// Certificates for `localhost` and 127.0.0.1, valid for a hundred years; their keys are no secret.
const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/client/testing");

const PASSWORD: &str = "correct-horse-battery";

/// What kind of server, and how it answers.
struct Plan {
    tls: SmtpTls,
    host: &'static str,
    has_login: bool,
    answers: Value,
}

impl Plan {
    fn of(tls: SmtpTls) -> Self {
        Self { tls, host: "127.0.0.1", has_login: tls != SmtpTls::None, answers: json!({}) }
    }

    fn answering(answers: Value) -> Self {
        Self { answers, ..Self::of(SmtpTls::None) }
    }
}

/// A mail server, and how to reach it.
struct Server {
    program: SmtpServer,
    settings: EmailSettings,
    http: HttpSettings,
    directory: TempDir,
}

impl Server {
    async fn start(python: &str, plan: Plan) -> Self {
        let tls = match plan.tls {
            SmtpTls::Implicit => "implicit",
            SmtpTls::StartTls => "starttls",
            SmtpTls::None => "none",
        };
        let certificates = Path::new(CERTIFICATES);
        let options = json!({
            "host": plan.host,
            "tls": tls,
            "cert": certificates.join("localhost.pem"),
            "key": certificates.join("localhost-key.pem"),
            "login": plan.has_login.then_some(["snykwatch", PASSWORD]),
            "answers": plan.answers,
        });
        let program = SmtpServer::start(python, &options).await;
        let directory = tempfile::tempdir().unwrap();
        let settings = EmailSettings {
            host: plan.host.to_owned(),
            port: program.port,
            tls: plan.tls,
            login: None,
            from: "snykwatch <snykwatch@acme.example>".to_owned(),
            to: vec!["ops@acme.example".to_owned(), "security@acme.example".to_owned()],
        };
        let http = HttpSettings {
            ca_file: Some(certificates.join("authority.pem")),
            request_timeout: Duration::from_secs(20),
            ..HttpSettings::default()
        };
        let mut server = Self { program, settings, http, directory };
        if plan.has_login {
            server.log_in_with(PASSWORD);
        }
        server
    }

    fn log_in_with(&mut self, password: &str) {
        let file: PathBuf = self.directory.path().join("password");
        std::fs::write(&file, password).unwrap();
        self.settings.login = Some(("snykwatch".to_owned(), SecretSource::File(file)));
    }

    fn receiver(&self) -> EmailReceiver {
        EmailReceiver::try_new(&self.settings, &self.http, &KnownSecrets::default()).unwrap()
    }

    async fn send(&self, message: &Message) -> Result<(), SendFailure> {
        self.receiver().send(message).await
    }

    /// The next message that arrived.
    async fn next(&mut self) -> Value {
        self.program.next().await
    }

    /// Whether only this message arrives, of all that were sent so far: it is sent behind them.
    async fn arrives_next(&mut self, message: &Message) {
        self.send(message).await.unwrap();
        let arrived = self.next().await;
        assert_eq!(header(&arrived, "X-Snykwatch-Key"), message.notification.key());
    }
}

fn header(arrived: &Value, name: &str) -> String {
    let headers = arrived["headers"].as_array().unwrap();
    let mut found = headers.iter().filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned());
    let value = found.next().unwrap_or_else(|| panic!("no header {name}: {headers:?}"));
    assert_eq!(found.next(), None, "{name} is there twice");
    value
}

fn trigger(name: &str) -> Message {
    Episode::of(name).message(Severity::Critical, NotificationKind::Trigger)
}

#[tokio::test]
async fn a_page_arrives_over_each_kind_of_connection() {
    let Some(python) = python().await else { return };
    for tls in [SmtpTls::Implicit, SmtpTls::StartTls, SmtpTls::None] {
        let mut server = Server::start(python, Plan::of(tls)).await;
        let message = trigger("acme");
        server.send(&message).await.unwrap();
        let arrived = server.next().await;
        if tls == SmtpTls::StartTls {
            assert_eq!(arrived["tls"], true);
        }
        let login = if tls == SmtpTls::None { Value::Null } else { json!("snykwatch") };
        assert_eq!(arrived["login"], login, "{tls:?}");
        assert_eq!(arrived["from"], "snykwatch@acme.example");
        assert_eq!(arrived["to"], json!(["ops@acme.example", "security@acme.example"]));
        assert_eq!(header(&arrived, "Subject"), message.title);
        assert_eq!(header(&arrived, "Auto-Submitted"), "auto-generated");
        assert_eq!(header(&arrived, "Message-ID"), format!("<{}@acme.example>", message.notification.id));
        assert!(!header(&arrived, "Date").is_empty());
        assert_eq!(arrived["parts"]["text/plain"].as_str().unwrap().replace('\r', "").trim_end(), message.text);
        assert!(arrived["parts"]["text/html"].as_str().unwrap().contains("Save a new token in Snyk."));
    }
}

#[tokio::test]
async fn an_episode_is_one_thread_and_a_repeat_the_same_message() {
    let Some(python) = python().await else { return };
    let mut server = Server::start(python, Plan::of(SmtpTls::None)).await;
    let episode = Episode::of("acme");
    let trigger = episode.message(Severity::Warning, NotificationKind::Trigger);
    server.send(&trigger).await.unwrap();
    server.send(&trigger).await.unwrap();
    server.send(&episode.message(Severity::Warning, NotificationKind::Resolve)).await.unwrap();
    let [first, repeat, resolve] = [server.next().await, server.next().await, server.next().await];
    assert_eq!(header(&first, "Message-ID"), header(&repeat, "Message-ID"));
    assert_ne!(header(&first, "Message-ID"), header(&resolve, "Message-ID"));
    assert_eq!(header(&first, "References"), header(&resolve, "References"));
    assert_eq!(header(&first, "In-Reply-To"), header(&resolve, "In-Reply-To"));
}

#[tokio::test]
async fn hostile_names_add_no_header_and_no_markup() {
    let Some(python) = python().await else { return };
    let mut server = Server::start(python, Plan::of(SmtpTls::None)).await;
    let mut message = trigger("acme");
    message.title = "acme\r\nBcc: all@acme.example\r\n\r\nhello ü <script>".to_owned();
    message.text = "<script>alert(1)</script>\r\n.\r\nQUIT\r\n.dots\n".to_owned();
    server.send(&message).await.unwrap();
    let arrived = server.next().await;
    assert_eq!(header(&arrived, "Subject"), "acme Bcc: all@acme.example hello ü <script>");
    assert!(!arrived["headers"].as_array().unwrap().iter().any(|pair| pair[0] == "Bcc"));
    assert_eq!(arrived["to"].as_array().unwrap().len(), 2);
    let text = arrived["parts"]["text/plain"].as_str().unwrap().replace('\r', "");
    assert_eq!(text.trim_end(), "<script>alert(1)</script>\n.\nQUIT\n.dots");
    assert!(!arrived["parts"]["text/html"].as_str().unwrap().contains("<script>"));
    assert!(arrived["raw"].as_str().unwrap().is_ascii());
}

#[track_caller]
fn is(failure: &SendFailure, reason: FailureReason, retry: Retry, reach: Reach) {
    assert_eq!((failure.reason, failure.retry, failure.reach), (reason, retry, reach), "{failure:?}");
    assert!(!failure.detail.contains(PASSWORD), "{failure:?}");
}

#[tokio::test]
async fn nobody_gets_a_page_whose_certificate_is_not_trusted() {
    let Some(python) = python().await else { return };
    for tls in [SmtpTls::Implicit, SmtpTls::StartTls] {
        let mut server = Server::start(python, Plan::of(tls)).await;
        let trusted = server.http.ca_file.take();
        let failure = server.send(&trigger("acme-untrusted")).await.unwrap_err();
        is(&failure, FailureReason::Tls, Retry::Later, Reach::NotReceived);
        server.http.ca_file = trusted;
        server.arrives_next(&trigger("acme-trusted")).await;
        // The certificate is for another name.
        let plan = Plan { host: "127.0.0.2", ..Plan::of(tls) };
        let stranger = Server::start(python, plan).await;
        let failure = stranger.send(&trigger("acme")).await.unwrap_err();
        is(&failure, FailureReason::Tls, Retry::Later, Reach::NotReceived);
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing() {
    let Some(python) = python().await else { return };
    let mut server = Server::start(python, Plan::of(SmtpTls::None)).await;
    server.log_in_with(PASSWORD);
    server.settings.tls = SmtpTls::StartTls;
    let failure = server.send(&trigger("acme-stripped")).await.unwrap_err();
    is(&failure, FailureReason::Tls, Retry::Later, Reach::NotReceived);
    assert!(failure.detail.contains("STARTTLS"), "{failure:?}");
    server.settings.tls = SmtpTls::Implicit;
    let failure = server.send(&trigger("acme-plain")).await.unwrap_err();
    is(&failure, FailureReason::Tls, Retry::Later, Reach::NotReceived);
    server.settings.tls = SmtpTls::None;
    server.settings.login = None;
    server.arrives_next(&trigger("acme")).await;
}

#[tokio::test]
async fn a_wrong_password_waits_for_the_right_one() {
    let Some(python) = python().await else { return };
    let mut server = Server::start(python, Plan::of(SmtpTls::StartTls)).await;
    server.log_in_with("wrong-horse");
    let failure = server.send(&trigger("acme")).await.unwrap_err();
    is(&failure, FailureReason::Unauthorized, Retry::Later, Reach::NotReceived);
    assert!(!failure.detail.contains("wrong-horse"), "{failure:?}");
    server.settings.login = None;
    let failure = server.send(&trigger("acme")).await.unwrap_err();
    is(&failure, FailureReason::Unauthorized, Retry::Later, Reach::NotReceived);
    server.log_in_with(PASSWORD);
    server.arrives_next(&trigger("acme")).await;
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_again_and_what_is_refused_for_good_is_not() {
    let Some(python) = python().await else { return };
    let (later, never) = ((FailureReason::ServerError, Retry::Later), (FailureReason::Rejected, Retry::Never));
    for (answers, (reason, retry)) in [
        (json!({ "MAIL": ["451 4.3.0 later"] }), later),
        (json!({ "MAIL": ["550 5.7.1 never"] }), never),
        (json!({ "RCPT": ["450 4.2.1 greylisted", "450 4.2.1 greylisted"] }), later),
        (json!({ "RCPT": ["550 5.1.1 unknown", "450 4.2.1 greylisted"] }), later),
        (json!({ "RCPT": ["550 5.1.1 unknown", "550 5.1.1 unknown"] }), never),
        (json!({ "DATA": ["452 4.3.1 full"] }), later),
        (json!({ "DATA": ["554 5.6.0 never"] }), never),
    ] {
        let server = Server::start(python, Plan::answering(answers.clone())).await;
        let failure = server.send(&trigger("acme")).await.unwrap_err();
        is(&failure, reason, retry, Reach::NotReceived);
        // The script is played out: the same message passes now.
        server.send(&trigger("acme")).await.unwrap();
    }
}

#[tokio::test]
async fn a_recipient_who_was_refused_for_now_is_asked_again_alone() {
    let Some(python) = python().await else { return };
    let mut server = Server::start(python, Plan::answering(json!({ "RCPT": [null, "450 4.2.1 greylisted"] }))).await;
    let (receiver, message) = (server.receiver(), trigger("acme"));
    let failure = receiver.send(&message).await.unwrap_err();
    is(&failure, FailureReason::ServerError, Retry::Later, Reach::Unclear);
    receiver.send(&message).await.unwrap();
    let [first, second] = [server.next().await, server.next().await];
    assert_eq!(first["to"], json!(["ops@acme.example"]));
    assert_eq!(second["to"], json!(["security@acme.example"]));
    assert_eq!(header(&first, "Message-ID"), header(&second, "Message-ID"));
}

#[tokio::test]
async fn without_an_answer_to_the_content_it_may_have_arrived() {
    let Some(python) = python().await else { return };
    let mut server = Server::start(python, Plan::answering(json!({ "DATA": ["hang"] }))).await;
    server.http.request_timeout = Duration::from_secs(2);
    let failure = server.send(&trigger("acme")).await.unwrap_err();
    is(&failure, FailureReason::Timeout, Retry::Later, Reach::Unclear);
    server.next().await;
    let mut server = Server::start(python, Plan::answering(json!({ "MAIL": ["hang"] }))).await;
    server.http.request_timeout = Duration::from_secs(2);
    let failure = server.send(&trigger("acme")).await.unwrap_err();
    is(&failure, FailureReason::Timeout, Retry::Later, Reach::NotReceived);
}

#[tokio::test]
async fn only_this_machine_is_spoken_to_without_tls() {
    let settings = EmailSettings {
        host: "mail.acme.example".to_owned(),
        port: 25,
        tls: SmtpTls::None,
        login: None,
        from: "snykwatch@acme.example".to_owned(),
        to: vec!["ops@acme.example".to_owned()],
    };
    let try_new =
        |settings: &EmailSettings| EmailReceiver::try_new(settings, &HttpSettings::default(), &KnownSecrets::default());
    assert!(try_new(&settings).is_err());
    let forbidden = EmailSettings { host: "169.254.169.254".to_owned(), tls: SmtpTls::StartTls, ..settings };
    let failure = try_new(&forbidden).unwrap().send(&trigger("acme")).await.unwrap_err();
    is(&failure, FailureReason::Address, Retry::Later, Reach::NotReceived);
}
