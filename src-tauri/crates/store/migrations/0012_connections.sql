-- Through what each agent has spoken to the desk, as it says itself: the same
-- name may come through a hook and through a server.
CREATE TABLE connections (
  agent      TEXT NOT NULL,
  -- Empty where the agent said nothing.
  framework  TEXT NOT NULL,
  version    TEXT,
  first_seen INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL,
  PRIMARY KEY (agent, framework)
) STRICT;

-- Of what came before, only the last word of each agent is known.
INSERT INTO connections (agent, framework, version, first_seen, last_seen)
SELECT name, coalesce(framework, ''), version, first_seen, last_seen FROM agents;
