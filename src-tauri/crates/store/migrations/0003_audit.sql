-- The log of events becomes a chain: each carries the hash of itself and of the
-- one before it. What was logged so far is chained by the code that runs with
-- this migration; it reads `unchained` and removes it.
DROP INDEX events_by_handoff;
ALTER TABLE events RENAME TO unchained;

CREATE TABLE events (
  seq      INTEGER PRIMARY KEY,
  handoff  INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  actor    TEXT NOT NULL,
  kind     TEXT NOT NULL,
  data     TEXT NOT NULL,
  -- Where the handoff stood afterwards, hashed.
  standing BLOB,
  hash     BLOB NOT NULL
) STRICT;
CREATE INDEX events_by_handoff ON events (handoff, seq);

-- Where the log is known to be another than it was, and which part was lost:
-- the events from `lost_from` up to, not including, `first`.
CREATE TABLE epochs (
  epoch     INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  first     INTEGER NOT NULL,
  lost_from INTEGER NOT NULL,
  note      TEXT NOT NULL,
  hash      BLOB NOT NULL
) STRICT;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
  BEGIN SELECT raise(ABORT, 'events are only added'); END;
CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events
  BEGIN SELECT raise(ABORT, 'events are only added'); END;
CREATE TRIGGER epochs_are_not_changed BEFORE UPDATE ON epochs
  BEGIN SELECT raise(ABORT, 'epochs are only added'); END;
CREATE TRIGGER epochs_are_not_removed BEFORE DELETE ON epochs
  BEGIN SELECT raise(ABORT, 'epochs are only added'); END;
-- Replacing a row fires none of the above.
CREATE TRIGGER events_come_in_order BEFORE INSERT ON events
  WHEN NEW.seq <= (SELECT max(seq) FROM events)
  BEGIN SELECT raise(ABORT, 'events are only added'); END;
CREATE TRIGGER epochs_come_in_order BEFORE INSERT ON epochs
  WHEN NEW.epoch <= (SELECT max(epoch) FROM epochs)
  BEGIN SELECT raise(ABORT, 'epochs are only added'); END;
