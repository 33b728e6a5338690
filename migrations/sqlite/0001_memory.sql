-- What the daemon remembers. All times are milliseconds since 1970-01-01T00:00:00Z.

-- "snwt": tells our files from those of other programs.
PRAGMA application_id = 1936619380;

-- What tells this installation from others; made with the file.
CREATE TABLE installation (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    id          TEXT NOT NULL,
    version_key BLOB NOT NULL
) STRICT;

-- The latest commit.
CREATE TABLE latest_commit (
    only         INTEGER PRIMARY KEY CHECK (only = 1),
    revision     INTEGER NOT NULL,
    committed_at INTEGER NOT NULL
) STRICT;

-- The state in pieces: a commit writes those that differ.
CREATE TABLE part (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- The history, in the order in which it was committed.
CREATE TABLE transition (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    subject TEXT NOT NULL,
    json    TEXT NOT NULL
) STRICT;
CREATE INDEX transition_by_subject ON transition (subject, id);
CREATE INDEX transition_by_time ON transition (at);

-- Events of incidents.
CREATE TABLE notification (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    about      TEXT NOT NULL,
    key        TEXT NOT NULL,
    severity   TEXT NOT NULL,
    firing     INTEGER NOT NULL CHECK (firing IN (0, 1)),
    created_at INTEGER NOT NULL,
    json       TEXT NOT NULL
) STRICT;
CREATE INDEX notification_by_time ON notification (created_at);
CREATE INDEX notification_by_key ON notification (key, firing);

-- Their copies for each receiver.
CREATE TABLE delivery (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    notification    INTEGER NOT NULL REFERENCES notification (number),
    receiver        TEXT NOT NULL,
    state           TEXT NOT NULL,
    attempts        INTEGER NOT NULL,
    reach           TEXT NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    ended_at        INTEGER,
    failure_reason  TEXT,
    failure_detail  TEXT,
    CHECK ((state = 'pending') = (ended_at IS NULL)),
    CHECK ((failure_reason IS NULL) = (failure_detail IS NULL))
) STRICT;
CREATE INDEX delivery_by_notification ON delivery (notification);
CREATE INDEX delivery_by_receiver ON delivery (receiver, state, ended_at);
CREATE INDEX delivery_pending ON delivery (receiver, id) WHERE state = 'pending';
CREATE INDEX delivery_by_end ON delivery (ended_at) WHERE ended_at IS NOT NULL;

-- Each try of sending one. Without an end, nobody knows what it reached.
CREATE TABLE attempt (
    delivery       INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number         INTEGER NOT NULL,
    began_at       INTEGER NOT NULL,
    ended_at       INTEGER,
    failure_reason TEXT,
    failure_detail TEXT,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

-- For each receiver and key, the latest delivery that was taken, but nothing that fires and has a later resolve.
CREATE TABLE standing (
    receiver TEXT NOT NULL,
    key      TEXT NOT NULL,
    delivery INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    firing   INTEGER NOT NULL CHECK (firing IN (0, 1)),
    PRIMARY KEY (receiver, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX standing_by_delivery ON standing (delivery);
