//! What the agent makes of information from the reviewer.
//!
//! It has no language model: it knows the fact `keep`, finds names of the
//! duplicates in what was written, and a few words that ask for care. In doubt
//! it keeps more, and says what it understood, so that the reviewer sees it
//! before anything happens.

use std::collections::BTreeSet;

use handoff_domain::decision::Decision;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Understood {
    /// Paths, names, folders or patterns with `*` and `?` to leave alone.
    pub keep: BTreeSet<String>,
    /// Nothing may be done that cannot be taken back.
    pub gentle: bool,
    /// Facts that mean nothing to this agent.
    pub unknown: Vec<String>,
}

/// Words that ask for something that can be taken back.
const GENTLE: [&str; 9] = [
    "trash",
    "bin",
    "reversible",
    "undo",
    "don't delete",
    "do not delete",
    "not sure",
    "careful",
    "backup",
];

/// Reads a decision that informs; `paths` are those it can be about.
pub fn understand(decision: &Decision, paths: &[String]) -> Understood {
    let mut understood = Understood::default();
    for (name, value) in &decision.facts {
        match name.as_str() {
            "keep" => match strings(value) {
                Some(patterns) => understood.keep.extend(patterns),
                None => understood.unknown.push(name.clone()),
            },
            _ => understood.unknown.push(name.clone()),
        }
    }
    let text = decision.text.as_deref().unwrap_or_default().to_lowercase();
    understood.gentle = GENTLE.iter().any(|word| occurs(&text, word));
    for path in paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        if [path.as_str(), name].iter().any(|one| occurs(&text, &one.to_lowercase())) {
            understood.keep.insert(path.clone());
        }
    }
    for folder in paths.iter().filter_map(|path| Some(path.rsplit_once('/')?.0)) {
        if occurs(&text, &folder.to_lowercase()) {
            understood.keep.insert(folder.to_owned());
        }
    }
    for word in text.split_whitespace() {
        let pattern = word.trim_matches(|mark| "\"'`“”‘’,;:()".contains(mark));
        let specific = pattern.chars().any(|letter| !matches!(letter, '*' | '?' | '.' | '/'));
        let is_pattern = pattern.contains('*') && specific;
        if is_pattern && paths.iter().any(|path| matches(pattern, path)) {
            understood.keep.insert(pattern.to_owned());
        }
    }
    understood
}

fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => many.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Whether words occur in a text as words, not as part of others.
fn occurs(text: &str, words: &str) -> bool {
    let inner = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    text.match_indices(words).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        !before.is_some_and(inner) && !after.is_some_and(inner)
    })
}

/// Whether a path, its name, or a folder it is in fits a pattern, whatever the
/// case.
pub fn matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    let path = path.to_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let mut folders = path.match_indices('/').map(|(slash, _)| &path[..slash]);
    fits(pattern, &path) || fits(pattern, name) || folders.any(|folder| fits(pattern, folder))
}

/// `*` stands for any letters, `?` for one. Goes back to the last star only, so
/// that no pattern takes more than pattern times text steps.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[place] => {
                at += 1;
                place += 1;
            }
            Some(_) | None => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                (at, place) = (star_at + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inform(facts: Value, text: &str) -> Decision {
        serde_json::from_value(serde_json::json!({
            "kind": "inform", "by": "reviewer", "at": "2026-11-20T10:00:00Z",
            "facts": facts, "text": text,
        }))
        .expect("a decision")
    }

    fn paths() -> Vec<String> {
        ["Pictures/IMG 1 copy.png", "Documents/invoice (1).pdf", "Tables/data.csv"]
            .map(str::to_owned)
            .to_vec()
    }

    fn kept(understood: &Understood) -> Vec<String> {
        paths()
            .into_iter()
            .filter(|path| understood.keep.iter().any(|pattern| matches(pattern, path)))
            .collect()
    }

    #[test]
    fn the_fact_keep_takes_one_name_or_many_and_patterns() {
        let one = understand(&inform(serde_json::json!({"keep": "invoice (1).pdf"}), ""), &paths());
        assert_eq!(kept(&one), ["Documents/invoice (1).pdf"]);
        let many = serde_json::json!({"keep": ["pictures/", "*.CSV"], "colour": 3});
        let many = understand(&inform(many, ""), &paths());
        assert_eq!(kept(&many), ["Pictures/IMG 1 copy.png", "Tables/data.csv"]);
        assert_eq!(many.unknown, ["colour"]);
        let wrong = understand(&inform(serde_json::json!({"keep": 3}), ""), &paths());
        assert_eq!(wrong.unknown, ["keep"], "what is not understood is said");
    }

    #[test]
    fn names_in_a_text_are_kept_and_words_ask_for_care() {
        let text = "I still need “Invoice (1).pdf” and everything in Pictures.";
        let understood = understand(&inform(serde_json::json!({}), text), &paths());
        assert_eq!(kept(&understood), ["Pictures/IMG 1 copy.png", "Documents/invoice (1).pdf"]);
        assert!(!understood.gentle);
        let care = understand(&inform(serde_json::json!({}), "Use the trash, please."), &paths());
        assert!(care.gentle && care.keep.is_empty());
        let none = understand(&inform(serde_json::json!({}), "metadata.csv is trashy"), &paths());
        assert_eq!(none, Understood::default(), "parts of other words do not count");
    }

    #[test]
    fn a_pattern_in_a_text_counts_only_if_it_says_something() {
        let stars =
            understand(&inform(serde_json::json!({}), "keep * and *.* but also *.csv"), &paths());
        assert_eq!(kept(&stars), ["Tables/data.csv"]);
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        assert!(!fits(&"*a".repeat(2000), &"a".repeat(1000)));
        assert!(fits("*.p?f", "x.y.pdf") && !fits("", "x") && fits("**", ""));
    }
}
