//! The handoff that a draft becomes: what the work has changed so far, for the
//! reviewer to look through.
//!
//! It carries what fits on a card and says what does not: the desk has all of it,
//! and the ids alone are what is undone.

use std::collections::BTreeMap;

use handoff_domain::action::{Action, ActionStatus};
use handoff_domain::decision::fingerprint;
use handoff_domain::payload::{Deadline, Priority, Task};
use handoff_domain::rollback::Standing;
use handoff_store::Past;
use serde_json::{Value, json};

use super::ask::clipped;
use super::carried::{self, carried};
use crate::elsewhere;
use crate::rollback::UNDO;

/// The most that the actions of a draft may hold, in bytes: a payload takes 8 MiB.
const MOST: usize = 6 * 1024 * 1024;

/// The handoff in which the reviewer looks through a draft: accept all, have
/// all undone, or pick what is to be undone by editing the list.
pub fn payload(
    task: &Task,
    (drafted, unrecorded, standings): (&[Past], &[String], &BTreeMap<String, Standing>),
    deadline: &Deadline,
    over: bool,
) -> String {
    let ids: Vec<&str> = drafted.iter().map(|past| past.action.id.as_str()).collect();
    let count = ids.len();
    let things = if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
    let way_back = way_back(drafted, standings);
    let missing = not_in_it(unrecorded);
    let (actions, not_included) = fitting(drafted);
    let last = drafted.last().map_or("", |past| past.action.id.as_str());
    let key = fingerprint(&json!(["draft", task.id, ids, last]));
    json!({
        "version": "1",
        "key": format!("draft:{}", &key[..32]),
        "task": task,
        "reason": { "code": "approval_required", "detail": "It worked at the level Draft: its changes wait for you to look through." },
        "priority": Priority::Normal,
        "summary": format!(
            "The work on “{}” {} as a draft of {things}. {way_back}{missing} \
             Rejecting it undoes nothing: all of it stays as it is.",
            task.title.chars().take(120).collect::<String>(),
            if over { "is done" } else { "stands so far" },
        ),
        "pending_question": { "text": format!("Keep the draft of {things}?") },
        "deadline": deadline,
        "options": [
            {
                "id": "accept",
                "label": "Keep all",
                "risk": { "level": "low", "effect": "read", "why": "It is done already; nothing more changes." },
                "recommended": true,
            },
            {
                "id": "roll_back",
                "label": "Undo all",
                "description": "Edit the list to have only some of it undone.",
                "risk": { "level": "medium", "effect": "reversible", "why": "Each change is undone as it was declared, the last one first." },
                "action": {
                    "tool": UNDO,
                    "args": { "actions": ids },
                    "args_schema": {
                        "type": "object",
                        "required": ["actions"],
                        "additionalProperties": false,
                        "properties": {
                            "actions": { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "enum": ids } },
                        },
                    },
                },
            },
        ],
        "allowed_decisions": ["approve", "modify", "inform"],
        "briefing": { "intent": task.goal, "not_included": not_included },
        "actions_taken": actions,
    })
    .to_string()
}

/// How many of its changes can be undone, and which cannot.
fn way_back(drafted: &[Past], standings: &BTreeMap<String, Standing>) -> String {
    const NAMED: usize = 3;
    let failed = drafted.iter().filter(|past| past.action.status == ActionStatus::Failed).count();
    let stuck: Vec<&Action> = drafted
        .iter()
        .map(|past| &past.action)
        .filter(|action| action.status != ActionStatus::Failed)
        .filter(|action| standings.get(&action.id).is_none_or(|standing| !elsewhere::can(standing)))
        .collect();
    let can = match drafted.len() - failed - stuck.len() {
        all if all == drafted.len() => "Every one of them can be undone.".to_owned(),
        0 => "None of them can be undone.".to_owned(),
        some => format!("{some} of them can be undone."),
    };
    let failed = match failed {
        0 => String::new(),
        _ => format!(" {failed} failed, and may have changed something all the same."),
    };
    if stuck.is_empty() {
        return can + &failed;
    }
    let count = stuck.len();
    let named: Vec<String> = stuck.iter().take(NAMED).map(|action| name(action)).collect();
    let more = match count.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = named.join(", ");
    format!("{can}{failed} {count} cannot as things are: {named}{more}. The list says why.")
}

/// What a change is told by: its file, else its tool.
fn name(action: &Action) -> String {
    let place = action.files.first().map(String::as_str);
    let input = action.input.as_ref();
    let place = place.or_else(|| input.and_then(|input| elsewhere::paths(input).next_back()));
    format!("“{}”", clipped(place.unwrap_or(&action.tool), 80))
}

/// What a draft does not hold: what was let run in it and nobody has told of.
fn not_in_it(unrecorded: &[String]) -> String {
    const NAMED: usize = 3;
    if unrecorded.is_empty() {
        return String::new();
    }
    let mut named: Vec<String> = unrecorded.iter().map(|tool| clipped(tool, 40)).collect();
    named.dedup();
    let more = if named.len() > NAMED { ", …" } else { "" };
    named.truncate(NAMED);
    let calls = match unrecorded.len() {
        1 => "1 call".to_owned(),
        count => format!("{count} calls"),
    };
    format!(
        " It may not be all: nothing was recorded of {calls} that it let run ({}{more}).",
        named.join(", "),
    )
}

/// The actions of a draft as a payload takes them, and what of them is not there.
fn fitting(drafted: &[Past]) -> (Vec<Action>, Vec<String>) {
    let mut not_included = Vec::new();
    let mut before: Vec<&str> = Vec::new();
    let mut changed = 0;
    let mut actions = Vec::with_capacity(drafted.len());
    for past in drafted {
        let (mut action, as_it_was) = carried(past.action.clone());
        changed += usize::from(!as_it_was);
        action.effect = past.effect;
        // What they belonged to does not come along.
        action.step = None;
        action.depends_on.retain(|id| before.contains(&id.as_str()));
        action.handoff = None;
        before.push(&past.action.id);
        actions.push(action);
    }
    not_included.extend(carried::said(changed));
    if size(&actions) > MOST {
        for action in &mut actions {
            action.output = None;
            action.reasoning = None;
            action.facts.clear();
            action.undo = None;
        }
        not_included.push(
            "What the calls gave back, and how each is undone: too long for a card".to_owned(),
        );
    }
    if size(&actions) > MOST {
        let each = MOST / 2 / actions.len().max(1);
        for action in &mut actions {
            shorten(action, each);
        }
        not_included.push("The whole of what the calls were given: too long for a card".to_owned());
    }
    (actions, not_included)
}

/// Shortens openly what a call was given, to so many bytes.
fn shorten(action: &mut Action, most: usize) {
    let Some(text) = action.input.as_ref().map(Value::to_string) else { return };
    if text.len() > most {
        let start = carried::start(&text, most);
        let left = text.len() - start.len();
        action.input = Some(Value::String(format!("{start}… and {left} bytes more")));
    }
    let mut left = most;
    action.files.retain(|file| {
        left = left.saturating_sub(file.len());
        left > 0
    });
}

fn size(actions: &[Action]) -> usize {
    actions.iter().map(|action| json!(action).to_string().len()).sum()
}
