//! What a failed conversation with a mail server means for the message.

use crate::client::smtp::{SmtpFailure, SmtpStep, SmtpTrouble};
use crate::deliver::receiver::{Retry, SendFailure};
use crate::domain::notification::{FailureReason, Reach};

/// Codes that ask for a login wherever they come (RFC 4954, section 6).
const LOGIN_CODES: [u16; 3] = [530, 535, 538];

/// Judges a failure.
///
/// A code of 5xx is final only where it speaks of this message: about sender, recipients or content. At the greeting, at
/// STARTTLS and at the login it speaks of us; the message waits until somebody has corrected that. Only when the content
/// was being sent and no answer came, may the message have arrived.
pub(super) fn of(failure: SmtpFailure) -> SendFailure {
    let SmtpFailure { step, trouble } = failure;
    let at = place(step);
    let speaks_of_us = matches!(step, SmtpStep::Connect | SmtpStep::StartTls | SmtpStep::Login);
    let (reason, retry) = match &trouble {
        SmtpTrouble::Address(_) => (FailureReason::Address, Retry::Later),
        SmtpTrouble::Tls(_) => (FailureReason::Tls, Retry::Later),
        SmtpTrouble::Timeout => (FailureReason::Timeout, Retry::Later),
        SmtpTrouble::Connection(_) => (FailureReason::Connection, Retry::Later),
        SmtpTrouble::Nonsense(_) if step == SmtpStep::Login => (FailureReason::Unauthorized, Retry::Later),
        SmtpTrouble::Nonsense(_) => (FailureReason::InvalidAnswer, Retry::Later),
        SmtpTrouble::Refused { code: ..=499, .. } => (FailureReason::ServerError, Retry::Later),
        SmtpTrouble::Refused { code, .. } if speaks_of_us || LOGIN_CODES.contains(code) => {
            (FailureReason::Unauthorized, Retry::Later)
        }
        SmtpTrouble::Refused { .. } => (FailureReason::Rejected, Retry::Never),
    };
    let is_refused = matches!(trouble, SmtpTrouble::Refused { .. });
    let reach = if step == SmtpStep::Content && !is_refused { Reach::Unclear } else { Reach::NotReceived };
    let detail = match trouble {
        SmtpTrouble::Timeout => format!("{at}: no answer in time"),
        SmtpTrouble::Refused { code, text } if text.is_empty() => format!("{at}: refused with {code}"),
        SmtpTrouble::Refused { code, text } => format!("{at}: refused with {code}: {text}"),
        SmtpTrouble::Address(detail)
        | SmtpTrouble::Tls(detail)
        | SmtpTrouble::Connection(detail)
        | SmtpTrouble::Nonsense(detail) => format!("{at}: {detail}"),
    };
    SendFailure { reason, detail, reach, retry }
}

fn place(step: SmtpStep) -> &'static str {
    match step {
        SmtpStep::Connect => "at the connection to the mail server",
        SmtpStep::StartTls => "at STARTTLS",
        SmtpStep::Login => "at the login to the mail server",
        SmtpStep::Sender => "at the sender",
        SmtpStep::Recipients => "at the recipients",
        SmtpStep::Data => "before the content",
        SmtpStep::Content => "after the content",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(step: SmtpStep, trouble: SmtpTrouble, expected: (FailureReason, Retry, Reach)) {
        let found = of(SmtpFailure { step, trouble });
        assert_eq!((found.reason, found.retry, found.reach), expected, "{step:?}: {}", found.detail);
    }

    fn refused(code: u16) -> SmtpTrouble {
        SmtpTrouble::Refused { code, text: "no".to_owned() }
    }

    #[test]
    fn what_a_code_means_depends_on_the_step() {
        use FailureReason::{Rejected, ServerError, Unauthorized};
        use Reach::NotReceived;
        use SmtpStep::{Connect, Content, Data, Login, Recipients, Sender, StartTls};
        for step in [Connect, StartTls, Login, Sender, Recipients, Data, Content] {
            check(step, refused(421), (ServerError, Retry::Later, NotReceived));
            check(step, refused(451), (ServerError, Retry::Later, NotReceived));
        }
        for step in [Connect, StartTls, Login] {
            check(step, refused(554), (Unauthorized, Retry::Later, NotReceived));
        }
        check(Login, refused(535), (Unauthorized, Retry::Later, NotReceived));
        check(Sender, refused(530), (Unauthorized, Retry::Later, NotReceived));
        for step in [Sender, Recipients, Data, Content] {
            check(step, refused(550), (Rejected, Retry::Never, NotReceived));
            check(step, refused(552), (Rejected, Retry::Never, NotReceived));
        }
    }

    #[test]
    fn only_content_without_an_answer_may_have_arrived() {
        use FailureReason::{Address, Connection, InvalidAnswer, Timeout, Tls, Unauthorized};
        use Reach::{NotReceived, Unclear};
        use SmtpStep::{Connect, Content, Data, Login, StartTls};
        let broken = || SmtpTrouble::Connection("it broke".to_owned());
        let nonsense = || SmtpTrouble::Nonsense("answered 220".to_owned());
        check(Content, SmtpTrouble::Timeout, (Timeout, Retry::Later, Unclear));
        check(Content, broken(), (Connection, Retry::Later, Unclear));
        check(Content, nonsense(), (InvalidAnswer, Retry::Later, Unclear));
        check(Data, SmtpTrouble::Timeout, (Timeout, Retry::Later, NotReceived));
        check(Data, broken(), (Connection, Retry::Later, NotReceived));
        check(Connect, SmtpTrouble::Address("none".to_owned()), (Address, Retry::Later, NotReceived));
        check(StartTls, SmtpTrouble::Tls("none".to_owned()), (Tls, Retry::Later, NotReceived));
        check(Login, nonsense(), (Unauthorized, Retry::Later, NotReceived));
    }
}
