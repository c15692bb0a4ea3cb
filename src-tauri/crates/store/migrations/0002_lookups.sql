-- Copies of what would otherwise be looked for in every row: whether the
-- present proposal came cold, and whether a notification was attempted.
ALTER TABLE handoffs ADD COLUMN cold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handoffs ADD COLUMN announced INTEGER NOT NULL DEFAULT 0;

UPDATE handoffs SET cold = 1 WHERE EXISTS (
  SELECT 1 FROM json_each(progress, '$.flags') WHERE value = 'cold');
UPDATE handoffs SET announced = 1 WHERE seq IN (
  SELECT handoff FROM events WHERE kind IN ('notified', 'not_notified'));

CREATE INDEX handoffs_cold ON handoffs (agent) WHERE cold = 1;
CREATE INDEX handoffs_unannounced ON handoffs (respond_by) WHERE state = 'ready' AND announced = 0;

-- How many handoffs of each agent are in each list: counted as they change,
-- for they are asked for at every change.
CREATE TABLE tallies (
  agent TEXT NOT NULL,
  list  INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (agent, list)
) STRICT, WITHOUT ROWID;

INSERT INTO tallies SELECT agent, list, count(*) FROM handoffs GROUP BY agent, list;

CREATE TRIGGER tally_new AFTER INSERT ON handoffs BEGIN
  INSERT INTO tallies VALUES (new.agent, new.list, 1)
  ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER tally_moved AFTER UPDATE OF list ON handoffs WHEN new.list <> old.list BEGIN
  UPDATE tallies SET count = count - 1 WHERE agent = old.agent AND list = old.list;
  INSERT INTO tallies VALUES (new.agent, new.list, 1)
  ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER tally_gone AFTER DELETE ON handoffs BEGIN
  UPDATE tallies SET count = count - 1 WHERE agent = old.agent AND list = old.list;
END;
