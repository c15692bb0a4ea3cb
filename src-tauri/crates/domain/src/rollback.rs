//! Rollback: which completed actions can be taken back, what goes along, what
//! stays, and in which order (DESIGN §7).
//!
//! Pure: it undoes nothing itself. [`execution`] says how a rollback goes on
//! once it was confirmed; running an undo is the business of who calls it.

pub mod execution;
mod order;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::action::{ActionStatus, Effect, Undo};
use crate::payload::Plan;
use crate::reconcile::Graph;
use crate::record::{NoUndo, Recorded, repeated};
use crate::validate::Fault;
use crate::validate::names::{choose, clip};

pub(crate) use order::Dependencies;
use order::{Key, Link};

/// What a rollback is planned from.
#[derive(Debug, Clone)]
pub struct Ledger<'r> {
    /// The actions of the task, oldest first.
    pub actions: Vec<Recorded<'r>>,
    /// The plan in force; none where the task has none.
    pub plan: Option<&'r Plan>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// What the reviewer wants undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Selection {
    /// These actions.
    Actions {
        /// Their ids.
        ids: Vec<String>,
    },
    /// This action and all that came after it.
    SinceAction {
        /// Its id.
        id: String,
    },
    /// All since this moment (RFC 3339).
    SinceTime {
        /// The moment.
        #[ts(type = "string")]
        at: DateTime<Utc>,
    },
}

/// Where a completed action stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// There is nothing to undo.
    Nothing {
        /// Why.
        why: String,
    },
    /// It can be undone.
    Reversible {
        /// Until then (RFC 3339); without a limit where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
        /// What undoing it does.
        how: String,
    },
    /// It cannot be undone, but something can make up for it.
    Compensating {
        /// Until then (RFC 3339); without a limit where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
        /// What that does.
        how: String,
    },
    /// It cannot be undone.
    Irreversible {
        /// Why.
        why: String,
    },
    /// It was undone.
    Undone,
    /// An attempt to undo it failed.
    UndoFailed {
        /// Why.
        why: String,
        /// Whether it can be tried again.
        again: bool,
    },
}

/// A rollback, before anything runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct RollbackPlan {
    /// What is undone, in this order.
    pub steps: Vec<Undoing>,
    /// What cannot be undone, and what that leaves behind.
    pub stays: Vec<Stays>,
    /// What is wrong with the selection or the record.
    pub faults: Vec<Fault>,
}

/// One undo of a rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Undoing {
    /// The action that is undone.
    pub action: String,
    /// Its tool.
    pub tool: String,
    /// The step it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub step: Option<String>,
    /// What is done.
    pub undo: Undo,
    /// The files that are restored, where the desk does it.
    pub files: Vec<String>,
    /// The same in words.
    pub how: String,
    /// Whether it only makes up for what cannot be undone.
    pub compensates: bool,
    /// Why it goes along, where it was not selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub along: Option<Along>,
}

/// Why an action goes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Along {
    /// The undone action that it goes along with.
    pub with: String,
    /// Why.
    pub why: String,
}

/// An action that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Stays {
    /// The action.
    pub action: String,
    /// Its tool.
    pub tool: String,
    /// The step it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub step: Option<String>,
    /// Why it cannot be undone.
    pub why: String,
    /// What that leaves behind.
    pub leaves: String,
    /// Whether the reviewer selected it.
    pub selected: bool,
}

/// Where an action stands at `now`.
pub fn standing(recorded: &Recorded<'_>, now: DateTime<Utc>) -> Standing {
    let undo = recorded.undo(now);
    if let (Some(why), false) =
        (recorded.undo_failed, recorded.action.status == ActionStatus::Undone)
    {
        return Standing::UndoFailed { why: why.to_owned(), again: undo.is_ok() };
    }
    match undo {
        Ok(undo) => {
            let (until, how) = (undo.until(), how(recorded, undo));
            if recorded.effect == Effect::Irreversible {
                Standing::Compensating { until, how }
            } else {
                Standing::Reversible { until, how }
            }
        }
        Err(NoUndo::Undone) => Standing::Undone,
        Err(no @ (NoUndo::Read | NoUndo::Running)) => Standing::Nothing { why: no.why() },
        Err(_) if recorded.action.status == ActionStatus::Failed => {
            Standing::Nothing { why: "It failed.".to_owned() }
        }
        Err(no) => Standing::Irreversible { why: no.why() },
    }
}

/// Plans a rollback: what goes, what goes along, what stays.
pub fn plan(ledger: &Ledger<'_>, selection: &Selection) -> RollbackPlan {
    static NO_PLAN: Plan = Plan { steps: Vec::new() };
    let steps = ledger.plan.unwrap_or(&NO_PLAN);
    let graph = Graph::new(steps);
    let mut planned = RollbackPlan { faults: graph.faults(), ..RollbackPlan::default() };
    let actions = &ledger.actions;
    for id in repeated(actions.iter().map(|recorded| recorded.action.id.as_str())) {
        planned.fault(
            "",
            format!("There are two actions `{}`.", clip(id)),
            "Undo them one by one.",
        );
    }
    let selected = selected(ledger, selection, &mut planned);
    let can = |at: usize| {
        actions[at].action.status == ActionStatus::Done && actions[at].undo(ledger.now).is_ok()
            || selected[at] && actions[at].undo(ledger.now).is_ok()
    };
    let dependencies = Dependencies::new(actions, &graph);
    let starts: Vec<usize> = (0..actions.len()).filter(|at| selected[*at] && can(*at)).collect();
    let links = dependencies.dependants(&starts);
    let goes = |at: usize| can(at) && (selected[at] || links[at].is_some());
    let chosen: Vec<usize> = (0..actions.len()).filter(|at| goes(*at)).collect();
    for at in dependencies.order(&chosen) {
        let recorded = &actions[at];
        let Ok(undo) = recorded.undo(ledger.now) else { continue };
        let along = links[at].as_ref().filter(|_| !selected[at]);
        planned.steps.push(Undoing {
            action: recorded.action.id.clone(),
            tool: recorded.action.tool.clone(),
            step: recorded.action.step.clone(),
            undo: undo.clone(),
            files: match undo {
                Undo::Files { .. } => recorded.action.files.clone(),
                Undo::Tool { .. } | Undo::Command { .. } => Vec::new(),
            },
            how: how(recorded, undo),
            compensates: recorded.effect == Effect::Irreversible,
            along: along.map(|link| Along {
                with: actions[link.with].action.id.clone(),
                why: why_along(link, at, ledger, steps),
            }),
        });
    }
    for at in (0..actions.len()).rev() {
        let recorded = &actions[at];
        let concerned = selected[at] || links[at].is_some();
        if goes(at) || !concerned || !recorded.stands() || !recorded.changes() {
            continue;
        }
        let Err(no) = recorded.undo(ledger.now) else { continue };
        planned.stays.push(Stays {
            action: recorded.action.id.clone(),
            tool: recorded.action.tool.clone(),
            step: recorded.action.step.clone(),
            why: no.why(),
            leaves: leaves(at, links[at].as_ref(), ledger),
            selected: selected[at],
        });
    }
    planned
}

impl RollbackPlan {
    fn fault(&mut self, pointer: &str, message: String, hint: impl Into<String>) {
        self.faults.push(Fault { pointer: pointer.to_owned(), message, hint: hint.into() });
    }
}

/// What the reviewer means, by the places of the actions.
fn selected(ledger: &Ledger<'_>, selection: &Selection, planned: &mut RollbackPlan) -> Vec<bool> {
    let actions = &ledger.actions;
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, recorded) in actions.iter().enumerate() {
        // Of two with one id the first is meant; that they are two is a fault.
        places.entry(recorded.action.id.as_str()).or_insert(at);
    }
    let find = |id: &str| places.get(id).copied();
    let unknown = |id: &str| {
        let known: Vec<&str> = actions.iter().map(|recorded| recorded.action.id.as_str()).collect();
        (format!("There is no action `{}`.", clip(id)), choose(id, &known))
    };
    let keys = order::keys(actions);
    let since = |first: Key| {
        keys.iter()
            .zip(actions)
            .map(|(key, recorded)| *key >= first && recorded.stands() && recorded.changes())
            .collect()
    };
    match selection {
        Selection::Actions { ids } => {
            let mut chosen = vec![false; actions.len()];
            for (number, id) in ids.iter().enumerate() {
                let pointer = format!("/ids/{number}");
                let Some(at) = find(id) else {
                    let (message, hint) = unknown(id);
                    planned.fault(&pointer, message, hint);
                    continue;
                };
                if let Err(no @ (NoUndo::Read | NoUndo::Undone)) = actions[at].undo(ledger.now) {
                    let message = format!("`{}` cannot be undone. {}", clip(id), no.why());
                    planned.fault(&pointer, message, "Leave it out.");
                } else {
                    chosen[at] = true;
                }
            }
            chosen
        }
        Selection::SinceAction { id } => {
            if let Some(at) = find(id) {
                since(keys[at])
            } else {
                let (message, hint) = unknown(id);
                planned.fault("/id", message, hint);
                vec![false; actions.len()]
            }
        }
        Selection::SinceTime { at } => since((Some(*at), 0)),
    }
}

/// What an undo does, in words.
fn how(recorded: &Recorded<'_>, undo: &Undo) -> String {
    match undo {
        Undo::Tool { tool, args, .. } => {
            format!("The agent calls {} with {}.", clip(tool), clip(&json(args)))
        }
        Undo::Command { argv, cwd, .. } => {
            format!("The desk runs {} in {}.", clip(&argv.join(" ")), clip(cwd))
        }
        Undo::Files { .. } => match recorded.action.files.as_slice() {
            [] => "The desk restores its files from its copies.".to_owned(),
            [file] => format!("The desk restores {} from its copy.", clip(file)),
            files => format!("The desk restores {} files from its copies.", files.len()),
        },
    }
}

fn json(args: &Map<String, Value>) -> String {
    serde_json::to_string(args).unwrap_or_default()
}

fn why_along(link: &Link<'_>, at: usize, ledger: &Ledger<'_>, steps: &Plan) -> String {
    let with = ledger.actions[link.with].action;
    let title = |id: Option<&str>| {
        steps
            .steps
            .iter()
            .find(|step| Some(step.id.as_str()) == id)
            .map_or_else(String::new, |step| clip(step.title.trim()))
    };
    match link.by {
        order::By::Result => format!("It used the result of {}.", clip(&with.tool)),
        order::By::File(file) => format!("It changed {} later.", clip(file)),
        order::By::Step => format!(
            "Its step “{}” builds on “{}”.",
            title(ledger.actions[at].action.step.as_deref()),
            title(with.step.as_deref())
        ),
    }
}

fn leaves(at: usize, link: Option<&Link<'_>>, ledger: &Ledger<'_>) -> String {
    let tool = clip(&ledger.actions[at].action.tool);
    match link {
        Some(link) => format!(
            "What {tool} did stays, though it builds on {}, which is undone.",
            clip(&ledger.actions[link.with].action.tool)
        ),
        None => format!("What {tool} did stays."),
    }
}
