-- What agents are told, and whether they have said that they know.
CREATE TABLE instructions (
  seq         INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  agent       TEXT NOT NULL,
  -- Empty where it is about all the agent's work.
  task        TEXT NOT NULL,
  instruction TEXT NOT NULL,
  at          INTEGER NOT NULL,
  -- When it was first handed out, and when the agent acknowledged it.
  given_at    INTEGER,
  known_at    INTEGER,
  result      TEXT
) STRICT;
CREATE INDEX instructions_open ON instructions (agent, seq) WHERE known_at IS NULL;
CREATE INDEX instructions_of_task ON instructions (agent, task);

-- All handoffs of a task, for its thread.
CREATE INDEX handoffs_of_task ON handoffs (agent, task);

-- Whether the plan was given as such, and not only along with a handoff.
ALTER TABLE tasks ADD COLUMN planned INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET planned = plan IS NOT NULL;

-- Files as they were before a call that was let run, and after it; the copies
-- themselves lie beside the database, each under the hash of its bytes.
CREATE TABLE kept_files (
  agent  TEXT NOT NULL,
  -- The key of the check.
  key    TEXT NOT NULL,
  path   TEXT NOT NULL,
  task   TEXT NOT NULL,
  before TEXT NOT NULL,
  after  TEXT,
  -- The action that the call was recorded as.
  action TEXT,
  at     INTEGER NOT NULL,
  PRIMARY KEY (agent, key, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_files_of_action ON kept_files (agent, task, action) WHERE action IS NOT NULL;
CREATE INDEX kept_files_by_age ON kept_files (at);
