//! The full-text index: filled behind the acknowledgement, asked with plain
//! words.

use handoff_domain::payload::Payload;
use rusqlite::Connection;

use crate::StoreError;

/// How much of one handoff is indexed, in bytes.
const TEXT_LIMIT: usize = 32 * 1024;

/// Reads up to `limit` handoffs into the index; says whether more are left.
pub fn fill(connection: &Connection, limit: usize) -> Result<bool, StoreError> {
    let mut done = 0;
    while done < limit {
        let next = connection
            .prepare_cached(
                // In this order: else all that is indexed is passed over each time.
                "SELECT h.seq, h.id, h.agent, h.title, p.json FROM to_index t
                 CROSS JOIN handoffs h ON h.seq = t.handoff
                 CROSS JOIN payloads p ON p.handoff = h.seq
                 ORDER BY t.handoff, p.revision DESC LIMIT 1",
            )?
            .query_map([], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    [row.get::<_, String>(1)?, row.get(2)?, row.get(3)?],
                    row.get::<_, String>(4)?,
                ))
            })?
            .next()
            .transpose()?;
        let Some((seq, head, json)) = next else { return Ok(false) };
        connection.prepare_cached("DELETE FROM search WHERE rowid = ?")?.execute([seq])?;
        connection
            .prepare_cached("INSERT INTO search (rowid, text) VALUES (?, ?)")?
            .execute((seq, words_of(&head, &json)))?;
        connection.prepare_cached("DELETE FROM to_index WHERE handoff = ?")?.execute([seq])?;
        done += 1;
    }
    Ok(true)
}

/// Plain words as a query that finds what has all of them, each possibly
/// longer; `None` where there are none.
pub fn query(words: &str) -> Option<String> {
    let terms: Vec<String> = words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| format!("\"{word}\"*"))
        .collect();
    (!terms.is_empty()).then(|| terms.join(" "))
}

fn words_of(head: &[String; 3], json: &str) -> String {
    let mut text = head.join("\n");
    let mut add = |part: &str| {
        if text.len() < TEXT_LIMIT {
            text.push('\n');
            text.push_str(part);
        }
    };
    if let Ok(payload) = serde_json::from_str::<Payload>(json) {
        add(&payload.pending_question.text);
        add(&payload.summary);
        add(&payload.task.goal);
        add(&payload.key);
        for option in &payload.options {
            add(&option.label);
        }
        for entity in payload.briefing.iter().flat_map(|briefing| &briefing.entities) {
            add(&entity.value);
        }
        for action in &payload.actions_taken {
            add(&action.tool);
        }
    }
    let end = (0..=TEXT_LIMIT.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    text.truncate(end.unwrap_or(0));
    text
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn a_query_is_only_words() {
        assert_eq!(query("refund dana"), Some(r#""refund"* "dana"*"#.to_owned()));
        assert_eq!(query(r#"a" OR b:* -c"#), Some(r#""a"* "OR"* "b"* "c"*"#.to_owned()));
        assert_eq!(query("  *\"  "), None);
    }
}
