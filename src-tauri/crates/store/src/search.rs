//! The full-text index: filled behind the acknowledgement, asked with plain
//! words.

use handoff_domain::payload::Payload;
use rusqlite::Connection;

use crate::StoreError;

/// How much of one handoff is indexed, in bytes.
const TEXT_LIMIT: usize = 32 * 1024;

/// Ends a name in the index, as a word of its own that nobody can type: with
/// it a query can ask for a name that is nothing more than these words.
const END: char = '\u{e000}';

/// The columns in which a handoff is named; what only mentions a word is in `text`.
const NAMES: &str = "{name_id name_key name_title name_question}";

/// Queries for the same words, the best hits first; no handoff is found by
/// two of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Query {
    /// What has all of the words, each possibly longer.
    pub all: String,
    /// The same in ranks: called exactly so, called something that begins so,
    /// and all else.
    pub ranks: [String; 3],
}

/// Reads up to `limit` handoffs into the index; says whether more are left.
pub fn fill(connection: &Connection, limit: usize) -> Result<bool, StoreError> {
    let mut done = 0;
    while done < limit {
        let next = connection
            .prepare_cached(
                // In this order: else all that is indexed is passed over each time.
                "SELECT h.seq, h.id, h.key, h.title, h.question, h.agent, p.json FROM to_index t
                 CROSS JOIN handoffs h ON h.seq = t.handoff
                 CROSS JOIN payloads p ON p.handoff = h.seq
                 ORDER BY t.handoff, p.revision DESC LIMIT 1",
            )?
            .query_map([], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    [row.get::<_, String>(1)?, row.get(2)?, row.get(3)?, row.get(4)?],
                    [row.get::<_, String>(5)?, row.get(6)?],
                ))
            })?
            .next()
            .transpose()?;
        let Some((seq, names, [agent, json])) = next else { return Ok(false) };
        let [id, key, title, question] = names.map(named);
        connection.prepare_cached("DELETE FROM search WHERE rowid = ?")?.execute([seq])?;
        connection
            .prepare_cached(
                "INSERT INTO search (rowid, name_id, name_key, name_title, name_question, text)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute((seq, id, key, title, question, words_of(agent, &json)))?;
        connection.prepare_cached("DELETE FROM to_index WHERE handoff = ?")?.execute([seq])?;
        done += 1;
    }
    Ok(true)
}

/// Plain words as queries; `None` where there are none.
pub fn query(words: &str) -> Option<Query> {
    let terms: Vec<&str> =
        words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if terms.is_empty() {
        return None;
    }
    let name = terms.join(" ");
    let all = terms.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" AND ");
    let exactly = format!("({NAMES} : ^\"{name} {END}\")");
    let begins = format!("({NAMES} : ^\"{name}\"*)");
    let ranks =
        [exactly.clone(), format!("{begins} NOT {exactly}"), format!("({all}) NOT {begins}")];
    Some(Query { all, ranks })
}

/// A name as it is indexed.
fn named(name: String) -> String {
    let mut text = name;
    cut(&mut text);
    text.push(' ');
    text.push(END);
    text
}

fn words_of(agent: String, json: &str) -> String {
    let mut text = agent;
    let mut add = |part: &str| {
        if text.len() < TEXT_LIMIT {
            text.push('\n');
            text.push_str(part);
        }
    };
    if let Ok(payload) = serde_json::from_str::<Payload>(json) {
        add(&payload.summary);
        add(&payload.task.goal);
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
    cut(&mut text);
    text
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(TEXT_LIMIT));
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn a_query_is_only_words() {
        let all = |words| query(words).map(|query| query.all);
        assert_eq!(all("refund dana"), Some(r#""refund"* AND "dana"*"#.to_owned()));
        assert_eq!(all(r#"a" OR b:* -c"#), Some(r#""a"* AND "OR"* AND "b"* AND "c"*"#.to_owned()));
        assert_eq!(all("  *\"  "), None);
    }
}
