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
