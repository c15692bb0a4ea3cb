-- What waits behind the other questions of its agent is a list of its own: 4.
-- The column is a copy of what the progress says, and no event is due for it.
UPDATE handoffs SET list = 4 WHERE state = 'queued';
DROP INDEX handoffs_by_task;
CREATE INDEX handoffs_by_task ON handoffs (agent, task) WHERE list IN (0, 1, 3, 4);

-- How far a call went towards the bounds of the triggers.
ALTER TABLE checks ADD COLUMN measured TEXT NOT NULL DEFAULT '{}';

-- When the card of a question came before the reviewer.
ALTER TABLE checks ADD COLUMN shown_at INTEGER;
CREATE INDEX checks_shown ON checks (agent, shown_at)
  WHERE shown_at IS NOT NULL AND mandatory = 0;

-- The reviewer took another option than the one that the agent recommends.
ALTER TABLE handoffs ADD COLUMN overrode INTEGER NOT NULL DEFAULT 0;
UPDATE handoffs SET overrode = 1 WHERE outcome IS NOT NULL AND list IN (1, 2)
  AND progress ->> '$.decision.by' = 'reviewer' AND EXISTS (
    SELECT 1 FROM payloads p, json_each(p.json, '$.options') o
    WHERE p.handoff = seq AND p.revision = progress ->> '$.revision'
    AND o.value ->> '$.recommended' AND o.value ->> '$.id' <> progress ->> '$.decision.option');

-- What each agent has done so far: counted as it happens, for it is asked for
-- whenever the agents are looked at.
CREATE TABLE tracks (
  agent         TEXT PRIMARY KEY,
  decisions     INTEGER NOT NULL DEFAULT 0,
  overridden    INTEGER NOT NULL DEFAULT 0,
  undone        INTEGER NOT NULL DEFAULT 0,
  calls         INTEGER NOT NULL DEFAULT 0,
  mandatory     INTEGER NOT NULL DEFAULT 0,
  discretionary INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

INSERT INTO tracks (agent, calls, mandatory, discretionary)
  SELECT agent, count(*), sum(mandatory = 1), sum(mandatory = 0 AND handoff IS NOT NULL)
  FROM checks GROUP BY agent;
INSERT INTO tracks (agent, undone)
  SELECT agent, count(*) FROM actions WHERE status = 'undone' GROUP BY agent
  ON CONFLICT DO UPDATE SET undone = excluded.undone;
INSERT INTO tracks (agent, decisions, overridden)
  SELECT agent, count(*), sum(overrode) FROM handoffs
  WHERE outcome IS NOT NULL AND list IN (1, 2)
  AND progress ->> '$.decision.by' = 'reviewer' GROUP BY agent
  ON CONFLICT DO UPDATE SET decisions = excluded.decisions, overridden = excluded.overridden;

CREATE TRIGGER track_check AFTER INSERT ON checks BEGIN
  INSERT INTO tracks (agent, calls, mandatory, discretionary)
  VALUES (new.agent, 1, new.mandatory, new.mandatory = 0 AND new.handoff IS NOT NULL)
  ON CONFLICT DO UPDATE SET calls = calls + 1, mandatory = mandatory + excluded.mandatory,
    discretionary = discretionary + excluded.discretionary;
END;

CREATE TRIGGER track_check_again AFTER UPDATE OF mandatory, handoff ON checks
WHEN new.mandatory <> old.mandatory OR (new.handoff IS NULL) <> (old.handoff IS NULL) BEGIN
  UPDATE tracks SET mandatory = mandatory + new.mandatory - old.mandatory,
    discretionary = discretionary + (new.mandatory = 0 AND new.handoff IS NOT NULL)
      - (old.mandatory = 0 AND old.handoff IS NOT NULL)
  WHERE agent = new.agent;
END;

CREATE TRIGGER track_undone AFTER INSERT ON actions WHEN new.status = 'undone' BEGIN
  INSERT INTO tracks (agent, undone) VALUES (new.agent, 1)
  ON CONFLICT DO UPDATE SET undone = undone + 1;
END;

CREATE TRIGGER track_undone_later AFTER UPDATE OF status ON actions
WHEN (new.status = 'undone') <> (old.status = 'undone') BEGIN
  INSERT INTO tracks (agent, undone) VALUES (new.agent, new.status = 'undone')
  ON CONFLICT DO UPDATE SET undone = undone + (new.status = 'undone') - (old.status = 'undone');
END;

CREATE TRIGGER track_decided AFTER UPDATE OF state ON handoffs
WHEN new.state = 'decided' AND old.state <> 'decided' BEGIN
  INSERT INTO tracks (agent, decisions, overridden) VALUES (new.agent, 1, new.overrode)
  ON CONFLICT DO UPDATE SET decisions = decisions + 1, overridden = overridden + new.overrode;
END;

-- One that is saved from a damaged database was decided there.
CREATE TRIGGER track_saved AFTER INSERT ON handoffs
WHEN new.outcome IS NOT NULL AND new.progress ->> '$.decision.by' = 'reviewer' BEGIN
  INSERT INTO tracks (agent, decisions, overridden) VALUES (new.agent, 1, new.overrode)
  ON CONFLICT DO UPDATE SET decisions = decisions + 1, overridden = overridden + new.overrode;
END;

CREATE TRIGGER track_taken_back AFTER UPDATE OF state ON handoffs
WHEN old.state = 'decided' AND new.state = 'ready' BEGIN
  UPDATE tracks SET decisions = decisions - 1, overridden = overridden - old.overrode
  WHERE agent = new.agent;
END;
