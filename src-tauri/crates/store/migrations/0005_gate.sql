-- What an event is about that is about no handoff, such as an agent or a rule:
-- such an event has the negative number from here in the place of a handoff's.
CREATE TABLE subjects (
  n  INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE
) STRICT;

-- How far an agent may go unasked; the empty task is the agent as a whole.
CREATE TABLE levels (
  agent   TEXT NOT NULL,
  task    TEXT NOT NULL,
  level   TEXT NOT NULL,
  -- Why the desk has lowered it; gone when the reviewer has looked.
  lowered TEXT,
  PRIMARY KEY (agent, task)
) STRICT, WITHOUT ROWID;

-- What is stopped: everything, an agent, or a task; empty means all.
CREATE TABLE pauses (
  agent TEXT NOT NULL,
  task  TEXT NOT NULL,
  stop  TEXT NOT NULL,
  at    INTEGER NOT NULL,
  PRIMARY KEY (agent, task)
) STRICT, WITHOUT ROWID;

-- The tools of an agent, word for word, and what the reviewer has accepted.
CREATE TABLE tools (
  agent         TEXT NOT NULL,
  name          TEXT NOT NULL,
  definition    TEXT NOT NULL,
  hash          TEXT NOT NULL,
  claimed       INTEGER,
  accepted      INTEGER,
  accepted_hash TEXT,
  gone          INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (agent, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
  agent      TEXT NOT NULL,
  id         TEXT NOT NULL,
  task       TEXT NOT NULL,
  plan       TEXT,
  revision   INTEGER NOT NULL,
  opened_at  INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  closed_at  INTEGER,
  -- When a person last looked at what it did: chains are counted from there.
  looked_at  INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_by_change ON tasks (agent, changed_at DESC);

-- What agents asked the gate, and what it answered.
CREATE TABLE checks (
  seq       INTEGER PRIMARY KEY,
  agent     TEXT NOT NULL,
  task      TEXT NOT NULL,
  key       TEXT NOT NULL,
  step      TEXT,
  tool      TEXT NOT NULL,
  hash      TEXT NOT NULL,
  -- The question, word for word, and the answer.
  asked     TEXT NOT NULL,
  answer    TEXT NOT NULL,
  verdict   TEXT NOT NULL,
  -- What the gate found, before any rule of the reviewer, and what it gave.
  judged    TEXT NOT NULL,
  gave      TEXT NOT NULL,
  effect    INTEGER NOT NULL,
  mandatory INTEGER NOT NULL,
  level     TEXT NOT NULL,
  evidence  TEXT NOT NULL,
  handoff   TEXT,
  rule      INTEGER,
  at        INTEGER NOT NULL,
  -- Whether what it allowed was recorded as done.
  done      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (agent, key)
) STRICT;
CREATE INDEX checks_by_task ON checks (agent, task, seq);
CREATE INDEX checks_by_hash ON checks (agent, task, hash);
CREATE INDEX checks_by_handoff ON checks (handoff) WHERE handoff IS NOT NULL;

-- What agents report to have done.
CREATE TABLE actions (
  seq     INTEGER PRIMARY KEY,
  agent   TEXT NOT NULL,
  task    TEXT NOT NULL,
  id      TEXT NOT NULL,
  step    TEXT,
  tool    TEXT NOT NULL,
  hash    TEXT NOT NULL,
  action  TEXT NOT NULL,
  effect  INTEGER NOT NULL,
  status  TEXT NOT NULL,
  source  TEXT NOT NULL,
  at      INTEGER NOT NULL,
  -- Part of a draft that is still to be looked at, or of the handoff named.
  drafted INTEGER NOT NULL DEFAULT 0,
  draft   TEXT,
  UNIQUE (agent, task, id)
) STRICT;
CREATE INDEX actions_by_task ON actions (agent, task, seq);
CREATE INDEX actions_by_draft ON actions (draft) WHERE draft IS NOT NULL;
CREATE INDEX actions_drafted ON actions (agent, task) WHERE drafted = 1;

-- Decisions that let exactly one later call run.
CREATE TABLE permits (
  handoff TEXT PRIMARY KEY,
  agent   TEXT NOT NULL,
  task    TEXT NOT NULL,
  hash    TEXT NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX permits_open ON permits (agent, task, hash) WHERE used_at IS NULL;

CREATE TABLE rules (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  rule       TEXT NOT NULL,
  used       INTEGER NOT NULL DEFAULT 0,
  last_used  INTEGER,
  made_at    INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;

-- The handoffs of a task, for what waits for them.
CREATE INDEX handoffs_by_task ON handoffs (agent, task) WHERE list IN (0, 1);

ALTER TABLE agents ADD COLUMN divergences INTEGER NOT NULL DEFAULT 0;
