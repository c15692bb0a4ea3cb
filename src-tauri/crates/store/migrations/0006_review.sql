-- What nobody answered in time is a list of its own: 3. The column is a copy
-- of what the progress says, and no event is due for it.
UPDATE handoffs SET list = 3 WHERE list = 0 AND state = 'ready' AND EXISTS (
  SELECT 1 FROM json_each(progress, '$.flags') WHERE value = 'manual_review');

-- What is there waits for its task all the same.
DROP INDEX handoffs_by_task;
CREATE INDEX handoffs_by_task ON handoffs (agent, task) WHERE list IN (0, 1, 3);
