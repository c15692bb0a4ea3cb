//! The names that agents and handoffs go by, the same wherever they are made:
//! at the desk, or by a client that has no desk to ask.

use serde_json::json;

use crate::decision::fingerprint;

/// The longest name of an agent, in characters.
pub const AGENT_NAME_LIMIT: usize = 100;

/// How many digits of the hash an id has.
const DIGITS: usize = 20;

/// The id of a handoff: the same agent and key give the same one, on the
/// desk and in the spool.
pub fn handoff_id(agent: &str, key: &str) -> String {
    let digest = fingerprint(&json!([agent, key]));
    format!("h-{}", digest.get(..DIGITS).unwrap_or(&digest))
}

/// Whether a text has the form of a handoff's id; no other may become part of
/// a path.
pub fn is_handoff_id(text: &str) -> bool {
    text.strip_prefix("h-").is_some_and(|digits| {
        digits.len() == DIGITS
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether a text may be a key, or the id of a task, a step or an action.
pub fn is_key(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte))
}

/// Whether an agent may go by this name.
pub fn is_agent_name(name: &str) -> bool {
    (1..=AGENT_NAME_LIMIT).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_agent_and_key_and_nothing_else() {
        let id = handoff_id("tidy", "k-1");
        assert_eq!(id, handoff_id("tidy", "k-1"));
        assert!(is_handoff_id(&id), "{id}");
        for (agent, key) in [("tidy", "k-2"), ("tid", "yk-1"), ("other", "k-1")] {
            assert_ne!(handoff_id(agent, key), id, "{agent} {key}");
        }
    }

    #[test]
    fn nothing_that_leads_elsewhere_is_an_id() {
        let id = handoff_id("tidy", "k-1");
        for text in ["", "h-", "../x", "h-../../etc/passwd0000", &id.to_uppercase(), &id[1..]] {
            assert!(!is_handoff_id(text), "{text}");
        }
        assert!(!is_handoff_id(&format!("{id}0")));
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(is_agent_name("team/tidy-2:a.b"));
        for name in ["", "with space", "naïve", "a\n", &"x".repeat(AGENT_NAME_LIMIT + 1)] {
            assert!(!is_agent_name(name), "{name:?}");
        }
    }
}
