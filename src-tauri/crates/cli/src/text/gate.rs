//! What the gate answers, in words for a person at a terminal.

use handoff_domain::action::Effect;
use handoff_domain::autonomy::Level;
use handoff_domain::instruction::Instruction;
use handoff_protocol::wire::{Checked, Gate, NextItems, Recorded, TaskStanding, ToolsKnown};
use serde_json::json;

use super::{directive, pair, part};
use crate::visible;

/// The answer to a check.
pub fn checked(checked: &Checked) -> String {
    let verdict = match checked.verdict {
        Gate::Run => "run",
        Gate::Held => "held",
        Gate::Denied => "denied",
    };
    let mut out = format!("{verdict}\n");
    part(&mut out, "why", &checked.why);
    let effect = match (checked.unknown, checked.effect) {
        (true, _) => "unknown, so it counts as irreversible",
        (false, Effect::Read) => "read",
        (false, Effect::Reversible) => "reversible",
        (false, Effect::Irreversible) => "irreversible",
    };
    pair(&mut out, "effect", effect);
    if let Some(action) = &checked.undoes {
        pair(&mut out, "takes back", &visible::line(action));
    }
    if let Some(id) = &checked.handoff_id {
        pair(&mut out, "handoff", &visible::line(id));
        if checked.verdict == Gate::Held {
            pair(&mut out, "next", &format!("handoff wait {}", visible::line(id)));
        }
    }
    list(&mut out, "waits for", &checked.blocked_by);
    list(&mut out, "free steps", &checked.runnable);
    out
}

/// The answer to a record.
pub fn recorded(recorded: &Recorded) -> String {
    let known = if recorded.replayed { ", known already" } else { "" };
    let mut out = format!("{}  recorded{known}\n", visible::line(&recorded.id));
    if let Some(id) = &recorded.reconciled {
        pair(&mut out, "carries out", &visible::line(id));
    }
    if let Some(action) = &recorded.undid {
        pair(&mut out, "takes back", &visible::line(action));
    }
    if let Some(why) = &recorded.diverged {
        part(&mut out, "told", why);
        pair(&mut out, "level", "suggest, until the reviewer has looked");
    }
    out
}

/// The answer to a list of tools.
pub fn tools(known: &ToolsKnown) -> String {
    let mut out = format!("level {}\n", level(known.level));
    list(&mut out, "accepted", &known.accepted);
    list(&mut out, "to look at", &known.waiting);
    out
}

/// How a task stands.
pub fn task(standing: &TaskStanding) -> String {
    let state = if standing.closed { "closed" } else { "open" };
    let mut out = format!(
        "{}  {state}, plan {}, level {}\n",
        visible::line(&standing.task),
        standing.revision,
        level(standing.level)
    );
    if standing.stopped.is_some() {
        pair(&mut out, "stopped", "the reviewer has paused it or does it");
    }
    list(&mut out, "free steps", &standing.runnable);
    list(&mut out, "pending", &standing.pending);
    if let Some(draft) = &standing.draft {
        pair(&mut out, "draft", &visible::line(draft));
    }
    out
}

/// What the agent is told.
pub fn next(told: &NextItems) -> String {
    if told.items.is_empty() {
        return "Nothing new.\n".to_owned();
    }
    let mut out = String::new();
    for item in &told.items {
        let task = item.task.as_deref().map_or("all work".to_owned(), visible::line);
        let what = match &item.instruction {
            Instruction::Pause => "Pause: only what reads may go on.".to_owned(),
            Instruction::Resume => "Go on.".to_owned(),
            Instruction::TakeOver { .. } => "The reviewer does this now: leave it.".to_owned(),
            Instruction::GiveBack { .. } => "It is yours again.".to_owned(),
            Instruction::Plan { revision, .. } => format!("Follow plan {revision} (see --json)."),
            Instruction::Undo { action, tool, .. } => {
                format!("Undo {} with {} (below).", visible::line(action), visible::line(tool))
            }
            Instruction::UndoYourself { action, .. } => {
                format!("Undo {} in your own way.", visible::line(action))
            }
            Instruction::Directive { text, .. } | Instruction::Message { text } => {
                visible::line(text)
            }
        };
        pair(&mut out, &task, &what);
        match &item.instruction {
            Instruction::TakeOver { message: Some(message) } => {
                part(&mut out, "tell the end user", &message.text);
            }
            Instruction::GiveBack { done, facts, directive: lines, text } => {
                let steps: Vec<String> = done.iter().map(|done| done.step.clone()).collect();
                list(&mut out, "done by hand", &steps);
                for (name, value) in facts {
                    pair(&mut out, &visible::line(name), &visible::line(&value.to_string()));
                }
                if let Some(text) = text {
                    part(&mut out, "says", text);
                }
                directive(&mut out, lines);
            }
            Instruction::Plan { text: Some(text), .. } => part(&mut out, "why", text),
            Instruction::Undo { tool, args, key, .. } => {
                let call = json!({ "tool": tool, "args": args, "key": key });
                part(&mut out, "check, call and record", &call.to_string());
            }
            Instruction::UndoYourself { why, .. } => {
                part(&mut out, "why", why);
                pair(&mut out, "then", &format!("handoff next --undid {}", item.id));
            }
            Instruction::Directive { directive, .. } => {
                for line in directive {
                    pair(&mut out, &visible::line(&line.step), &visible::line(&line.why));
                }
            }
            Instruction::Pause
            | Instruction::Resume
            | Instruction::TakeOver { message: None }
            | Instruction::Plan { text: None, .. }
            | Instruction::Message { .. } => {}
        }
    }
    out
}

fn list(out: &mut String, name: &str, values: &[String]) {
    if !values.is_empty() {
        let shown: Vec<String> = values.iter().map(|value| visible::line(value)).collect();
        pair(out, name, &shown.join(", "));
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Suggest => "suggest",
        Level::Draft => "draft",
        Level::Execute => "execute",
    }
}
