//! The answers the agent prepares, with what speaks for and against each.

use std::collections::BTreeMap;

use handoff_domain::action::{Effect, Undo};
use handoff_domain::payload::{HandoffOption, ProposedAction, Risk, RiskLevel};
use serde_json::{Map, Value, json};

use super::case::{counted, size};
use super::ledger::Run;
use super::plan::{self, Group, Move, TRASH};

/// Make the planned moves.
pub const SORT: &str = "sort";
/// Move nothing.
pub const LIST_ONLY: &str = "list-only";
/// Delete the extra copies.
pub const DELETE: &str = "delete";
/// Move the extra copies to the trash folder.
pub const INTO_TRASH: &str = "trash";
/// Leave the extra copies.
pub const KEEP_ALL: &str = "keep-all";

/// How many files the moves bring into each folder.
pub fn folders(moves: &[Move]) -> BTreeMap<&str, usize> {
    let mut folders = BTreeMap::new();
    for way in moves {
        let folder = way.to.rsplit_once('/').map_or("", |(folder, _)| folder);
        *folders.entry(folder).or_default() += 1;
    }
    folders
}

/// The answers to the question about the moves.
pub fn for_moves(run: &Run) -> Vec<HandoffOption> {
    let mut options = Vec::new();
    if run.care < 2 {
        let files: Vec<&str> = run.moves.iter().map(|way| way.from.as_str()).collect();
        options.push(HandoffOption {
            id: SORT.to_owned(),
            label: format!("Move {}", counted(run.moves.len(), "file", "files")),
            description: Some("Move each file into the folder of its type, one by one.".to_owned()),
            pros: words(&[
                "The folder becomes easy to look through",
                "Every move can be taken back",
            ]),
            cons: words(&["Programs that remember a file's old place no longer find it"]),
            risk: risk(
                RiskLevel::Low,
                Effect::Reversible,
                "A moved file can be moved back; nothing is overwritten.",
            ),
            action: Some(ProposedAction {
                tool: "files.move".to_owned(),
                args: object(json!({ "moves": run.moves })),
                args_schema: Some(moves_schema(&files)),
                undo: Some(move_back(&run.moves)),
                files: absolute(run, files.iter().copied()),
            }),
            preconditions: Vec::new(),
            recommended: true,
        });
    }
    options.push(HandoffOption {
        id: LIST_ONLY.to_owned(),
        label: "Only list them".to_owned(),
        description: Some("Leave every file where it is and write down what is there.".to_owned()),
        pros: words(&["Nothing in the folder changes"]),
        cons: words(&["The heap stays a heap"]),
        risk: risk(RiskLevel::Low, Effect::Read, "Nothing is changed."),
        action: None,
        preconditions: Vec::new(),
        recommended: options.is_empty(),
    });
    options
}

/// The answers to the question about the duplicates, the recommended one first.
pub fn for_removal(run: &Run) -> Vec<HandoffOption> {
    let extra = plan::extras(&run.groups);
    let gain = size(run.groups.iter().map(Group::gain).sum());
    let copies = counted(extra.len(), "copy", "copies");
    let mut options = Vec::new();
    if run.care < 2 {
        options.push(HandoffOption {
            id: INTO_TRASH.to_owned(),
            label: format!("Move {copies} to {TRASH}"),
            description: Some(format!(
                "Put the extra copies into the folder {TRASH}, to be emptied by hand."
            )),
            pros: words(&["Each copy can be moved back", "The folders are free of duplicates"]),
            cons: vec![format!("The {gain} stay in use until {TRASH} is emptied")],
            risk: risk(
                RiskLevel::Low,
                Effect::Reversible,
                "A moved file can be moved back; nothing is overwritten.",
            ),
            action: Some(ProposedAction {
                tool: "files.trash".to_owned(),
                args: object(json!({ "paths": extra, "into": TRASH })),
                args_schema: Some(paths_schema(&extra, true)),
                undo: Some(move_back(&plan::into_trash(&extra, &run.taken))),
                files: absolute(run, extra.iter().map(String::as_str)),
            }),
            preconditions: Vec::new(),
            recommended: true,
        });
    }
    if run.care == 0 {
        options.push(HandoffOption {
            id: DELETE.to_owned(),
            label: format!("Delete {copies}"),
            description: Some(format!("Delete the extra copies for good; this frees {gain}.")),
            pros: vec![format!("Frees {gain} at once"), "Nothing is left to clean up".to_owned()],
            cons: words(&["Cannot be taken back"]),
            risk: risk(
                RiskLevel::High,
                Effect::Irreversible,
                "A deleted file cannot be brought back.",
            ),
            action: Some(ProposedAction {
                tool: "files.delete".to_owned(),
                args: object(json!({ "paths": extra })),
                args_schema: Some(paths_schema(&extra, false)),
                undo: None,
                files: absolute(run, extra.iter().map(String::as_str)),
            }),
            preconditions: Vec::new(),
            recommended: false,
        });
    }
    options.push(HandoffOption {
        id: KEEP_ALL.to_owned(),
        label: "Keep all".to_owned(),
        description: Some(
            "Leave the extra copies where they are and name them in the report.".to_owned(),
        ),
        pros: words(&["Nothing can be lost"]),
        cons: vec![format!("{gain} stay in use"), "The duplicates stay confusing".to_owned()],
        risk: risk(RiskLevel::Low, Effect::Read, "Nothing is changed."),
        action: None,
        preconditions: Vec::new(),
        recommended: options.is_empty(),
    });
    options
}

/// Edited arguments may leave paths out, never add one.
fn paths_schema(paths: &[String], trash: bool) -> Value {
    let list = json!({ "type": "array", "items": { "enum": paths }, "uniqueItems": true });
    if trash {
        json!({
            "type": "object", "required": ["paths", "into"], "additionalProperties": false,
            "properties": { "paths": list, "into": { "const": TRASH } },
        })
    } else {
        json!({
            "type": "object", "required": ["paths"], "additionalProperties": false,
            "properties": { "paths": list },
        })
    }
}

/// Edited arguments may leave moves out or name other targets in the folder.
fn moves_schema(files: &[&str]) -> Value {
    json!({
        "type": "object", "required": ["moves"], "additionalProperties": false,
        "properties": { "moves": {
            "type": "array", "uniqueItems": true,
            "items": {
                "type": "object", "required": ["from", "to"], "additionalProperties": false,
                "properties": {
                    "from": { "enum": files },
                    "to": { "type": "string", "pattern": "^[^./][^/]*(/[^./][^/]*){0,6}$" },
                },
            },
        } },
    })
}

/// The call that moves everything back, the last move first.
pub fn move_back(moves: &[Move]) -> Undo {
    let back: Vec<Move> = moves.iter().rev().map(Move::back).collect();
    Undo::Tool {
        tool: "files.move".to_owned(),
        args: object(json!({ "moves": back })),
        until: None,
    }
}

fn absolute<'a>(run: &Run, paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    paths.map(|path| run.folder.join(path).display().to_string()).collect()
}

fn risk(level: RiskLevel, effect: Effect, why: &str) -> Risk {
    Risk { level, effect, why: why.to_owned() }
}

fn words(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// The members of an object written with `json!`.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
