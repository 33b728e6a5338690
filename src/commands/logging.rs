//! The process's log: what is written, how it looks, and a filter that can be changed while it is written.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use super::Terminal;
use super::arguments::LogFormat;
use crate::web::{LogFilter, LogFilterError, LogHandle};

/// The filter in force.
struct Filter(reload::Handle<EnvFilter, Registry>);

impl LogFilter for Filter {
    fn filter(&self) -> Result<String, LogFilterError> {
        self.0.with_current(ToString::to_string).map_err(|error| LogFilterError::Gone(error.to_string()))
    }

    fn set_filter(&self, filter: &str) -> Result<(), LogFilterError> {
        let filter = parsed(filter)?;
        self.0.reload(filter).map_err(|error| LogFilterError::Gone(error.to_string()))
    }
}

/// A filter, as it is written.
pub(super) fn parsed(text: &str) -> Result<EnvFilter, LogFilterError> {
    let invalid = |reason: String| LogFilterError::Invalid { filter: text.to_owned(), reason };
    if text.is_empty() {
        return Err(invalid("write a level, such as info".to_owned()));
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
        LogFormat::Json => registry.with(lines.json()).init(),
    }
    LogHandle::new(Filter(handle))
}
