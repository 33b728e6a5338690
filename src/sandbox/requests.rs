//! What clients asked: a bounded log and counters, so that a test can prove that snykwatch only reads, and how often.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};

use super::Api;

/// How many requests the log keeps; older ones are forgotten, the counters are not.
pub(super) const CAPACITY: usize = 20_000;

/// One request that reached the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Domain time of the request.
    pub at: DateTime<Utc>,
    /// The server that was called.
    pub api: Api,
    /// The HTTP method.
    pub method: String,
    /// Path and query as sent. Tokens travel in headers, so none is in it.
    pub path_and_query: String,
    /// The status answered; none when the connection was cut or left hanging.
    pub status: Option<u16>,
    /// The name of the credential or token that the request authenticated with.
    pub credential: Option<String>,
    /// Whether a secret came along at all.
    pub authorization: Authorization,
}

/// Whether a request carried an `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization {
    /// It did.
    Present,
    /// It did not.
    Absent,
}

/// So many requests of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestCount {
    /// The server that was called.
    pub api: Api,
    /// The HTTP method.
    pub method: String,
    /// The status answered; none when the connection was cut or left hanging.
    pub status: Option<u16>,
    /// How many.
    pub count: u64,
}

#[derive(Debug, Default)]
pub(super) struct RequestLog {
    records: VecDeque<RequestRecord>,
    counts: BTreeMap<(Api, String, Option<u16>), u64>,
}

impl RequestLog {
    pub(super) fn record(&mut self, record: RequestRecord) {
        *self.counts.entry((record.api, record.method.clone(), record.status)).or_default() += 1;
        if self.records.len() == CAPACITY {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(super) fn records(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub(super) fn counts(&self) -> Vec<RequestCount> {
        let count = |((api, method, status), count): (&(Api, String, Option<u16>), &u64)| RequestCount {
            api: *api,
            method: method.clone(),
            status: *status,
            count: *count,
        };
        self.counts.iter().map(count).collect()
    }
}
