//! The process's log: what is written, how it looks, and a filter that can be changed while it is written.
//!
//! Where it is JSON, everything that `run` says on stderr is a line of it: a panic, a problem of the configuration, and
//! why the daemon does not start.

use std::panic::PanicHookInfo;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use super::Terminal;
use super::arguments::LogFormat;
use crate::web::{LogFilter, LogFilterError, LogHandle};

/// The longest filter. Characters: one that takes long to read would hold up whoever waits for an answer.
const LONGEST_FILTER: usize = 1_000;

/// The filter in force.
struct Filter(reload::Handle<EnvFilter, Registry>);

impl LogFilter for Filter {
    fn filter(&self) -> Result<String, LogFilterError> {
        self.0.with_current(ToString::to_string).map_err(|error| LogFilterError::Gone(error.to_string()))
    }

    fn set_filter(&self, filter: &str) -> Result<String, LogFilterError> {
        let (before, after) = (self.filter()?, parsed(filter)?);
        let tell = || tracing::info!(from = before, to = filter, "the log filter changes from {before} to {filter}");
        // Whichever of the two lets it through: a log that falls silent says so.
        let is_heard = tracing::enabled!(Level::INFO);
        if is_heard {
            tell();
        }
        self.0.reload(after).map_err(|error| LogFilterError::Gone(error.to_string()))?;
        if !is_heard {
            tell();
        }
        Ok(before)
    }
}

/// A filter, as it is written.
pub(super) fn parsed(text: &str) -> Result<EnvFilter, LogFilterError> {
    let invalid = |reason: String| LogFilterError::Invalid { filter: text.to_owned(), reason };
    if text.is_empty() {
        return Err(invalid("write a level, such as info".to_owned()));
    }
    if text.len() > LONGEST_FILTER {
        let filter = text.chars().take(40).chain(['…']).collect();
        let reason = format!("it is longer than {LONGEST_FILTER} characters");
        return Err(LogFilterError::Invalid { filter, reason });
    }
    // Taken for a target, a mistyped level would silence everything else.
    let is_no_level = |word: &&str| !word.contains(['=', '[', ']', '}']) && word.parse::<LevelFilter>().is_err();
    if let Some(word) = text.split(',').map(str::trim).find(is_no_level) {
        return Err(invalid(format!("`{word}` is no level; for a part of the program write {word}=debug")));
    }
    EnvFilter::try_new(text).map_err(|error| invalid(error.to_string()))
}

/// Begins to log to stderr.
pub(super) fn begin(filter: EnvFilter, format: LogFormat, terminal: &Terminal) -> LogHandle {
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(terminal.colours_messages());
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry.with(lines).init(),
        LogFormat::Json => {
            registry.with(lines.json()).init();
            std::panic::set_hook(Box::new(log_panic));
        }
    }
    LogHandle::new(Filter(handle))
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string);
    tracing::error!(place, "panicked: {what}");
}

/// Says why the process ends, in the way that its log has.
pub(super) fn fail(format: LogFormat, terminal: &Terminal, message: &str) {
    match format {
        LogFormat::Text => terminal.error(message),
        LogFormat::Json => tracing::error!("{message}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_one_line_of_json() {
        let written = Written::default();
        let sink = written.clone();
        let log = fmt().json().with_writer(move || sink.clone()).finish();
        let (here, usual) = (std::thread::current().id(), std::panic::take_hook());
        // Other tests may panic meanwhile.
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == here { log_panic(panic) } else { usual(panic) }
        }));
        let panicked = tracing::subscriber::with_default(log, || std::panic::catch_unwind(|| panic!("no\nway {}", 1)));
        assert!(panicked.is_err());
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!((&line["level"], &line["fields"]["message"]), (&"ERROR".into(), &"panicked: no\nway 1".into()));
        assert!(line["fields"]["place"].as_str().unwrap().contains("logging.rs"), "{text}");
    }
}
