-- "HODK": lets other programs, and a later desk, tell whose file this is.
PRAGMA application_id = 0x484F444B;

CREATE TABLE agents (
  name       TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL,
  framework  TEXT,
  version    TEXT,
  first_seen INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL
) STRICT;

-- One row a handoff. `progress` is the whole of its state; the columns beside
-- it repeat the parts that lists are made of and timers look for.
CREATE TABLE handoffs (
  seq         INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  agent       TEXT NOT NULL,
  key         TEXT NOT NULL,
  task        TEXT NOT NULL,
  title       TEXT NOT NULL,
  question    TEXT NOT NULL,
  priority    INTEGER NOT NULL,
  effect      INTEGER,
  traits      TEXT NOT NULL,
  progress    TEXT NOT NULL,
  version     INTEGER NOT NULL,
  state       TEXT NOT NULL,
  list        INTEGER NOT NULL,
  respond_by  INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  changed_at  INTEGER NOT NULL,
  timer_at    INTEGER,
  -- The decision in a few words; means nothing while there is none.
  outcome     TEXT,
  UNIQUE (agent, key)
) STRICT;

CREATE INDEX handoffs_by_urgency ON handoffs (list, respond_by, priority DESC, seq);
CREATE INDEX handoffs_by_change ON handoffs (list, changed_at DESC, seq DESC);
CREATE INDEX handoffs_by_agent ON handoffs (agent, seq DESC);
CREATE INDEX handoffs_by_timer ON handoffs (timer_at) WHERE timer_at IS NOT NULL;

-- The agent's proposals, word for word.
CREATE TABLE payloads (
  handoff     INTEGER NOT NULL REFERENCES handoffs (seq),
  revision    INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  json        TEXT NOT NULL,
  PRIMARY KEY (handoff, revision)
) STRICT, WITHOUT ROWID;

-- What happened, in the order it happened; written with the change itself.
CREATE TABLE events (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  handoff INTEGER NOT NULL REFERENCES handoffs (seq),
  at      INTEGER NOT NULL,
  actor   TEXT NOT NULL,
  kind    TEXT NOT NULL,
  data    TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_handoff ON events (handoff, seq);

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- The words of each handoff, and which handoffs still have to be read into
-- it: the index is filled behind the acknowledgement, never before it.
CREATE VIRTUAL TABLE search USING fts5 (text, content = '', contentless_delete = 1);
CREATE TABLE to_index (handoff INTEGER PRIMARY KEY) STRICT;
