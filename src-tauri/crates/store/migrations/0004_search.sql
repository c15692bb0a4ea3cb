-- What a handoff is called stands apart from the rest of its words, so that a
-- search can tell what is called so from what only mentions it. Everything is
-- read into the new index again, behind the start.
DROP TABLE search;
CREATE VIRTUAL TABLE search USING fts5 (
  name_id, name_key, name_title, name_question, text,
  content = '', contentless_delete = 1
);
INSERT OR IGNORE INTO to_index (handoff) SELECT seq FROM handoffs;
