//! A thread, as its server tells of it, and what waits in it.
//!
//! What is read is read leniently: servers of other versions say more, or less.
//! What waits is judged by the state of the thread alone; a list of threads says
//! only where to look.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A line of a list of threads.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Thread {
    /// Names it.
    #[serde(rename = "thread_id")]
    pub id: String,
    /// `idle`, `busy`, `interrupted` or `error`.
    #[serde(default)]
    pub status: String,
    /// When its state changed last, in the server's words.
    #[serde(default)]
    pub state_updated_at: Option<String>,
    /// What the user of the server keeps with it.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// What it waits for, by the node that asked; right while it is interrupted.
    #[serde(default)]
    pub interrupts: Option<HashMap<String, Vec<Interrupt>>>,
}

impl Thread {
    /// What waits in it, where its line in a list says so: of several, only the
    /// state tells the order.
    pub fn told(&self) -> Option<State> {
        let listed = self.interrupts.as_ref().filter(|_| self.status == "interrupted")?;
        let interrupts: Vec<Interrupt> = listed.values().flatten().cloned().collect();
        (interrupts.len() == 1).then(|| State { interrupts, ..State::default() })
    }

    /// Whether it says by itself that it is interrupted by this question.
    pub fn says_it_waits_for(&self, question: &str) -> bool {
        let listed = self.interrupts.iter().filter(|_| self.status == "interrupted");
        let mut all = listed.flat_map(|listed| listed.values().flatten());
        all.any(|interrupt| interrupt.id.as_deref() == Some(question))
    }
}

/// The state of a thread.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct State {
    /// The nodes that come next.
    #[serde(default)]
    pub next: Vec<String>,
    /// The nodes that were begun.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// All that waits for an answer.
    #[serde(default)]
    pub interrupts: Vec<Interrupt>,
    /// Where it stands.
    #[serde(default)]
    pub checkpoint: Option<Checkpoint>,
}

/// A node that was begun.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Task {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<Value>,
    /// What it waits for.
    #[serde(default)]
    pub interrupts: Vec<Interrupt>,
}

/// What a node waits for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Interrupt {
    /// Names it; older servers have another word, or none.
    #[serde(default, alias = "interrupt_id")]
    pub id: Option<String>,
    /// What it shows.
    #[serde(default)]
    pub value: Value,
    /// The form of its answer.
    #[serde(default)]
    pub response_schema: Option<Value>,
}

/// Where a thread stands.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Checkpoint {
    /// Names it.
    #[serde(default)]
    pub checkpoint_id: Option<String>,
}

/// One thing that waits in a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Waiting {
    /// A node asked something.
    Interrupt {
        /// Names it.
        id: String,
        /// What it shows.
        value: Value,
        /// The form of its answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<Value>,
    },
    /// The graph was to stop here.
    Breakpoint {
        /// Where it stands.
        checkpoint: String,
        /// The nodes that come next.
        next: Vec<String>,
    },
    /// Nodes failed.
    Failed {
        /// Where it stands.
        checkpoint: String,
        /// The nodes.
        nodes: Vec<String>,
        /// Why, in one line.
        why: String,
    },
}

impl Waiting {
    /// What names it in its thread.
    pub fn question(&self) -> String {
        match self {
            Self::Interrupt { id, .. } => id.clone(),
            Self::Breakpoint { checkpoint, .. } => format!("stop:{checkpoint}"),
            Self::Failed { checkpoint, .. } => format!("retry:{checkpoint}"),
        }
    }
}

/// What waits, and what went wrong with it since.
#[derive(Debug, Clone, PartialEq)]
pub struct Stands {
    /// What waits.
    pub waiting: Waiting,
    /// What went wrong there.
    pub failed: Option<String>,
}

/// Something waits that cannot be named: nothing could be answered to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nameless;

/// Whether an id may become part of an address.
pub fn is_id(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// All that waits in a thread of this status, in the order of its state.
pub fn waiting(status: &str, state: &State) -> Result<Vec<Stands>, Nameless> {
    let failed: Vec<&Task> = state.tasks.iter().filter(|task| task.error.is_some()).collect();
    let checkpoint = state.checkpoint.as_ref().and_then(|found| found.checkpoint_id.clone());
    // A node that failed with nothing to answer runs again with whatever is
    // answered to another: so that is asked first.
    if failed.iter().any(|task| task.interrupts.is_empty()) {
        let mut nodes: Vec<String> = failed.iter().map(|task| task.name.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let why: Vec<String> = failed.iter().filter_map(|task| task.why()).collect();
        let why = why.join("; ");
        let checkpoint = checkpoint.ok_or(Nameless)?;
        let waiting = Waiting::Failed { checkpoint, nodes, why: why.clone() };
        return Ok(vec![Stands { waiting, failed: Some(why) }]);
    }
    let of_tasks = state
        .tasks
        .iter()
        .flat_map(|task| task.interrupts.iter().map(move |interrupt| (interrupt, task.why())));
    let mut found: Vec<Stands> = Vec::new();
    for (interrupt, failed) in of_tasks.chain(state.interrupts.iter().map(|one| (one, None))) {
        let id = interrupt.id.clone().ok_or(Nameless)?;
        let (value, schema) = (interrupt.value.clone(), interrupt.response_schema.clone());
        let waiting = Waiting::Interrupt { id, value, schema };
        if found.iter().all(|known| known.waiting.question() != waiting.question()) {
            found.push(Stands { waiting, failed });
        }
    }
    if found.is_empty() && status == "interrupted" && !state.next.is_empty() {
        let checkpoint = checkpoint.ok_or(Nameless)?;
        let waiting = Waiting::Breakpoint { checkpoint, next: state.next.clone() };
        found.push(Stands { waiting, failed: None });
    }
    Ok(found)
}

impl Task {
    fn why(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(error.as_str().map_or_else(|| error.to_string(), str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(status: &str, state: Value) -> Result<Vec<(String, Option<String>)>, Nameless> {
        let state: State = serde_json::from_value(state).expect("a state");
        let all = waiting(status, &state)?;
        Ok(all.into_iter().map(|one| (one.waiting.question(), one.failed)).collect())
    }

    #[test]
    fn what_waits_is_read_from_the_state() {
        let checkpoint = json!({ "checkpoint_id": "c1" });
        let ask = json!({ "id": "aa", "value": 1 });
        let table = [
            (
                "interrupted",
                json!({"next": ["n"], "tasks": [{"name": "n", "interrupts": [ask]}],
                       "interrupts": [ask], "checkpoint": checkpoint}),
                Ok(vec![("aa".to_owned(), None)]),
            ),
            // An answer that did not fit: the question stands.
            (
                "error",
                json!({"tasks": [{"name": "n", "error": "no", "interrupts": [ask]}]}),
                Ok(vec![("aa".to_owned(), Some("no".to_owned()))]),
            ),
            (
                "error",
                json!({"next": ["b"], "checkpoint": checkpoint, "tasks": [
                    {"name": "b", "error": {"type": "E"}, "interrupts": []},
                    {"name": "a", "interrupts": [ask]}]}),
                Ok(vec![("retry:c1".to_owned(), Some(r#"{"type":"E"}"#.to_owned()))]),
            ),
            (
                "interrupted",
                json!({"next": ["n"], "tasks": [{"name": "n"}], "checkpoint": checkpoint}),
                Ok(vec![("stop:c1".to_owned(), None)]),
            ),
            ("idle", json!({"next": [], "tasks": []}), Ok(vec![])),
            // It was changed by hand, and nothing runs.
            ("idle", json!({"next": ["n"], "tasks": [{"name": "n"}]}), Ok(vec![])),
            ("interrupted", json!({"interrupts": [{"value": 1}]}), Err(Nameless)),
            (
                "interrupted",
                json!({"interrupts": [{"interrupt_id": "old", "value": 1, "ns": ["n"]}]}),
                Ok(vec![("old".to_owned(), None)]),
            ),
        ];
        for (status, state, expected) in table {
            assert_eq!(found(status, state.clone()), expected, "{status} {state}");
        }
    }

    #[test]
    fn nothing_that_leads_elsewhere_is_an_id() {
        assert!(is_id("01a206ed-ac7e-7775-a0bf-72595d1bdaef"));
        for text in ["", "../runs", "a/b", "a?b", "a b", "é", &"x".repeat(101)] {
            assert!(!is_id(text), "{text}");
        }
    }
}
