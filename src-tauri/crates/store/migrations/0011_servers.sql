-- Servers of others that the reviewer has added; their secrets are elsewhere.
CREATE TABLE servers (
  -- Part of the name of its agent, and kept for it when it is removed.
  name       TEXT PRIMARY KEY,
  url        TEXT NOT NULL,
  -- As JSON: names and values.
  headers    TEXT NOT NULL,
  -- The name of the header that carries the secret, and where the secret is.
  secret     TEXT,
  secret_in  TEXT,
  added_at   INTEGER NOT NULL,
  removed_at INTEGER
) STRICT, WITHOUT ROWID;

-- What was found on them that waits for an answer, and how far that is.
CREATE TABLE asks (
  seq      INTEGER PRIMARY KEY,
  server   TEXT NOT NULL,
  thread   TEXT NOT NULL,
  question TEXT NOT NULL,
  -- Counts how often the same question was asked at the desk.
  attempt  INTEGER NOT NULL,
  -- What it is, as JSON of the connector.
  about    TEXT NOT NULL,
  standing TEXT NOT NULL,
  at       INTEGER NOT NULL,
  -- When all of its handoffs were closed.
  over_at  INTEGER,
  UNIQUE (server, thread, question, attempt)
) STRICT;
CREATE INDEX asks_open ON asks (server) WHERE over_at IS NULL;

-- The handoffs that a question became, in the order of its parts.
CREATE TABLE asked (
  handoff TEXT PRIMARY KEY,
  ask     INTEGER NOT NULL,
  part    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX asked_of ON asked (ask, part);
