-- Rollbacks that the reviewer has confirmed: what was shown, and how far it is.
CREATE TABLE rollbacks (
  seq       INTEGER PRIMARY KEY,
  id        TEXT NOT NULL UNIQUE,
  agent     TEXT NOT NULL,
  task      TEXT NOT NULL,
  plan      TEXT NOT NULL,
  execution TEXT NOT NULL,
  at        INTEGER NOT NULL,
  over_at   INTEGER,
  -- Given up, because the desk went back to a backup or was mended.
  void      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX rollbacks_of_task ON rollbacks (agent, task);
CREATE INDEX rollbacks_open ON rollbacks (seq) WHERE over_at IS NULL;

-- Each attempt to take an action back, and what came of it.
CREATE TABLE undos (
  rollback    TEXT NOT NULL,
  action      TEXT NOT NULL,
  attempt     INTEGER NOT NULL,
  agent       TEXT NOT NULL,
  task        TEXT NOT NULL,
  -- Of the call that the agent is asked for; none where the desk does it.
  hash        TEXT,
  -- What the agent is told of it with.
  instruction TEXT,
  until       INTEGER,
  began_at    INTEGER NOT NULL,
  taken_at    INTEGER,
  ended_at    INTEGER,
  -- The outcome in one word, and what there is to say of it.
  result      TEXT,
  output      TEXT,
  -- The action that the agent's call was recorded as.
  recorded    TEXT,
  PRIMARY KEY (rollback, action, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX undos_by_hash ON undos (agent, task, hash) WHERE hash IS NOT NULL;
CREATE INDEX undos_open ON undos (began_at) WHERE hash IS NOT NULL AND ended_at IS NULL;

-- Actions that were taken back, or could not be; also such as only a handoff
-- told of.
CREATE TABLE taken_back (
  agent     TEXT NOT NULL,
  task      TEXT NOT NULL,
  action    TEXT NOT NULL,
  undone_at INTEGER,
  failed    TEXT,
  PRIMARY KEY (agent, task, action)
) STRICT, WITHOUT ROWID;

-- Whether the desk may run the programs that an agent names for its undos.
ALTER TABLE agents ADD COLUMN undo_commands INTEGER NOT NULL DEFAULT 0;
