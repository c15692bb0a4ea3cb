-- One of its options is of high risk: it never waits behind others.
ALTER TABLE handoffs ADD COLUMN high INTEGER NOT NULL DEFAULT 0;
UPDATE handoffs SET high = 1 WHERE effect = 2;

-- When its card came before the reviewer. So far this was kept with the
-- question to the gate, and not at all of what an agent hands over by itself.
ALTER TABLE handoffs ADD COLUMN shown_at INTEGER;
UPDATE handoffs SET shown_at = (SELECT shown_at FROM checks WHERE handoff = handoffs.id)
  WHERE id IN (SELECT handoff FROM checks WHERE shown_at IS NOT NULL);
CREATE INDEX handoffs_shown ON handoffs (agent, shown_at)
  WHERE shown_at IS NOT NULL AND high = 0;
DROP INDEX checks_shown;
ALTER TABLE checks DROP COLUMN shown_at;

-- Whether the desk found out what an action did; else its agent says so.
ALTER TABLE actions ADD COLUMN found INTEGER NOT NULL DEFAULT 0;
