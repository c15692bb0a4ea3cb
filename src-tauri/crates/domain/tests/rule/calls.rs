//! Calls that own what they say, so that tests can change them.

use chrono::{DateTime, Utc};
use handoff_domain::rule::CallFacts;
use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub agent: String,
    pub tool: String,
    pub args: Map<String, Value>,
    pub argv: Option<Vec<String>>,
    pub cwd: Option<String>,
    pub facts: Map<String, Value>,
    pub at: DateTime<Utc>,
}

impl Call {
    pub fn new(agent: &str, tool: &str, args: Value) -> Self {
        let Value::Object(args) = args else { panic!("arguments are an object") };
        let (agent, tool) = (agent.to_owned(), tool.to_owned());
        Self { agent, tool, args, argv: None, cwd: None, facts: Map::new(), at: now() }
    }

    /// A command in a folder, as a shell tool gets it.
    pub fn command(tool: &str, words: &[&str], cwd: &str) -> Self {
        let args = serde_json::json!({ "command": words.join(" "), "description": "as asked" });
        let mut call = Self::new("coder", tool, args);
        call.argv = Some(words.iter().map(|word| (*word).to_owned()).collect());
        call.cwd = Some(cwd.to_owned());
        call
    }

    pub fn facts(&self) -> CallFacts<'_> {
        CallFacts {
            agent: &self.agent,
            task: "task-1",
            tool: &self.tool,
            args: &self.args,
            argv: self.argv.as_deref(),
            cwd: Some(self.cwd.as_deref().unwrap_or_default()),
            leads: None,
            facts: &self.facts,
            at: self.at,
        }
    }
}

pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a time")
}

/// 1 November 2026, noon.
pub fn now() -> DateTime<Utc> {
    at(1_793_534_400)
}
