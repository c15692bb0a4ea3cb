//! Claude Code's permission prompt: `claude --permission-prompt-tool
//! mcp__NAME__approve` asks here whether a tool may run.
//!
//! Its answer is a text in a form of its own, and always one: what cannot be
//! answered is denied. What came of a call it is not told; that is for the hook.

use std::time::Duration;

use handoff_domain::decision::action_hash;
use handoff_protocol::wire::Check;
use handoff_transport::session::Passed;
use serde_json::{Map, Value, json};

use super::{After, Answer, Call, input, lock};
use crate::asking::{Ending, Go, Question, copies, folder, without_desk};

/// How long it waits: Claude Code itself waits for a day and more, and keeps on
/// as long as it is told how it goes.
pub const LONGEST: Duration = Duration::from_hours(24);

impl Call<'_> {
    /// Whether it may.
    pub(super) fn approve(&self) -> Answer {
        let (tool, args) =
            match (input::text(&self.args, "tool_name"), input::object(&self.args, "input")) {
                (Ok(tool), Ok(args)) => (tool, args),
                (Err(fault), _) | (_, Err(fault)) => return deny(&fault),
            };
        let names = self.args.get("tool_use_id").and_then(Value::as_str);
        let number = self.server.number();
        let cwd = folder();
        let (undo, files) = copies(&tool, &args, cwd.as_deref());
        let check = Check {
            task: self.task(),
            step: None,
            tool,
            args,
            key: format!("prompt:{}:{number}", self.server.nonce),
            effect: None,
            undo,
            files,
            cwd,
            reasoning: names.map(|id| format!("Claude Code asks for the call {id}.")),
            deadline: None,
            resume: None,
            editable: None,
        };
        if let Some(go) = self.let_by_hook(&check) {
            return self.allowed(go);
        }
        let asked = Question::new(check);
        let mut question = self.server.left_open.take(&asked).unwrap_or(asked);
        let client = match self.desk.reach() {
            Ok(client) => client,
            Err(away) => return deny(&without_desk(&away.data)),
        };
        match question.pursue(&self.desk, client, &self.patience) {
            Ending::Run(go) => self.allowed(*go),
            Ending::No(no) => deny(&no.words).then(no.receipt.map_or(After::Nothing, After::Give)),
            Ending::Open { handoff, why } => {
                self.server.left_open.keep(question);
                deny(&waits(handoff.as_deref(), &why))
            }
            // Nobody reads it.
            Ending::Dropped { handoff } => {
                self.server.left_open.keep(question);
                deny(&waits(handoff.as_deref(), "It was cancelled."))
            }
        }
    }

    /// The call, where the client's hook has let exactly this one go on before:
    /// it is not asked for twice.
    fn let_by_hook(&self, check: &Check) -> Option<Go> {
        let hash = action_hash(&check.tool, &check.args);
        let passed = self.session.as_ref()?.take(self.desk.home(), Passed::ForPrompt, &hash)?;
        if !passed.fits(check.cwd.as_deref()) {
            return None;
        }
        let mut again = Question::new(Check { key: passed.key, ..check.clone() });
        match again.ask(self.desk.connect().ok()?) {
            Ok(Ok(Ending::Run(go))) => Some(*go),
            // It is a question of its own, then.
            Ok(Ok(_) | Err(_)) | Err(_) => None,
        }
    }

    fn allowed(&self, go: Go) -> Answer {
        if let Some(handoff) = go.handoff {
            lock(&self.server.holders).insert(handoff, go.holder);
        }
        allow(&go.args)
    }
}

/// The answer of one that ended without any.
pub(super) fn late() -> Answer {
    deny("The desk does not answer.")
}

fn waits(handoff: Option<&str>, why: &str) -> String {
    match handoff {
        Some(id) => format!("{why} The question is still open as {id}: the same call waits on."),
        None => why.to_owned(),
    }
}

fn allow(args: &Map<String, Value>) -> Answer {
    said(&json!({ "behavior": "allow", "updatedInput": args }))
}

fn deny(why: &str) -> Answer {
    said(&json!({ "behavior": "deny", "message": why }))
}

/// One text block is all that is read.
fn said(answer: &Value) -> Answer {
    Answer { text: answer.to_string(), structured: None, is_error: false, after: After::Nothing }
}
