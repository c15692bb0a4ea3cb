//! The tools as the agent tells the desk of them: what they do, what they are
//! given, and what it claims of their effect.
//!
//! The reviewer accepts a definition letter for letter, so nothing in it may
//! depend on the run.

use handoff_domain::action::Effect;
use handoff_protocol::wire::{Tool, Tools};
use serde_json::{Value, json};

use super::plan::TRASH;

/// Makes one or more moves.
pub const MOVE: &str = "files.move";

/// All tools.
pub const NAMES: [&str; 6] =
    ["files.list", "files.compare", MOVE, "files.trash", "files.delete", "files.report"];

/// The tools with their definitions.
pub fn all() -> Tools {
    let paths = || json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true });
    let way = json!({
        "type": "object", "required": ["from", "to"], "additionalProperties": false,
        "properties": { "from": { "type": "string" }, "to": { "type": "string" } },
    });
    let moves = json!({ "type": "array", "items": way, "uniqueItems": true, "minItems": 1 });
    let file = json!({ "type": "string" });
    let tools = [
        (
            "Looks at the files that lie open in the folder, and changes nothing.",
            takes(&json!({ "folder": { "type": "string" } }), &["folder"]),
            Effect::Read,
        ),
        (
            "Compares files by content, and changes nothing.",
            takes(&json!({ "files": { "type": "integer", "minimum": 0 } }), &["files"]),
            Effect::Read,
        ),
        (
            "Moves files inside the folder. Nothing is overwritten; each can be moved back.",
            takes(&json!({ "moves": moves }), &["moves"]),
            Effect::Reversible,
        ),
        (
            "Moves extra copies to the folder Trash. Each can be moved back.",
            takes(&json!({ "paths": paths(), "into": { "const": TRASH } }), &["paths", "into"]),
            Effect::Reversible,
        ),
        (
            "Deletes extra copies. A deleted file cannot be brought back.",
            takes(&json!({ "paths": paths() }), &["paths"]),
            Effect::Irreversible,
        ),
        (
            "Writes a report about the folder to a place of the agent's own.",
            takes(&json!({ "file": file }), &["file"]),
            Effect::Reversible,
        ),
    ];
    let tools = NAMES.into_iter().zip(tools).map(|(name, (description, schema, effect))| Tool {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        args_schema: Some(schema),
        effect: Some(effect),
        annotations: None,
    });
    Tools { tools: tools.collect() }
}

fn takes(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "properties": properties, "required": required,
    })
}
