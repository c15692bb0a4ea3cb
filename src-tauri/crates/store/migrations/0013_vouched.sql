-- A decision vouches for one recorded action, and so does a question that was
-- let run: this one by the action's id.
ALTER TABLE permits ADD COLUMN vouched INTEGER NOT NULL DEFAULT 0;
ALTER TABLE checks ADD COLUMN action TEXT;
UPDATE permits SET vouched = EXISTS (
  SELECT 1 FROM actions a WHERE a.agent = permits.agent AND a.task = permits.task
  AND a.hash = permits.hash);

-- A call that a permit let run is no question once more, and was no hold: the
-- decision had been made.
DROP TRIGGER track_check;
DROP TRIGGER track_check_again;
CREATE TRIGGER track_check AFTER INSERT ON checks BEGIN
  INSERT INTO tracks (agent, calls, mandatory, discretionary)
  VALUES (new.agent, new.gave ->> '$.by' IS NOT 'permit', new.mandatory,
    new.mandatory = 0 AND new.handoff IS NOT NULL AND new.gave ->> '$.verdict' IS 'held')
  ON CONFLICT DO UPDATE SET calls = calls + excluded.calls,
    mandatory = mandatory + excluded.mandatory,
    discretionary = discretionary + excluded.discretionary;
END;
CREATE TRIGGER track_check_again AFTER UPDATE OF mandatory, handoff, gave ON checks BEGIN
  UPDATE tracks SET mandatory = mandatory + new.mandatory - old.mandatory,
    discretionary = discretionary
      + (new.mandatory = 0 AND new.handoff IS NOT NULL AND new.gave ->> '$.verdict' IS 'held')
      - (old.mandatory = 0 AND old.handoff IS NOT NULL AND old.gave ->> '$.verdict' IS 'held')
  WHERE agent = new.agent;
END;

-- Of what there is, the first that names a handoff of the gate was the question.
UPDATE tracks SET (calls, discretionary) = (
  SELECT count(*) - coalesce(sum(NOT is_question AND gave ->> '$.by' IS 'permit'), 0),
    coalesce(sum(mandatory = 0 AND is_question), 0)
  FROM (SELECT mandatory, gave, handoff IS NOT NULL
      AND seq = (SELECT min(o.seq) FROM checks o WHERE o.handoff = k.handoff)
      AND (verdict = 'held' OR EXISTS (SELECT 1 FROM handoffs h
        WHERE h.id = k.handoff AND h.key GLOB 'check:*')) AS is_question
    FROM checks k WHERE k.agent = tracks.agent));
